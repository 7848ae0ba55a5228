internal import Contracts

extension Screens {
    /// Templates for what the draft's model does.
    func templates() -> Card {
        guard let model = turn.draftModel else { return home() }
        let found = Array(catalogue.templates(for: model).prefix(8))
        var keyboard = keyboard()
        keyboard.grid(found.map { keyboard.button(texts.text($0.title), .template($0.number)) })
        keyboard.footer(back: .composer)
        let rows = found.map { template in
            texts.html(
                .templateRow,
                ["title": .text(texts.text(template.title)), "summary": .text(texts.text(template.summary))]
            )
        }
        return Card(text: lines(texts.html(.templates), rows.joined(separator: "\n")), keyboard: keyboard)
    }

    /// The next question of a template.
    func template() -> Card {
        guard let filling = session.filling, let template = catalogue.template(filling.number),
            let slot = filling.slot(of: template)
        else { return templates() }
        var keyboard = keyboard()
        keyboard.grid(
            (slot.suggestions ?? []).enumerated().map { keyboard.button(texts.text($1), .suggestion($0)) }
        )
        if !slot.isRequired { keyboard.row(keyboard.button(.buttonSkip, .skipSlot)) }
        keyboard.footer(back: .templates)
        let place = (template.slots.firstIndex(of: slot) ?? 0) + 1
        return Card(
            text: lines(
                "<b>\(Texts.escape(texts.text(template.title)))</b>",
                texts.html(
                    .templateSlot,
                    [
                        "n": .text(String(place)), "of": .text(String(template.slots.count)),
                        "slot": .text(texts.text(slot.label)),
                        "limit": .text(texts.plural(.characterBound, slot.maximumLength)),
                    ]
                )
            ),
            keyboard: keyboard
        )
    }
}
