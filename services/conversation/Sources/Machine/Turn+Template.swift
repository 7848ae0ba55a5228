internal import Contracts

/// A prompt from a template: choose one, answer its questions one by one.
extension Turn {
    mutating func openTemplates() {
        guard let model = draftModel, !catalogue.templates(for: model).isEmpty else { return missing(.toastOutdated) }
        session.filling = nil
        go(to: .templates)
    }

    mutating func open(template number: Int) {
        guard let model = draftModel, catalogue.templates(for: model).contains(where: { $0.number == number }) else {
            return missing(.toastOutdated)
        }
        session.filling = Filling(number: number)
        go(to: .template)
    }

    /// A suggestion was pressed.
    mutating func takeSuggestion(_ index: Int) {
        guard let (_, slot) = openSlot, let suggestions = slot.suggestions, suggestions.indices.contains(index) else {
            return missing(.toastOutdated)
        }
        fill(slot, with: texts.text(suggestions[index]))
    }

    mutating func skipSlot() {
        guard let (_, slot) = openSlot, !slot.isRequired else { return missing(.toastOutdated) }
        fill(slot, with: "")
    }

    /// Whether what is typed answers a question of a template.
    var isFilling: Bool { session.screen == .template && openSlot != nil }

    private var openSlot: (template: Template, slot: TemplateSlot)? {
        guard let filling = session.filling, session.draft != nil, let template = catalogue.template(filling.number),
            let slot = filling.slot(of: template)
        else { return nil }
        return (template, slot)
    }

    /// A typed answer. One that is too long is asked for again, with the limit.
    mutating func answerSlot(_ text: String) {
        guard let (_, slot) = openSlot else { return go(to: .composer) }
        guard text.unicodeScalars.count <= slot.maximumLength else {
            notices.append(
                texts.html(
                    .problemTooLong,
                    [
                        "input": .text(texts.text(slot.label)),
                        "limit": .text(texts.plural(.character, slot.maximumLength)),
                    ]
                )
            )
            return go(to: .template)
        }
        fill(slot, with: text)
    }

    private mutating func fill(_ slot: TemplateSlot, with text: String) {
        session.filling?.texts[slot.name] = text
        guard openSlot == nil else { return go(to: .template) }
        finishTemplate()
    }

    /// The answers are there: the prompt is written, and can be changed like any other.
    private mutating func finishTemplate() {
        guard let filling = session.filling, let template = catalogue.template(filling.number), let model = draftModel,
            let main = model.mainText, let prompt = try? template.filled(with: filling.texts)
        else {
            // The operator changed the template meanwhile: its questions begin anew.
            session.filling?.texts = [:]
            return go(to: .templates)
        }
        session.filling = nil
        session.editDraft { $0.set(main.name, to: .string(prompt)) }
        go(to: .composer)
    }
}
