internal import Contracts

extension Turn {
    /// Bot commands, as listed to Telegram by the operator's setup.
    mutating func plan(_ command: BotCommand, in message: IncomingMessage) {
        if let addressee = command.addressee, !botUsername.isEmpty, addressee.lowercased() != botUsername.lowercased() {
            return beQuiet()
        }
        placement = .down
        switch command.name {
        case "start": planStart(command.argument)
        case "help": go(to: .help)
        case "balance": go(to: .balance)
        case "cancel": planCancel()
        case "models": go(to: .tasks)
        case "generate", "imagine": planGenerateCommand(command, in: message)
        case "jobs": go(to: .jobs)
        case "history": go(to: .history(page: 0))
        case "language": go(to: .language)
        case "settings": go(to: .settings)
        case "support", "paysupport": go(to: .support)
        case "terms": go(to: .terms)
        case "topup", "buy": go(to: .topUp)
        default:
            if scene.isGroup { return beQuiet() }
            notices.append(texts.html(.noticeUnknownCommand))
            intent = .show
        }
    }

    /// `/start`, with the payload of a deep link: `m_<number>` opens a model, `topup` the top-up screen; every other
    /// payload is kept with the user, for campaigns.
    private mutating func planStart(_ payload: String) {
        let isNew = session.panelRevision == 0
        if settings.startPayload == nil, !payload.isEmpty { settings.startPayload = String(payload.prefix(64)) }
        if payload.hasPrefix("m_"), let number = Int(payload.dropFirst(2)), catalogue.model(number) != nil {
            return go(to: .model(number: number))
        }
        if payload == "topup" { return go(to: .topUp) }
        go(to: isNew ? .welcome : .home)
    }

    /// Leaves whatever is going on; the draft stays within reach and nothing is spent any more without a press.
    private mutating func planCancel() {
        let hadDraft = session.draft?.holdsWork == true
        session.waiting = nil
        notices.append(texts.html(hadDraft ? .noticeCancelledDraftKept : .noticeCancelled))
        go(to: .home)
    }

    /// `/generate a red fox`: straight to the composer of the cheapest fitting picture model.
    private mutating func planGenerateCommand(_ command: BotCommand, in message: IncomingMessage) {
        let files = message.repliedMedia
        guard !command.argument.isEmpty || !files.isEmpty else { return go(to: .tasks) }
        let offer = Offer(
            text: command.argument.isEmpty ? nil : command.argument,
            media: files,
            messageID: message.messageID,
            draftSerial: session.draftSerial
        )
        let task: ModelTask = files.first.map { $0.kind == .video ? .videoToVideo : .imageToImage } ?? .textToImage
        guard let model = catalogue.suggestion(for: task, media: files, text: offer.text) else {
            session.offer = offer
            return go(to: .offer)
        }
        parkOffer()
        session.open(take(offer, for: model))
        go(to: .composer)
    }
}
