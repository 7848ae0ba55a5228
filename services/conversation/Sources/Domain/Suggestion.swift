internal import Contracts

/// Better words for the current draft, as generation suggested them; only the user makes them the prompt.
struct Suggestion: Codable, Sendable, Equatable {
    var kind: PromptHelpKind
    var after: String
    var costKopecks: Int64
}

/// Words that help is wanted with.
struct HelpWish: Sendable, Equatable {
    var kind: PromptHelpKind
    var text: String
    var modelNumber: Int
}

/// What became of the wish for help.
enum HelpOutcome: Sendable, Equatable {
    case suggested(HelpPrompt.Output)
    case refused(Problem)
    /// Generation did not answer in time.
    case unavailable
}
