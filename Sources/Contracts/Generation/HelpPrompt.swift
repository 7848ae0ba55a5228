/// Suggests better words for a run: improved, translated, or a script made of a product's description.
///
/// A suggestion only: both versions come back, and the user chooses. Written by the configured assistant, or by templates where
/// there is none or it does not answer. Free for the user, and limited by day. Problems: `limit_exceeded`; `unavailable` for a
/// translation without an assistant.
package enum HelpPrompt: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/prompt-help"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let problems: Set<ProblemCode> = [.modelNotFound, .limitExceeded]
    package static let defaultTimeout = Duration.seconds(30)

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        package var kind: PromptHelpKind
        /// 1...4,000 Unicode scalars.
        package var text: String
        /// Which model the words are for; decides what is worth saying and how long it may be.
        package var modelNumber: Int?
        /// The language of a translation as ISO 639-1, e.g. `en`, which it is if absent.
        package var language: String?

        package init(
            userID: UserID,
            kind: PromptHelpKind,
            text: String,
            modelNumber: Int? = nil,
            language: String? = nil
        ) {
            self.userID = userID
            self.kind = kind
            self.text = text
            self.modelNumber = modelNumber
            self.language = language
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var before: String
        /// Equal to `before` where there is nothing to better.
        package var after: String
        package var source: PromptHelpSource
        /// What the help costs the user, in kopecks.
        package var costKopecks: Int64

        package init(before: String, after: String, source: PromptHelpSource, costKopecks: Int64) {
            self.before = before
            self.after = after
            self.source = source
            self.costKopecks = costKopecks
        }
    }
}

/// What help is asked for.
package enum PromptHelpKind: String, Codable, Sendable, CaseIterable {
    /// The same wish, said so that a model does more with it.
    case improve
    case translate
    /// A short film's script out of a product's description.
    case script
}

/// Who wrote a suggestion.
package enum PromptHelpSource: String, Codable, Sendable, CaseIterable {
    case templates, assistant
}
