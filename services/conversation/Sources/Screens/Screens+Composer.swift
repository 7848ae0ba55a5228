internal import Contracts

extension Screens {
    /// One card for the whole run: what is there, the one thing that is missing, what it costs, what is left after.
    func composer() -> Card {
        guard let draft = session.draft, let model = turn.draftModel else { return home() }
        var keyboard = keyboard()
        let missing = draft.missingInput(of: model)
        let price = draft.usablePrice(at: turn.now)
        if let price, missing == nil {
            let title = texts.plain(.buttonGenerate, ["price": texts.price(price.kopecks)])
            keyboard.row(keyboard.button(title, .generate, .primary))
        } else if missing == nil {
            keyboard.row(keyboard.button(.buttonAskPrice, .composer))
        }
        keyboard.grid(alternativeButtons(keyboard))
        if let missing, missing.isChip {
            keyboard.grid(choiceButtons(missing, at: model.index(of: missing), of: draft, page: 0, keyboard).buttons)
        } else {
            keyboard.grid(chips(of: draft, model, keyboard))
        }
        keyboard.grid(mediaButtons(of: draft, model, keyboard))
        keyboard.grid(helpButtons(of: draft, model, keyboard))
        if !catalogue.templates(for: model).isEmpty {
            keyboard.row(keyboard.button(.buttonTemplates, .templates))
        }
        let hasAdvanced = model.optionInputs.contains(where: \.element.isAdvanced)
        let copies = missing == nil ? draft.copyChoices(of: model).filter { $0 > 1 } : []
        if !copies.isEmpty {
            let title = copies.map { "×\($0)" }.joined(separator: ", ")
            keyboard.row(keyboard.button(texts.plain(.buttonCopies, ["copies": title]), .copies))
        }
        keyboard.row(
            keyboard.button(.buttonOtherModel, .otherModels),
            hasAdvanced
                ? keyboard.button(draft.showsAdvanced ? .buttonLess : .buttonMore, .toggleAdvanced) : nil
        )
        keyboard.row(keyboard.button(.buttonDiscard, .discardDraft, .danger))
        keyboard.footer(back: .model(model.number))
        return Card(
            text: lines(
                "<b>\(Texts.escape(catalogue.title(of: draft, texts)))</b>",
                promptLine(draft, model),
                mediaLines(draft, model),
                "",
                missing.map { ask(for: $0) } ?? priceLine(draft),
                alternativesLine
            ),
            keyboard: keyboard
        )
    }

    func promptLine(_ draft: Draft, _ model: Model) -> String? {
        guard let main = model.mainText, let prompt = draft.prompt(of: model) else { return nil }
        var line = Texts.quoted(prompt)
        let count = prompt.unicodeScalars.count
        if let limit = main.maximumLength, count > limit {
            line +=
                "\n"
                + texts.html(
                    .promptTooLong,
                    ["over": .text(texts.plural(.character, count - limit)), "limit": .text(String(limit))]
                )
        } else if count > 300 {
            line += "\n" + texts.html(.promptLength, ["count": .text(texts.plural(.character, count))])
        }
        return line
    }

    private func mediaLines(_ draft: Draft, _ model: Model) -> String? {
        let rows = model.inputs.filter { $0.kind == .file || $0.kind == .files }.compactMap { input -> String? in
            let count = (draft.media[input.name] ?? []).count
            guard count > 0 || input.isRequired else {
                return texts.html(.slotHint, ["slot": .text(texts.name(of: input))])
            }
            return texts.html(
                .slotLine,
                [
                    "slot": .text(texts.name(of: input)), "count": .text(String(count)),
                    "limit": .text(String(input.capacity)),
                ]
            )
        }
        return rows.isEmpty ? nil : rows.joined(separator: "\n")
    }

    /// The price with its consequence.
    func priceLine(_ draft: Draft) -> String {
        guard let price = draft.usablePrice(at: turn.now) else { return texts.html(.priceUnknown) }
        let tag = Texts.Argument.text(texts.price(price))
        guard let balance = knowledge.balance, !turn.scene.isGroup, price.kopecks > 0 else {
            return texts.html(.priceOnly, ["price": tag])
        }
        let left = balance.availableKopecks - price.kopecks
        if left < 0 { return texts.html(.priceShort, ["price": tag, "shortage": .text(texts.money(-left))]) }
        return texts.html(.priceLeft, ["price": tag, "left": .text(texts.money(left))])
    }

    private func chips(of draft: Draft, _ model: Model, _ keyboard: Keyboard) -> [Button] {
        let shown = model.optionInputs.filter { !$0.element.isAdvanced || draft.showsAdvanced }
        return shown.prefix(10).map { index, input in
            let value = draft.value(of: input)
            let written = Texts.shortened(value.map { texts.display($0, of: input) } ?? "—", to: 20)
            let title = texts.plain(.chip, ["name": texts.name(of: input), "value": written])
            guard input.kind == .boolean else { return keyboard.button(title, .option(input: index, page: 0)) }
            let other = value?.bool == true ? 1 : 0
            let delta = delta(of: input.choices[other], for: input, in: draft)
            return keyboard.button(title + (delta ?? ""), .setOption(input: index, choice: other))
        }
    }

    /// ` +9 ₽`: what choosing a value would add to the price; nil if nothing.
    private func delta(of value: JSONValue, for input: ModelInput, in draft: Draft) -> String? {
        guard let kopecks = draft.price?.deltas[input.name]?[Texts.value(value)], kopecks != 0 else { return nil }
        return " " + (kopecks > 0 ? "+" : "") + texts.money(kopecks)
    }

    private func mediaButtons(of draft: Draft, _ model: Model, _ keyboard: Keyboard) -> [Button] {
        let filled = model.inputs.enumerated().filter { !(draft.media[$1.name] ?? []).isEmpty }
        return filled.prefix(3).map { index, input in
            keyboard.button(
                texts.plain(.buttonRemove, ["slot": texts.name(of: input)]),
                .clear(input: index)
            )
        }
    }

    /// Buttons for the values of an input, twelve a page, each with what it adds to the price.
    private func choiceButtons(
        _ input: ModelInput,
        at index: Int,
        of draft: Draft,
        page: Int,
        _ keyboard: Keyboard
    ) -> (buttons: [Button], page: Page<(offset: Int, element: JSONValue)>) {
        let page = Page(Array(input.choices.enumerated()), index: page, size: 12)
        let current = draft.value(of: input)
        let buttons = page.items.map { choice, value in
            let name = mark(texts.display(value, of: input), current == value)
            let title = name + (delta(of: value, for: input, in: draft) ?? "")
            return keyboard.button(title, .setOption(input: index, choice: choice))
        }
        return (buttons, page)
    }

    func option(_ index: Int, _ page: Int) -> Card {
        guard let draft = session.draft, let model = turn.draftModel, model.inputs.indices.contains(index) else {
            return composer()
        }
        let input = model.inputs[index]
        var keyboard = keyboard()
        let (buttons, shown) = choiceButtons(input, at: index, of: draft, page: page, keyboard)
        keyboard.grid(buttons)
        keyboard.pages(shown.index, of: shown.count) { .option(input: index, page: $0) }
        if input.kind == .text, draft.inputs[input.name] != nil {
            keyboard.row(
                keyboard.button(texts.plain(.buttonRemove, ["slot": texts.name(of: input)]), .clear(input: index))
            )
        }
        keyboard.footer(back: .composer)
        return Card(
            text: lines(
                texts.html(.optionTitle, ["input": .text(texts.name(of: input))]),
                hint(for: input),
                value(of: input, in: draft),
                draft.price.map { texts.html(.optionPrice, ["price": .text(texts.price($0.kopecks))]) }
            ),
            keyboard: keyboard
        )
    }

    private func hint(for input: ModelInput) -> String? {
        switch input.kind {
        case .integer, .number: texts.html(.optionType)
        case .text: texts.html(.askText, ["input": .text(texts.name(of: input))])
        case .choice, .boolean, .file, .files: nil
        }
    }

    /// What a text option holds now; other options mark their value among the buttons.
    private func value(of input: ModelInput, in draft: Draft) -> String? {
        guard input.kind == .text, let text = draft.inputs[input.name]?.string else { return nil }
        return Texts.quoted(text)
    }

    func discard() -> Card {
        guard let draft = session.draft else { return home() }
        let model = turn.draftModel
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonKeep, .composer, .primary))
        keyboard.row(keyboard.button(.buttonDiscardYes, .confirmDiscard, .danger))
        keyboard.footer(back: .composer)
        return Card(
            text: lines(
                texts.html(.discardAsk),
                model.flatMap { promptLine(draft, $0) },
                model.flatMap { mediaLines(draft, $0) }
            ),
            keyboard: keyboard
        )
    }

    /// The draft has been handed over; what was the composer says how far it got.
    func starting(_ job: JobID) -> Card {
        var keyboard = keyboard()
        keyboard.footer(back: nil)
        return Card(text: texts.html(session.running.contains(job) ? .noticeAccepted : .starting), keyboard: keyboard)
    }
}
