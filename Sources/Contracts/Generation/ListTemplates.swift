/// Every template of the operator, in order. Small enough to be cached whole by the caller.
package enum ListTemplates: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/templates"
    package static let callers: Set<ServiceName> = [.conversation, .operator]

    package struct Output: Codable, Sendable, Equatable {
        /// Changes whenever the list does.
        package var revision: String
        package var templates: [Template]

        package init(revision: String, templates: [Template]) {
            self.revision = revision
            self.templates = templates
        }
    }
}

/// Words with slots: a prompt that a user completes by answering a few questions.
package struct Template: Codable, Sendable, Equatable {
    /// Stable and small, for buttons; never reused.
    package var number: Int
    package var slug: String
    package var title: LocalizedText
    package var summary: LocalizedText
    /// What it is for; offered with models that do one of these.
    package var tasks: [ModelTask]
    /// The prompt, with `{name}` where a slot's text goes. A piece in `[…]` is left out if a slot in it is empty.
    package var text: String
    /// In the order in which they are asked.
    package var slots: [TemplateSlot]

    package init(
        number: Int,
        slug: String,
        title: LocalizedText,
        summary: LocalizedText,
        tasks: [ModelTask],
        text: String,
        slots: [TemplateSlot]
    ) {
        self.number = number
        self.slug = slug
        self.title = title
        self.summary = summary
        self.tasks = tasks
        self.text = text
        self.slots = slots
    }
}

/// A question of a template.
package struct TemplateSlot: Codable, Sendable, Equatable {
    /// As it stands in the text, e.g. `product`.
    package var name: String
    package var label: LocalizedText
    package var isRequired: Bool
    /// In Unicode scalars.
    package var maximumLength: Int
    /// Answers that are offered as buttons; others may be typed.
    package var suggestions: [LocalizedText]?

    package init(
        name: String,
        label: LocalizedText,
        isRequired: Bool,
        maximumLength: Int,
        suggestions: [LocalizedText]? = nil
    ) {
        self.name = name
        self.label = label
        self.isRequired = isRequired
        self.maximumLength = maximumLength
        self.suggestions = suggestions
    }
}
