internal import Contracts
internal import Cryptography
internal import HTTP
internal import HTTPClient

/// `POST /sandbox/updates`: what people do.
extension ControlDesk {
    /// Copies of a raw update that may be sent at once.
    static let maximumCopies: Int64 = 1_000

    func update(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let parameters = try parameters(request)
            if let raw = parameters.values["raw"] { return try await postRaw(raw, parameters) }
            guard let user = parameters.integer("user"), user > 0 else { throw BadRequest(text: "user is missing") }
            addIfUnknown(user, parameters)
            let chat = parameters.integer("chat") ?? user
            if let value = parameters.values["callback"] { return try press(value, user: user, chat: chat) }
            if let label = parameters.text("button") { return try press(label: label, user: user, chat: chat) }
            if let edit = parameters.values["edit"] { return try rewrite(edit, user: user, chat: chat) }
            if let block = parameters.values["block"]?.bool {
                let seconds = tools.seconds
                try telegram.mutate { try $0.setBlocked(block, user: user, at: seconds) }
                return ["ok": true]
            }
            if let pay = parameters.values["pay"] { return try await payStars(pay, user: user, chat: chat) }
            return try write(parameters, user: user, chat: chat)
        }
    }

    private func addIfUnknown(_ id: Int64, _ parameters: Parameters) {
        guard telegram.read({ $0.users[id] == nil }) else { return }
        let user = TelegramUser(
            id: id,
            firstName: parameters.text("first_name") ?? "Пользователь \(id)",
            username: parameters.text("username"),
            languageCode: parameters.text("language_code") ?? "ru"
        )
        telegram.mutate { $0.add(user) }
    }

    // MARK: Writing

    /// Text, one file, or several files as an album.
    private func write(_ parameters: Parameters, user: Int64, chat: Int64) throws -> JSONValue {
        let text = parameters.text("text") ?? parameters.text("caption") ?? ""
        let body = UserText.format(text)
        guard body.length <= 4_096 else { throw BadRequest(text: "text is longer than 4096 characters") }
        let media = try files(parameters)
        guard !media.isEmpty || !text.isEmpty else { throw BadRequest(text: "text or a file is missing") }
        guard media.isEmpty || body.length <= 1_024 else {
            throw BadRequest(text: "caption is longer than 1024 characters")
        }
        let replyTo = parameters.integer("reply_to")
        let group = media.count > 1 ? String(Int64.random(in: 14_000_000_000_000_000...14_999_999_999_999_999)) : nil
        let seconds = tools.seconds
        let ids = try telegram.mutate { state in
            if media.isEmpty {
                return [
                    try state.write(
                        user: user,
                        chat: chat,
                        body: body,
                        media: nil,
                        mediaGroup: nil,
                        replyTo: replyTo,
                        at: seconds
                    ).id
                ]
            }
            return try media.enumerated().map { place, item in
                let id = telegram.register(item, in: &state)
                return try state.write(
                    user: user,
                    chat: chat,
                    body: place == 0 ? body : FormattedText(),
                    media: id,
                    mediaGroup: group,
                    replyTo: replyTo,
                    at: seconds
                ).id
            }
        }
        return ["ok": true, "message_ids": .array(ids.map(\.json))]
    }

    /// Files of a form, or base64 members of a JSON body; named by their kind, with digits behind for several.
    private func files(_ parameters: Parameters) throws -> [ResolvedMedia] {
        var media: [ResolvedMedia] = []
        for (name, part) in parameters.files.sorted(by: {
            $0.key.count != $1.key.count ? $0.key.count < $1.key.count : $0.key < $1.key
        }) {
            guard let kind = MediaKind(rawValue: String(name.prefix { $0.isLetter })) else {
                throw BadRequest(text: "file \(name) must be called photo, video, audio, voice or document")
            }
            media.append(try file(part.content, kind, name: part.fileName, type: part.contentType))
        }
        for kind in MediaKind.allCases {
            guard let value = parameters.values[kind.rawValue] else { continue }
            for text in value.array?.compactMap(\.string) ?? value.string.map({ [$0] }) ?? [] {
                guard let content = Base64.decode(text) else {
                    throw BadRequest(text: "\(kind.rawValue) is not base64")
                }
                media.append(
                    try file(content, kind, name: parameters.text("file_name"), type: parameters.text("mime_type"))
                )
            }
        }
        guard media.count <= 10 else { throw BadRequest(text: "an album has at most 10 files") }
        return media
    }

    private func file(_ content: [UInt8], _ kind: MediaKind, name: String?, type: String?) throws -> ResolvedMedia {
        guard !content.isEmpty else { throw BadRequest(text: "the file is empty") }
        guard kind != .photo || ImageFacts(content) != nil else {
            throw BadRequest(text: "the photo is no PNG, JPEG, GIF or WebP")
        }
        return try telegram.newMedia(content, kind: kind, fileName: kind == .voice ? nil : name, type: type)
    }

    private func rewrite(_ edit: JSONValue, user: Int64, chat: Int64) throws -> JSONValue {
        guard let id = edit["message_id"]?.integer, let text = edit["text"]?.string, !text.isEmpty else {
            throw BadRequest(text: "edit takes message_id and text")
        }
        let now = tools.milliseconds
        try telegram.mutate { try $0.rewrite(user: user, chat: chat, message: id, text: text, at: now) }
        return ["ok": true]
    }

    // MARK: Pressing and paying

    private func press(_ value: JSONValue, user: Int64, chat: Int64) throws -> JSONValue {
        guard let id = value["message_id"]?.integer, let data = value["data"]?.string else {
            throw BadRequest(text: "callback takes message_id and data")
        }
        return try press(data, message: id, user: user, chat: chat)
    }

    private func press(_ data: String, message: Int64, user: Int64, chat: Int64) throws -> JSONValue {
        let query = String(Int64.random(in: 1_000_000_000_000_000_000...9_000_000_000_000_000_000))
        let now = tools.milliseconds
        try telegram.mutate {
            try $0.press(user: user, chat: chat, message: message, data: data, query: query, at: now)
        }
        return ["ok": true, "callback_query_id": .string(query)]
    }

    /// Presses the newest button whose label contains a text.
    private func press(label: String, user: Int64, chat: Int64) throws -> JSONValue {
        let found = telegram.read { state -> (Int64, String)? in
            let newestFirst = (state.messages[chat] ?? [:]).values.filter { !$0.isDeleted }.sorted { $0.id > $1.id }
            for message in newestFirst {
                let buttons = (message.keyboard?["inline_keyboard"]?.array ?? []).flatMap { $0.array ?? [] }
                for button in buttons where button["text"]?.string?.contains(label) == true {
                    if let data = button["callback_data"]?.string { return (message.id, data) }
                }
            }
            return nil
        }
        guard let (message, data) = found else { throw BadRequest(text: "no button is labelled \(label)") }
        return try press(data, message: message, user: user, chat: chat)
    }

    private func payStars(_ value: JSONValue, user: Int64, chat: Int64) async throws -> JSONValue {
        let message = value["message_id"]?.integer
        let invoice = telegram.read { state -> TelegramInvoice? in
            if let message { return state.message(chat, message)?.invoice }
            let slug = value["link"]?.string?.split(separator: "$").last.map(String.init) ?? ""
            return state.invoices[slug]
        }
        guard let invoice else { throw BadRequest(text: "unknown invoice") }
        if value["look"]?.bool == true { return ["ok": true, "invoice": invoice.json] }
        let isMessage = message != nil
        let trouble = await telegram.pay(
            invoice,
            user: user,
            chat: isMessage ? chat : nil,
            message: message
        )
        return .members(["ok": .bool(trouble == nil), "error": trouble?.json])
    }

    // MARK: Raw updates

    /// Sends an update as it is to the webhook, several times at once, past the queue.
    private func postRaw(_ raw: JSONValue, _ parameters: Parameters) async throws -> JSONValue {
        let times = parameters.integer("times") ?? 1
        guard (1...Self.maximumCopies).contains(times) else {
            throw BadRequest(text: "times must be 1 to \(Self.maximumCopies)")
        }
        let webhook = telegram.read { $0.webhook }
        guard !webhook.url.isEmpty else { throw BadRequest(text: "the bot has set no webhook") }
        // A text goes out as it is, so that malformed bodies can be sent too.
        let body = raw.string ?? JSONText.write(raw, escapingNonASCII: true)
        var request = TelegramDesk.request(webhook, body: Array(body.utf8))
        if let secret = parameters.text("secret") { request.fields["X-Telegram-Bot-Api-Secret-Token"] = secret }
        let prepared = request
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<times {
                group.addTask { [tools] in
                    await tools.send(prepared, provider: "telegram", operation: "webhook", note: "raw")?.status ?? 0
                }
            }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        return ["ok": true, "statuses": .array(statuses.map(\.json))]
    }
}
