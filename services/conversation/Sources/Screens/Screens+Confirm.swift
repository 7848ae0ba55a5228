internal import Contracts

extension Screens {
    /// What is bought, of what parts, for how much; the last look before money is reserved.
    func confirm() -> Card {
        guard let draft = session.draft, let model = turn.draftModel, let price = draft.usablePrice(at: turn.now)
        else { return composer() }
        var keyboard = keyboard()
        let title = texts.plain(.buttonConfirm, ["price": texts.price(price.kopecks)])
        keyboard.row(keyboard.button(title, .confirmGenerate, .primary))
        keyboard.grid(alternativeButtons(keyboard))
        if let trial = price.trial, draft.full == nil, draft.trial == nil, !draft.isGroup {
            let title = texts.plain(.buttonTryFirst, ["price": texts.price(trial.priceKopecks)])
            keyboard.row(keyboard.button(title, .tryFirst))
        }
        let choices = draft.full == nil && draft.trial == nil ? draft.copyChoices(of: model) : []
        if choices.count > 1 {
            keyboard.grid(choices.map { keyboard.button(mark("×\($0)", $0 == draft.copyCount), .setCopies($0)) })
        }
        if !draft.stages.isEmpty {
            keyboard.grid(wishButtons(of: draft, keyboard))
            keyboard.row(keyboard.button(.buttonDropStages, .dropStages))
        } else if model.output == .image, !choices.isEmpty,
            Follow.chain(
                [.imageToVideo],
                from: .image,
                madeBy: model.number,
                text: draft.prompt(of: model),
                in: catalogue
            ) != nil
        {
            keyboard.row(keyboard.button(.buttonThenAnimate, .addStage(.imageToVideo)))
        }
        keyboard.row(keyboard.button(.buttonChange, .composer))
        keyboard.footer(back: .composer)
        return Card(
            text: lines(
                texts.html(.confirmTitle, ["model": .text(catalogue.title(of: draft, texts))]),
                promptLine(draft, model),
                "",
                included(draft, price),
                draft.full == nil ? nil : texts.html(.confirmTrial),
                price.creditKopecks.map { texts.html(.confirmCredit, ["sum": .text(texts.money($0))]) },
                priceLine(draft),
                texts.html(.modelWait, ["wait": .text(texts.duration(seconds: model.typicalSeconds))]),
                texts.html(.modelRefund),
                alternativesLine
            ),
            keyboard: keyboard
        )
    }

    private func wishButtons(of draft: Draft, _ keyboard: Keyboard) -> [Button] {
        draft.stages.indices.filter { turn.wishInput(of: $0) != nil }.map { place in
            keyboard.button(texts.plain(.buttonStageWish, ["n": String(place + 2)]), .stageWish(place))
        }
    }

    /// What a later stage is to do: its own words, or the first one's while it has none.
    func stageWish(_ place: Int) -> Card {
        guard let draft = session.draft, let input = turn.wishInput(of: place) else { return confirm() }
        let stage = draft.stages[place]
        let isOwn = draft.wishes?[place] != nil
        var keyboard = keyboard()
        keyboard.row(
            isOwn ? keyboard.button(.buttonWishAsFirst, .dropStageWish(place)) : keyboard.button(.buttonSkip, .copies)
        )
        keyboard.footer(back: .copies)
        let words = stage.inputs[input.name]?.string.map { Texts.quoted($0) }
        return Card(
            text: lines(
                texts.html(
                    .stageWish,
                    [
                        "n": .text(String(place + 2)),
                        "model": .text(catalogue.model(stage.modelNumber).map { texts.title(of: $0) } ?? ""),
                    ]
                ),
                words.map { _ in texts.html(isOwn ? .stageWishOwn : .stageWishAsFirst) },
                words
            ),
            keyboard: keyboard
        )
    }

    /// What the price is made of, where the confirm makes several jobs.
    private func included(_ draft: Draft, _ price: FrozenPrice) -> String? {
        guard draft.isGroup else { return nil }
        var rows: [String] = []
        for (index, stage) in (price.stages ?? []).enumerated() {
            rows.append(
                texts.html(
                    .confirmStage,
                    [
                        "n": .text(String(index + 1)), "price": .text(texts.price(stage.priceKopecks)),
                        "model": .text(
                            catalogue.model(stage.modelNumber).map { texts.title(of: $0) } ?? stage.modelTitle
                        ),
                    ]
                )
            )
            if index > 0, let wish = draft.wishes?[index - 1] {
                rows.append("<i>\(Texts.escape(Texts.shortened(wish.text, to: 200)))</i>")
            }
        }
        if draft.copyCount > 1 {
            let each = texts.price(price.kopecks / Int64(draft.copyCount))
            rows.append(
                texts.html(.confirmCopies, ["n": .text(String(draft.copyCount)), "price": .text(each)])
            )
        }
        rows.append(texts.html(.confirmParts))
        return rows.joined(separator: "\n")
    }
}
