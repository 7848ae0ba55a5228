/// Every model that can be sold now, in catalogue order. Small enough to be cached whole by the caller.
package enum ListModels: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/models"
    package static let callers: Set<ServiceName> = [.conversation, .operator]

    package struct Output: Codable, Sendable, Equatable {
        /// Changes whenever the list does.
        package var revision: String
        package var models: [Model]
        /// Whether `HelpPrompt` translates, which takes an assistant; no if absent. Not counted in the revision.
        package var translatesPrompts: Bool?

        package init(revision: String, models: [Model], translatesPrompts: Bool? = nil) {
            self.revision = revision
            self.models = models
            self.translatesPrompts = translatesPrompts
        }
    }
}
