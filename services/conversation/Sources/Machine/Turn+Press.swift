internal import Contracts

extension Turn {
    /// A pressed button. Whatever it is, the user sees something: at least a toast and the panel as it stands.
    mutating func plan(_ press: ButtonPress) {
        toast = Toast(text: "")
        guard press.chat != nil else {
            // Under an inline result: there is no chat to draw a panel in.
            toast = Toast(text: texts.plain(.toastOutdated))
            return
        }
        guard let data = press.data.flatMap(CallbackData.init) else { return heal(.toastOutdated) }
        if let owner = data.owner, owner != scene.userID {
            toast = Toast(text: texts.plain(.toastNotYours))
            intent = .nothing
            return
        }
        // A button on a message other than the panel brings the panel down to the reader.
        placement = data.revision == nil ? .down : .edit
        if data.action.isBoundToDraft {
            if case .starting = session.screen, session.draft == nil { return heal(.toastStarting) }
            guard session.draft != nil, data.revision == CallbackData.revision(of: session.draftSerial) else {
                return heal(.toastOutdated)
            }
        }
        // A place among the drafts put aside means another draft once one of them has been opened.
        if case .parkedDraft = data.action, data.revision != CallbackData.revision(of: session.draftSerial) {
            return heal(.toastOutdated)
        }
        perform(data.action)
    }

    /// Answers a button that has lost its meaning with the panel as it stands now.
    private mutating func heal(_ key: TextKey) {
        toast = Toast(text: texts.plain(key))
        intent = .show
    }

    private mutating func perform(_ action: ButtonAction) {
        switch action {
        case .home: go(to: .home)
        case .tasks: go(to: .tasks)
        case .help: go(to: .help)
        case .terms: go(to: .terms)
        case .support: go(to: .support)
        case .topUp: go(to: .topUp)
        case .balance: go(to: .balance)
        case .jobs: go(to: .jobs)
        case .settings: go(to: .settings)
        case .language: go(to: .language)
        case .history(let page): go(to: .history(page: page))
        case .models(let task, let sort, let page): go(to: .models(task: task, sort: sort, page: page))
        case .model(let number): open(modelCard: number)
        case .setLanguage(let language): set(language)
        case .setConfirmLimit(let index): setConfirmLimit(index)
        case .nothing: break
        case .start, .sample, .offer, .keepOffer, .continueDraft, .parkedDraft, .composer, .otherModels,
            .toggleAdvanced, .discardDraft, .confirmDiscard, .option, .setOption, .clear, .generate,
            .confirmGenerate, .helpPrompt, .useSuggestion, .copies, .setCopies, .addStage, .dropStages, .tryFirst,
            .templates, .template, .suggestion, .skipSlot, .instead, .stageWish, .dropStageWish:
            performOnDraft(action)
        case .amount(let kopecks): go(to: .rails(amountKopecks: kopecks))
        case .pay(let kopecks, let rail): order(kopecks, by: rail)
        case .checkOrder(let short): check(order: short)
        case .leaveOrder(let short): leave(order: short)
        case .cancelJob, .showJob, .again, .edit, .follow, .inFull, .chain, .asset, .original, .insteadOf:
            performOnJob(action)
        }
    }

    private mutating func open(modelCard number: Int) {
        guard catalogue.model(number) != nil else { return missing(.toastModelGone) }
        go(to: .model(number: number))
    }

    /// The thing behind the button is gone: say so and show what there is.
    mutating func missing(_ key: TextKey) {
        toast = Toast(text: texts.plain(key))
        intent = .show
    }

    private mutating func set(_ language: Language) {
        settings.language = language
        settings.isLanguageChosen = true
        toast = Toast(text: texts.plain(.toastSaved))
        go(to: session.screen == .language ? .home : .settings)
    }

    private mutating func setConfirmLimit(_ index: Int) {
        guard UserSettings.confirmChoices.indices.contains(index) else { return missing(.toastOutdated) }
        settings.confirmAboveKopecks = UserSettings.confirmChoices[index]
        toast = Toast(text: texts.plain(.toastSaved))
        go(to: .settings)
    }
}
