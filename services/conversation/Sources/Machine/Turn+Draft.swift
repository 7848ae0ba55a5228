internal import Contracts

extension Turn {
    /// Buttons that make, change or run a draft.
    mutating func performOnDraft(_ action: ButtonAction) {
        switch action {
        case .start(let number): startModel(number)
        case .sample: startSample()
        case .offer(let task): takeOffer(for: task)
        case .keepOffer: keepOffer()
        case .continueDraft, .composer:
            guard session.draft != nil else { return missing(.toastNoDraft) }
            go(to: .composer)
        case .parkedDraft(let index): reopen(parked: index)
        case .otherModels: showOtherModels()
        case .toggleAdvanced:
            // Folding changes nothing that is bought, so the buttons of the draft stay good.
            session.draft?.showsAdvanced.toggle()
            go(to: .composer)
        case .discardDraft where session.draft?.holdsWork == true: go(to: .discard)
        case .discardDraft, .confirmDiscard:
            session.dropDraft()
            toast = Toast(text: texts.plain(.toastDiscarded))
            go(to: .home)
        case .option(let input, let page): openOption(input, page: page)
        case .setOption(let input, let choice): setOption(input, choice)
        case .clear(let input): clear(input)
        case .generate: generate(confirmed: false)
        case .copies: go(to: .confirm)
        case .setCopies(let copies): setCopies(copies)
        case .addStage(let task): addStage(task)
        case .dropStages: setStages(nil)
        case .stageWish(let place): openWish(place)
        case .dropStageWish(let place): dropWish(place)
        case .tryFirst: tryFirst()
        case .templates: openTemplates()
        case .template(let number): open(template: number)
        case .instead(let number): startModel(number)
        case .suggestion(let index): takeSuggestion(index)
        case .skipSlot: skipSlot()
        case .confirmGenerate: generate(confirmed: true)
        case .helpPrompt(let kind): askForHelp(kind)
        case .useSuggestion: useSuggestion()
        default: intent = .show
        }
    }

    private mutating func startModel(_ number: Int) {
        guard let model = catalogue.model(number) else { return missing(.toastModelGone) }
        start(model)
        go(to: .composer)
    }

    /// One tap to a first picture: the cheapest text-to-picture model with a ready prompt.
    private mutating func startSample() {
        let prompt = texts.plain(.samplePrompt)
        guard let model = catalogue.suggestion(for: .textToImage, media: [], text: prompt) else {
            return missing(.toastModelGone)
        }
        session.open(Draft(modelNumber: model.number).filled(text: prompt, media: [], model: model))
        go(to: .composer)
    }

    private mutating func takeOffer(for task: ModelTask) {
        guard let offer = session.offer else { return missing(.toastOutdated) }
        guard let model = catalogue.suggestion(for: task, media: offer.media, text: offer.text) else {
            return missing(.toastModelGone)
        }
        session.open(take(offer, for: model))
        go(to: .composer)
    }

    /// "Later": what was sent becomes a draft that waits among the others.
    private mutating func keepOffer() {
        guard session.offer != nil else { return missing(.toastOutdated) }
        toast = Toast(text: texts.plain(.toastKept))
        go(to: .home)
    }

    /// Makes a draft of the offer and puts it aside, so that leaving the offer loses nothing. Without a model that takes
    /// the files the offer stays as it is.
    mutating func parkOffer() {
        guard let offer = session.offer else { return }
        let tasks = offer.media.first.map { Follow.tasks(for: $0.kind) } ?? [.textToImage]
        let model = tasks.compactMap { task in
            catalogue.suggestion(for: task, media: offer.media, text: offer.text)
        }.first
        guard let model else { return }
        let current = session.draft
        session.draft = take(offer, for: model)
        session.parkDraft()
        session.draft = current
    }

    private mutating func reopen(parked index: Int) {
        guard session.parked.indices.contains(index) else { return missing(.toastNoDraft) }
        let draft = session.parked.remove(at: index)
        session.open(draft)
        go(to: .composer)
    }

    private mutating func showOtherModels() {
        guard let task = draftModel?.tasks.first else { return go(to: .tasks) }
        go(to: .models(task: task, sort: .catalogue, page: 0))
    }

    private mutating func openOption(_ index: Int, page: Int) {
        guard draftModel?.optionInputs.contains(where: { $0.offset == index }) == true else {
            return missing(.toastOutdated)
        }
        go(to: .option(input: index, page: page))
    }

    private mutating func setOption(_ index: Int, _ choice: Int) {
        guard let model = draftModel, model.inputs.indices.contains(index),
            model.inputs[index].choices.indices.contains(choice)
        else { return missing(.toastOutdated) }
        let input = model.inputs[index]
        session.editDraft { $0.set(input.name, to: input.choices[choice]) }
        go(to: .composer)
    }

    private mutating func clear(_ index: Int) {
        guard let model = draftModel, model.inputs.indices.contains(index) else { return missing(.toastOutdated) }
        let name = model.inputs[index].name
        session.editDraft { draft in
            draft.set(name, to: nil)
            draft.setMedia(name, to: [])
        }
        go(to: .composer)
    }

    private mutating func generate(confirmed: Bool) {
        guard let draft = session.draft, let model = draftModel else { return missing(.toastModelGone) }
        if let input = draft.missingInput(of: model) {
            toast = Toast(text: texts.plain(.toastMissing, ["input": texts.name(of: input)]))
            return go(to: .composer)
        }
        toast = Toast(text: texts.plain(.toastLaunching))
        intent = .generate(confirmed: confirmed)
    }
}
