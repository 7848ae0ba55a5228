/// What kind of failure the provider's answer means, and so what happens next. The raw values label metrics.
enum ErrorClass: String, Sendable, CaseIterable {
    /// The provider's account has no credits left.
    case insufficientCredits = "insufficient_credits"
    /// Too many calls; nothing was done.
    case rateLimit = "rate_limit"
    /// The key's own spending cap is reached.
    case keyLimit = "key_limit"
    /// The provider does not accept a value.
    case invalidInput = "invalid_input"
    /// The content is against the provider's rules.
    case refused
    /// May well succeed as a new task.
    case temporary
    /// The provider could not fetch an input file.
    case fetchFailed = "fetch_failed"
    /// The key is not accepted, or the provider's front refuses us.
    case unauthorized
    /// The model or task is not there, or switched off.
    case notFound = "not_found"
    /// Nothing left this machine. Never told by a text.
    case unreachable
    /// Anything else.
    case unknown
}

/// What the provider said about a failure: an answer of createTask, or a task that ended badly.
struct ProviderFailure: Sendable, Equatable {
    /// The body's `code`, a task's `failCode`, or the HTTP status where there was no envelope.
    var code: Int?
    /// The text; holds nothing of ours but possibly words of the user's prompt.
    var text: String

    var errorClass: ErrorClass { ErrorClassifier.classify(code: code, text: text) }
}
