internal import Contracts

extension Screens {
    /// The user's words and the suggested ones, one below the other; nothing is changed yet.
    func promptHelp() -> Card {
        guard let suggestion = session.suggestion, let draft = session.draft, let model = turn.draftModel else {
            return composer()
        }
        var keyboard = keyboard()
        keyboard.row(keyboard.button(.buttonUseSuggestion, .useSuggestion, .primary))
        keyboard.row(
            keyboard.button(.buttonSuggestAgain, .helpPrompt(suggestion.kind)),
            keyboard.button(.buttonKeepMine, .composer)
        )
        keyboard.footer(back: .composer)
        return Card(
            text: lines(
                texts.html(.helpBefore),
                quoted(draft.prompt(of: model) ?? ""),
                texts.html(suggestion.kind == .translate ? .helpTranslated : .helpAfter),
                quoted(suggestion.after),
                suggestion.costKopecks == 0
                    ? texts.html(.helpFree)
                    : texts.html(.helpCost, ["price": .text(texts.money(suggestion.costKopecks))])
            ),
            keyboard: keyboard
        )
    }

    /// The kinds of help that a draft may be worth.
    func helpButtons(of draft: Draft, _ model: Model, _ keyboard: Keyboard) -> [Button] {
        guard let prompt = draft.prompt(of: model), !prompt.isEmpty, model.tasks.first != .speech else { return [] }
        var buttons = [keyboard.button(.buttonImprove, .helpPrompt(.improve))]
        if model.output == .video { buttons.append(keyboard.button(.buttonScript, .helpPrompt(.script))) }
        if catalogue.translatesPrompts, prompt.isTranslatable {
            buttons.append(keyboard.button(.buttonTranslate, .helpPrompt(.translate)))
        }
        return buttons
    }

    private func quoted(_ text: String) -> String {
        Texts.quoted(text, to: 1_200)
    }
}

extension String {
    /// Whether there is a word in other letters than Latin ones, so that English would be another text.
    fileprivate var isTranslatable: Bool { unicodeScalars.contains { $0.value > 0x24F && $0.properties.isAlphabetic } }
}
