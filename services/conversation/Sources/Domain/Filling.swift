internal import Contracts

/// A template while its slots are filled.
struct Filling: Codable, Sendable, Equatable {
    /// Of the template.
    var number: Int
    /// The slots that have been asked for, by name; an empty text for one that was skipped.
    var texts: [String: String] = [:]

    /// The slot that is asked for next; nil once all are.
    func slot(of template: Template) -> TemplateSlot? { template.slots.first { texts[$0.name] == nil } }
}

extension Catalogue {
    func template(_ number: Int) -> Template? { templates.first { $0.number == number } }

    /// Templates for what a model does, if it takes words at all.
    func templates(for model: Model) -> [Template] {
        guard let main = model.mainText else { return [] }
        return templates.filter { template in
            !Set(template.tasks).isDisjoint(with: model.tasks)
                && template.maximumLength <= main.maximumLength ?? template.maximumLength
        }
    }
}
