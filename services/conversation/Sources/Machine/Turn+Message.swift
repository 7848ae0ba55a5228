internal import Contracts
internal import Time

extension Turn {
    /// Whether what is typed or sent belongs to the open draft.
    private var isComposing: Bool {
        switch session.screen {
        case .composer, .option, .confirm, .stageWish, .discard, .promptHelp, .shortage, .templates, .template:
            session.draft != nil && draftModel != nil
        default: false
        }
    }

    /// Text that is no command: the answer to the composer's question, else something to make an offer for.
    mutating func planText(_ text: String, in message: IncomingMessage) {
        if case .model(let number) = session.screen, let model = catalogue.model(number) {
            // Somebody who reads a model's card and types means this model.
            start(model)
        }
        guard isComposing, let model = draftModel else {
            return offer(text, in: message)
        }
        if isFilling { return answerSlot(text) }
        if let place = askedStage { return answerWish(text, of: place) }
        fill(model, with: text, in: message)
        go(to: .composer)
    }

    private mutating func fill(_ model: Model, with text: String, in message: IncomingMessage) {
        let asked = askedInput(of: model)
        if let asked, asked.kind != .text, let value = Self.parse(text, for: asked) {
            return session.editDraft { $0.set(asked.name, to: value) }
        }
        if let asked, asked.kind == .integer || asked.kind == .number {
            return notices.append(texts.html(.noticeNumberWanted, ["input": .text(texts.name(of: asked))]))
        }
        guard let target = asked?.kind == .text ? asked : model.mainText else {
            return notices.append(texts.html(.noticeTextNotTaken))
        }
        guard target == model.mainText else {
            return session.editDraft { $0.set(target.name, to: .string(text)) }
        }
        let previous = session.draft?.inputs[target.name]?.string ?? ""
        let isContinued = continues(previous, writtenAt: session.draft?.promptAt, at: message.date)
        session.editDraft { draft in
            draft.set(target.name, to: .string(isContinued ? previous + text : text))
            draft.promptMessageID = message.messageID > 0 ? message.messageID : nil
            draft.promptAt = message.date
            draft.isJoined = isContinued ? true : nil
        }
        if isContinued { notices.append(texts.html(.noticeJoined)) }
    }

    /// Telegram's clients split a long paste at 4,096 characters into messages of the same moment.
    private func continues(_ previous: String, writtenAt last: Timestamp?, at date: Timestamp) -> Bool {
        guard previous.unicodeScalars.count >= 3_900, let last else { return false }
        return date - last <= .seconds(2)
    }

    /// What a typed message answers: the open option picker, else the one missing thing.
    private func askedInput(of model: Model) -> ModelInput? {
        if case .option(let index, _) = session.screen, model.inputs.indices.contains(index) {
            return model.inputs[index]
        }
        return session.draft?.missingInput(of: model)
    }

    /// A typed value for an input that is not free text; nil if it does not fit.
    static func parse(_ text: String, for input: ModelInput) -> JSONValue? {
        let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        switch input.kind {
        case .choice:
            return input.options.first { option in
                let names = Language.allCases.map { Texts($0).display(option, of: input) } + [Texts.value(option)]
                return names.contains { $0.lowercased() == trimmed.lowercased() }
            }
        case .integer, .number:
            let plain = trimmed.replacing(",", with: ".")
            guard let number = Double(plain), number.isFinite,
                number >= input.minimum ?? -1e15, number <= input.maximum ?? 1e15
            else { return nil }
            if input.kind == .number { return .number(number) }
            return Int64(exactly: number).map { .integer($0) }
        case .boolean, .text, .file, .files: return nil
        }
    }

    /// A file: into the open draft if its model takes it, else an offer.
    mutating func planMedia(_ file: MediaReference, caption: String?, in message: IncomingMessage) {
        if case .model(let number) = session.screen, let model = catalogue.model(number),
            model.inputs.contains(where: { $0.accepts(file) })
        {
            start(model)
        }
        guard isComposing, let model = draftModel else { return offer(file, caption: caption, in: message) }
        var placed = Draft.Placement.notTaken
        session.editDraft { placed = $0.place(file, in: model) }
        switch placed {
        case .added: break
        case .replaced(let input):
            notices.append(texts.html(.noticeFileReplaced, ["input": .text(texts.name(of: input))]))
        case .tooLarge(let megabytes):
            notices.append(texts.html(.noticeFileTooLarge, ["limit": .text(String(megabytes))]))
        case .notTaken:
            notices.append(texts.html(.noticeFileNotTaken, ["model": .text(texts.title(of: model))]))
            return offer(file, caption: caption, in: message)
        }
        take(caption, for: model, in: message)
        go(to: .composer)
    }

    private mutating func take(_ caption: String?, for model: Model, in message: IncomingMessage) {
        guard let caption, let main = model.mainText else { return }
        session.editDraft { draft in
            draft.set(main.name, to: .string(caption))
            draft.promptMessageID = message.messageID > 0 ? message.messageID : nil
            draft.isJoined = nil
        }
    }

    /// A file and words that follow each other belong together: a photo and then what to do with it.
    private mutating func offer(_ file: MediaReference, caption: String?, in message: IncomingMessage) {
        let words = session.screen == .offer && session.offer?.media.isEmpty == true ? session.offer?.text : nil
        session.offer = Offer(
            text: caption ?? words,
            media: [file],
            messageID: message.messageID,
            draftSerial: session.draftSerial
        )
        go(to: .offer)
    }

    /// Words on top of an offer: the rest of a long text, or what is to be done with the files that are there.
    private mutating func offer(_ text: String, in message: IncomingMessage) {
        let shown = session.screen == .offer ? session.offer : nil
        let previous = shown?.text ?? ""
        let isContinued = continues(previous, writtenAt: shown?.textAt, at: message.date)
        if isContinued { notices.append(texts.html(.noticeJoined)) }
        session.offer = Offer(
            text: isContinued ? previous + text : text,
            media: message.repliedMedia.isEmpty ? shown?.media ?? [] : message.repliedMedia,
            messageID: message.messageID,
            textAt: message.date,
            isJoined: isContinued ? true : nil,
            draftSerial: session.draftSerial
        )
        go(to: .offer)
    }

    /// The second and later items of an album join what the first one began, whatever gaps lie between them.
    mutating func planAlbumItem(_ message: IncomingMessage) {
        guard case .media(let file, let caption) = message.body else { return beQuiet() }
        placement = .edit
        if session.screen == .offer, var offer = session.offer {
            if offer.media.count < 10 { offer.media.append(file) }
            offer.text = caption ?? offer.text
            session.offer = offer
            intent = .show
            return
        }
        guard isComposing, let model = draftModel, var draft = session.draft else {
            // The user has gone on in the meantime: what still comes is a file like any other.
            return planMedia(file, caption: caption, in: message)
        }
        let placed = draft.place(file, in: model)
        if let notice = explain(placed) { notices.append(notice) } else { session.editDraft { $0 = draft } }
        take(caption, for: model, in: message)
        go(to: .composer)
    }

    /// Opens the composer for a model; what the current draft or the offer holds goes along where it fits. What was sent
    /// goes before a draft that nothing has been done with since, through whatever lists the model was found.
    mutating func start(_ model: Model) {
        let old = session.draft.flatMap { $0.holdsWork ? $0 : nil }
        if let offer = session.offer, offer.fits(model), old == nil || offer.draftSerial == session.draftSerial {
            return session.open(take(offer, for: model))
        }
        guard let old else { return session.open(Draft(modelNumber: model.number)) }
        // Back from the model's card: the run is the same, with whatever a trial has paid of it.
        guard old.modelNumber != model.number else { return session.screen = .composer }
        // Whoever takes another model instead does not want the run that had stopped any more.
        if session.isDraftWaiting { session.waiting = nil }
        let carried = old.carried(to: model, from: catalogue.model(old.modelNumber))
        let losesFiles = carried.media.values.joined().count < old.media.values.joined().count
        if losesFiles { session.parkDraft() }
        session.draft = nil
        session.open(carried)
    }

    /// Makes a draft of what came unprompted, and says which files the model has no place for.
    mutating func take(_ offer: Offer, for model: Model) -> Draft {
        var draft = Draft(modelNumber: model.number)
        let lost = draft.fill(text: offer.text, media: offer.media, model: model).compactMap(explain)
        for notice in lost where !notices.contains(notice) { notices.append(notice) }
        draft.promptMessageID = offer.messageID.flatMap { $0 > 0 ? $0 : nil }
        draft.promptAt = offer.textAt
        draft.isJoined = offer.isJoined
        session.offer = nil
        return draft
    }

    /// Why a file of several is left out; nil for one that is not.
    private func explain(_ placement: Draft.Placement) -> String? {
        switch placement {
        case .added: nil
        case .replaced, .notTaken: texts.html(.noticeAlbumOverflow)
        case .tooLarge(let megabytes): texts.html(.noticeFileTooLarge, ["limit": .text(String(megabytes))])
        }
    }
}
