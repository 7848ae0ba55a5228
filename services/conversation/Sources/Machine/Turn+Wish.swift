internal import Contracts

/// Later stages in words of their own: asked for by a button, typed, and taken back by a button.
extension Turn {
    mutating func openWish(_ place: Int) {
        guard wishInput(of: place) != nil else { return missing(.toastOutdated) }
        go(to: .stageWish(place))
    }

    /// Back to the first stage's words.
    mutating func dropWish(_ place: Int) {
        session.editDraft { $0.setWish(nil, of: place) }
        go(to: .confirm)
    }

    /// The stage that typed words are for; nil if the panel asks for something else.
    var askedStage: Int? {
        guard case .stageWish(let place) = session.screen, wishInput(of: place) != nil else { return nil }
        return place
    }

    /// Typed words for a stage. Too long ones are asked for again, with the limit.
    mutating func answerWish(_ text: String, of place: Int) {
        guard let input = wishInput(of: place) else { return go(to: .confirm) }
        if let limit = input.maximumLength, text.unicodeScalars.count > limit {
            notices.append(
                texts.html(
                    .problemTooLong,
                    ["input": .text(texts.name(of: input)), "limit": .text(texts.plural(.character, limit))]
                )
            )
            return go(to: .stageWish(place))
        }
        session.editDraft { $0.setWish(StageWish(input: input.name, text: text), of: place) }
        go(to: .confirm)
    }

    /// The input of a later stage that takes words.
    func wishInput(of place: Int) -> ModelInput? {
        guard let stages = session.draft?.stages, stages.indices.contains(place) else { return nil }
        return catalogue.model(stages[place].modelNumber)?.mainText
    }
}
