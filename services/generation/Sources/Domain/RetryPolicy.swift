internal import Contracts

/// What happens after a failed try.
enum RetryDecision: Sendable, Equatable {
    /// A new task after a pause; counts as a try.
    case retry(after: Duration)
    /// The same try again after a pause: the provider has done nothing.
    case postpone(after: Duration)
    case fail(JobFailure)
}

/// How often and after which pauses failed tries are repeated.
enum RetryPolicy {
    /// Tries that a job has.
    static let attemptsMaximum = 3
    /// Postponements until a rate limit counts as the provider's failure: about three minutes.
    static let rateLimitPostponements = 8
    /// Postponements until an input that can't be fetched or uploaded is given up: about a minute and a half.
    static let inputPostponements = 8
    /// The same where only the operator can help.
    static let accountPostponements = 3

    /// How long to leave billing alone that gave no last word: longer the longer it has lasted.
    static func billingPause(waited: Duration) -> Duration { max(.seconds(2), min(.seconds(30), waited / 4)) }

    /// - Parameters:
    ///   - attempt: The number of the try that failed, from 1.
    ///   - postponements: How often the job was postponed so far.
    static func decide(_ failure: ErrorClass, attempt: Int, postponements: Int) -> RetryDecision {
        switch failure {
        case .rateLimit, .unreachable:
            postpone(postponements, limit: rateLimitPostponements, pauses: [2, 5, 12, 30])
        case .insufficientCredits, .keyLimit, .unauthorized:
            postpone(postponements, limit: accountPostponements, pauses: [5, 15, 30])
        case .temporary:
            attempt < attemptsMaximum ? .retry(after: .seconds(attempt == 1 ? 2 : 8)) : .fail(.provider)
        case .fetchFailed:
            // The files are uploaded anew once; what can't be fetched then is not worth a third try.
            attempt < 2 ? .retry(after: .seconds(1)) : .fail(.inputUnavailable)
        case .invalidInput: .fail(.invalidInput)
        case .refused: .fail(.refused)
        case .notFound: .fail(.provider)
        case .unknown: .fail(.unknown)
        }
    }

    private static func postpone(_ count: Int, limit: Int, pauses: [Int]) -> RetryDecision {
        count < limit ? .postpone(after: .seconds(pauses[min(count, pauses.count - 1)])) : .fail(.provider)
    }
}
