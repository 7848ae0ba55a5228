internal import Contracts

/// Help with a prompt: asked for by a button, shown beside the user's own words, taken only by another button.
extension Turn {
    mutating func askForHelp(_ kind: PromptHelpKind) {
        guard let model = draftModel, session.draft?.prompt(of: model)?.isEmpty == false else {
            return missing(.toastOutdated)
        }
        toast = Toast(text: texts.plain(.toastHelping))
        intent = .help(kind)
    }

    /// What generation is asked; nil if the draft has lost its words.
    func helpWish(_ kind: PromptHelpKind) -> HelpWish? {
        guard let model = draftModel, let text = session.draft?.prompt(of: model), !text.isEmpty else { return nil }
        return HelpWish(kind: kind, text: text, modelNumber: model.number)
    }

    mutating func takeHelp(_ outcome: HelpOutcome?, _ kind: PromptHelpKind) {
        // Suggestions of a day are counted, and words take their time: a second tap meanwhile asks for no more.
        session.draftSerial += 1
        switch outcome {
        case .suggested(let help) where help.after != help.before:
            session.suggestion = Suggestion(kind: kind, after: help.after, costKopecks: help.costKopecks)
            return go(to: .promptHelp)
        case .suggested:
            notices.append(texts.html(kind == .translate ? .noticeNothingToTranslate : .noticeNothingToBetter))
        case .refused(let problem) where problem.code == .limitExceeded: notices.append(texts.html(.noticeHelpUsedUp))
        case .refused, .unavailable, nil:
            notices.append(texts.html(kind == .translate ? .noticeNoTranslation : .noticeNoHelp))
        }
        go(to: .composer)
    }

    mutating func useSuggestion() {
        guard let suggestion = session.suggestion, let name = draftModel?.mainText?.name else {
            return missing(.toastOutdated)
        }
        session.editDraft { $0.set(name, to: .string(suggestion.after)) }
        session.suggestion = nil
        go(to: .composer)
    }
}
