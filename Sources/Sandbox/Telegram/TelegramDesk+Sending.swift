internal import Contracts

/// Methods that add messages.
extension TelegramDesk {
    func sendMessage(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let body = try formatted("text", "entities", parameters)
        guard body.length > 0 else { throw .bad("message text is empty") }
        guard body.length <= 4_096 else { throw .bad("message is too long") }
        let markup = try markup(parameters)
        let seconds = tools.seconds
        return try mutating { state throws(TelegramError) in
            var draft = try self.draft(&state, chat: chat, markup: markup, parameters, seconds)
            draft.body = body
            return state.json(state.append(draft))
        }
    }

    func sendMedia(_ kind: MediaKind, _ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let caption = try caption(parameters)
        let markup = try markup(parameters)
        guard let source = parameters.text(kind.rawValue) ?? parameters.files[kind.rawValue].map({ _ in "" }) else {
            throw .bad("there is no \(kind.rawValue) in the request")
        }
        let media = try resolve(kind, source, field: kind.rawValue, parameters)
        let seconds = tools.seconds
        return try mutating { state throws(TelegramError) in
            if kind == .voice, state.chats[chat]?.forbidsVoice == true { throw .bad("VOICE_MESSAGES_FORBIDDEN") }
            var draft = try self.draft(&state, chat: chat, markup: markup, parameters, seconds)
            draft.body = caption
            draft.media = self.register(media, in: &state)
            draft.showsCaptionAbove = parameters.flag("show_caption_above_media")
            draft.hasSpoiler = parameters.flag("has_spoiler")
            return state.json(state.append(draft))
        }
    }

    func sendAlbum(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        guard let items = try structure("media", parameters)?.array else { throw .bad("there is no media to send") }
        guard (2...10).contains(items.count) else {
            throw .bad(
                items.count > 10 ? "too many messages to send as an album" : "wrong number of messages in an album"
            )
        }
        guard parameters.values["reply_markup"] == nil else { throw .bad("reply_markup is not allowed in an album") }
        var media: [(media: ResolvedMedia, body: FormattedText, spoiler: Bool)] = []
        var kinds: Set<MediaKind> = []
        for (place, item) in items.enumerated() {
            let inner = Parameters(values: item.object ?? [:])
            let (kind, resolved) = try resolveItem(item, parameters, place: place + 1)
            kinds.insert(kind)
            media.append((resolved, try caption(inner), inner.flag("has_spoiler")))
        }
        let exclusive: Set<MediaKind> = [.document, .audio]
        guard kinds.count == 1 || kinds.isDisjoint(with: exclusive) else {
            throw .bad("\(kinds.contains(.audio) ? "audio" : "document") can't be mixed with other media types")
        }
        let group = String(tools.milliseconds) + String(Int64.random(in: 1_000...9_999))
        let seconds = tools.seconds
        return try mutating { state throws(TelegramError) in
            let first = try self.draft(&state, chat: chat, cost: items.count, markup: nil, parameters, seconds)
            return .array(
                media.map { item in
                    var draft = first
                    draft.mediaGroup = group
                    draft.body = item.body
                    draft.hasSpoiler = item.spoiler
                    draft.media = self.register(item.media, in: &state)
                    return state.json(state.append(draft))
                }
            )
        }
    }

    /// One element of an album or of `editMessageMedia`.
    func resolveItem(
        _ item: JSONValue,
        _ parameters: Parameters,
        place: Int
    ) throws(TelegramError) -> (MediaKind, ResolvedMedia) {
        guard let kind = item["type"]?.string.flatMap(MediaKind.init), kind != .voice else {
            throw .bad("can't parse InputMedia: unsupported type")
        }
        guard let source = item["media"]?.string, !source.isEmpty else { throw .bad("media not found") }
        return (kind, try resolve(kind, source, field: nil, parameters, about: Parameters(values: item.object ?? [:])))
    }

    func copyMessage(_ parameters: Parameters) throws(TelegramError) -> JSONValue {
        let chat = try chatID(parameters)
        let source = parameters.integer("from_chat_id") ?? 0
        let id = parameters.integer("message_id") ?? 0
        let markup = try markup(parameters)
        let seconds = tools.seconds
        return try mutating { state throws(TelegramError) in
            guard let original = state.message(source, id), original.invoice == nil else {
                throw .bad("message to copy not found")
            }
            var draft = try self.draft(&state, chat: chat, markup: markup, parameters, seconds)
            draft.body = original.body
            draft.media = original.media
            return ["message_id": state.append(draft).id.json]
        }
    }

    // MARK: Parts

    /// A message of the bot without content; checks the chat, the reply and the rate.
    func draft(
        _ state: inout TelegramState,
        chat: Int64,
        cost: Int = 1,
        markup: JSONValue?,
        _ parameters: Parameters,
        _ seconds: Int64
    ) throws(TelegramError) -> TelegramMessage {
        let place = try state.writableChat(chat)
        var draft = TelegramMessage(id: 0, chat: chat, from: state.bot.id, date: seconds)
        if let reply = try structure("reply_parameters", parameters) {
            let id = reply["message_id"]?.integer ?? 0
            if state.message(chat, id) != nil {
                draft.replyTo = id
            } else if reply["allow_sending_without_reply"]?.bool != true {
                throw .bad("message to be replied not found")
            }
        }
        try admit(&state, chat: chat, cost: cost)
        if let markup, markup["inline_keyboard"] != nil {
            draft.keyboard = markup
        } else if let markup {
            var changed = place
            changed.replyKeyboard = markup["keyboard"] == nil ? nil : markup
            state.add(changed)
        }
        return draft
    }

    /// The keyboard of a call, checked.
    func markup(_ parameters: Parameters, isInvoice: Bool = false) throws(TelegramError) -> JSONValue? {
        guard let markup = try structure("reply_markup", parameters) else { return nil }
        try ReplyMarkup.check(markup, isInvoice: isInvoice)
        return markup
    }

    func caption(_ parameters: Parameters) throws(TelegramError) -> FormattedText {
        let caption = try formatted("caption", "caption_entities", parameters)
        guard caption.length <= 1_024 else { throw .bad("message caption is too long") }
        return caption
    }

    /// A text with its formatting, from `parse_mode` or from entities.
    func formatted(
        _ name: String,
        _ entitiesName: String,
        _ parameters: Parameters
    ) throws(TelegramError) -> FormattedText {
        let source = parameters.text(name) ?? ""
        guard source.utf8.count <= 32_768 else { throw .bad("text is too long") }
        switch parameters.text("parse_mode")?.lowercased() ?? "" {
        case "html": return try HTMLText.parse(source)
        case "":
            let entities = try structure(entitiesName, parameters)?.array ?? []
            let length = Int64(source.utf16.count)
            for entity in entities {
                guard entity["type"]?.string != nil, let offset = entity["offset"]?.integer, offset >= 0,
                    let count = entity["length"]?.integer, count > 0, offset + count <= length
                else { throw .bad("can't parse entities: entity is out of the text's bounds") }
            }
            return FormattedText(text: source, entities: Array(entities.prefix(100))).trimmed()
        default: throw .bad("unsupported parse_mode")
        }
    }
}
