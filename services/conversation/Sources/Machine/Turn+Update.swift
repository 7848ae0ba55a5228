internal import Contracts
internal import Time

extension Turn {
    /// Plans the answer to what happened.
    mutating func plan(_ happening: Happening) {
        switch happening {
        case .update(let update): plan(update)
        case .fact(let fact): plan(fact)
        case .answer(let answer): plan(answer)
        }
    }

    private mutating func plan(_ update: Update) {
        switch update.content {
        case .message(let message): plan(message)
        case .editedMessage(let message): planEdit(message)
        case .press(let press): plan(press)
        case .membership(let chat, let isReachable):
            commands.append(.setReachability(chat, isReachable: isReachable))
            outcome = .quiet
        case .quiet: outcome = .quiet
        }
    }

    private mutating func plan(_ message: IncomingMessage) {
        placement = .nearby
        session.belowPanel += 1
        if scene.isGroup { replyTo = message.messageID > 0 ? message.messageID : nil }
        if case .media = message.body, let group = message.mediaGroupID, session.album?.groupID == group {
            // The caption of an album may stand under any of its items.
            return planAlbumItem(message)
        }
        session.album = message.mediaGroupID.map(AlbumInProgress.init)
        switch message.body {
        case .command(let command): plan(command, in: message)
        case .text(let text):
            if scene.isGroup && !message.isAddressed { return beQuiet() }
            planText(text, in: message)
        case .media(let file, let caption):
            if scene.isGroup && !message.isAddressed { return beQuiet() }
            planMedia(file, caption: caption, in: message)
        case .unsupported(let kind):
            if scene.isGroup { return beQuiet() }
            notices.append(texts.html(kind == "sticker" ? .noticeSticker : .noticeUnsupported))
            intent = .show
        case .service: beQuiet()
        }
    }

    mutating func beQuiet() {
        intent = .nothing
        outcome = .quiet
        // What people say to each other in a group says nothing about our panel worth a write.
        if scene.isGroup { session.belowPanel -= 1 }
    }

    /// A prompt that was corrected before it was sent off is corrected in the draft; anything else stays as it was. So
    /// does a prompt that was joined: the message is only a piece of it.
    private mutating func planEdit(_ message: IncomingMessage) {
        guard let draft = session.draft, draft.promptMessageID == message.messageID, message.messageID > 0,
            draft.isJoined != true, let main = draftModel?.mainText
        else { return beQuiet() }
        let text: String? =
            switch message.body {
            case .text(let text): text
            case .media(_, let caption): caption
            default: nil
            }
        guard let text, draft.inputs[main.name] != .string(text) else { return beQuiet() }
        session.editDraft { $0.set(main.name, to: .string(text)) }
        placement = .edit
        go(to: .composer)
    }
}
