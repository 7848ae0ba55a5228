internal import Contracts

/// Methods that change and delete messages.
extension TelegramDesk {
    func editText(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let body = try formatted("text", "entities", parameters)
        guard body.length > 0 else { throw .bad("message text is empty") }
        guard body.length <= 4_096 else { throw .bad("message is too long") }
        return try edit(parameters) { message throws(TelegramError) in
            guard message.media == nil, message.invoice == nil else {
                throw .bad("there is no text in the message to edit")
            }
            message.body = body
        }
    }

    func editCaption(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let caption = try caption(parameters)
        return try edit(parameters) { message throws(TelegramError) in
            guard message.media != nil else { throw .bad("there is no caption in the message to edit") }
            message.body = caption
            message.showsCaptionAbove = parameters.flag("show_caption_above_media")
        }
    }

    func editMedia(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        guard let item = try structure("media", parameters) else { throw .bad("media not found") }
        let inner = Parameters(values: item.object ?? [:])
        let (_, media) = try resolveItem(item, parameters, place: 1)
        let caption = try caption(inner)
        return try edit(parameters, adding: media) { message throws(TelegramError) in
            guard message.invoice == nil else { throw .bad("message can't be edited") }
            message.media = media.file.id
            message.body = caption
            message.hasSpoiler = inner.flag("has_spoiler")
        }
    }

    func editMarkup(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        try edit(parameters) { _ throws(TelegramError) in }
    }

    /// Finds the message, changes it, and refuses a change that is none. An absent keyboard removes the old one.
    private func edit(
        _ parameters: Parameters,
        adding media: ResolvedMedia? = nil,
        _ change: (inout TelegramMessage) throws(TelegramError) -> Void
    ) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        guard let id = parameters.integer("message_id") else { throw .bad("message identifier is not specified") }
        let markup = try markup(parameters)
        let now = tools.milliseconds
        return try mutating { state throws(TelegramError) in
            _ = try state.writableChat(chat)
            guard let old = state.message(chat, id) else { throw .editNotFound }
            guard old.from == state.bot.id else { throw .bad("message can't be edited") }
            var message = old
            try change(&message)
            message.keyboard = markup?["inline_keyboard"] == nil ? nil : markup
            guard message != old else { throw .notModified }
            try self.admit(&state, chat: chat)
            if let media { _ = self.register(media, in: &state) }
            state.edit(message, at: now)
            return state.json(state.message(chat, id) ?? message)
        }
    }

    func deleteMessage(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let id = parameters.integer("message_id") ?? 0
        let oldest = tools.seconds - 48 * 3_600
        try mutating { state throws(TelegramError) in
            guard state.chats[chat] != nil else { throw .chatNotFound }
            guard let message = state.message(chat, id) else { throw .bad("message to delete not found") }
            guard message.date > oldest else { throw .bad("message can't be deleted for everyone") }
            Self.erase(message, in: &state)
        }
        return true
    }

    func deleteMessages(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        guard let ids = try structure("message_ids", parameters)?.array?.compactMap(\.integer),
            (1...100).contains(ids.count)
        else { throw .bad("message identifiers are not specified") }
        try mutating { state throws(TelegramError) in
            guard state.chats[chat] != nil else { throw .chatNotFound }
            for id in ids {
                if let message = state.message(chat, id) { Self.erase(message, in: &state) }
            }
        }
        return true
    }

    private static func erase(_ message: TelegramMessage, in state: inout TelegramState) {
        var gone = message
        gone.isDeleted = true
        state.update(gone)
    }
}
