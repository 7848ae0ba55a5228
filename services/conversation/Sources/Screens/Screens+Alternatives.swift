internal import Contracts

/// Others that do the same as a model which ails or is not sold, with their prices. Nothing is exchanged without a press.
extension Screens {
    /// What generation named with the price, or with the refusal of one.
    private var alternatives: [ModelAlternative] {
        guard let draft = session.draft, draft.full == nil, draft.trial == nil else { return [] }
        if case .refused(let problem) = knowledge.quote { return problem.alternatives }
        return draft.usablePrice(at: turn.now)?.alternatives ?? []
    }

    func alternativeButtons(_ keyboard: Keyboard) -> [Button] {
        alternatives.compactMap { offer in
            texts.offered(offer, catalogue).map { keyboard.button($0, .instead(model: offer.modelNumber)) }
        }
    }

    /// Why there are others to choose from; nil where there are none.
    var alternativesLine: String? {
        guard !alternativeButtons(keyboard()).isEmpty else { return nil }
        guard case .refused = knowledge.quote else {
            return texts.html(.modelAils) + " " + texts.html(.alternatives)
        }
        return texts.html(.alternatives)
    }

    /// The draft's model is not sold now: the draft stays, others are named.
    func unavailable() -> Card {
        var keyboard = keyboard()
        let others = alternativeButtons(keyboard)
        keyboard.grid(others)
        keyboard.row(
            keyboard.button(.buttonTryAgain, .composer),
            keyboard.button(others.isEmpty ? .buttonAllTools : .buttonOtherModel, .tasks)
        )
        keyboard.row(keyboard.button(.buttonDiscard, .discardDraft, .danger))
        keyboard.footer(back: nil)
        let prompt = session.draft.flatMap { ($0.inputs["prompt"] ?? $0.inputs["text"])?.string }
        return Card(
            text: lines(
                texts.html(.modelGone),
                prompt.map { Texts.quoted($0) },
                others.isEmpty ? nil : texts.html(.alternatives)
            ),
            keyboard: keyboard
        )
    }
}

extension Texts {
    /// `Z-Image · 12 ₽`; nil for a model that can't be chosen any more.
    func offered(_ offer: ModelAlternative, _ catalogue: Catalogue) -> String? {
        catalogue.model(offer.modelNumber).map { title(of: $0) + " · " + price(offer.priceKopecks) }
    }
}

extension Problem {
    /// Others that `model_unavailable` names.
    fileprivate var alternatives: [ModelAlternative] {
        guard code == .modelUnavailable else { return [] }
        return (members["alternatives"]?.array ?? []).prefix(3).compactMap { offer in
            guard let number = offer["model_number"]?.integer.flatMap({ Int(exactly: $0) }),
                let kopecks = offer["price_kopecks"]?.integer
            else { return nil }
            return ModelAlternative(modelNumber: number, priceKopecks: kopecks)
        }
    }
}
