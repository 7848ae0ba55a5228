internal import Contracts
internal import Cryptography
internal import HTTP

/// Chats as the page and tests see them.
extension ControlDesk {
    /// The longest time that a request for changes waits.
    static let longestWait: Int64 = 20_000

    /// `GET /sandbox/chats`.
    func chats() -> HTTPResponse {
        telegram.read { state in
            .json([
                "bot": state.bot.json, "people": .array(TelegramDesk.people.map(\.json)),
                "pending_updates": state.queue.count.json, "webhook": .string(state.webhook.url),
                "chats": .array(
                    state.chats.values.sorted { $0.id < $1.id }.map { chat in
                        state.json(chat: chat.id).merging([
                            "messages": (state.messages[chat.id]?.count ?? 0).json, "blocked": .bool(chat.isBlocked),
                            "started": .bool(chat.hasStarted),
                        ])
                    }
                ),
            ])
        }
    }

    /// `POST /sandbox/chats` `{id, title, kind}`: a group with the bot in it.
    func addGroup(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let parameters = try parameters(request)
            guard let id = parameters.integer("id"), id < 0 else { throw BadRequest(text: "id must be negative") }
            let kind = TelegramChat.Kind(rawValue: parameters.text("kind") ?? "supergroup") ?? .supergroup
            telegram.mutate { state in
                state.add(
                    TelegramChat(id: id, kind: kind, title: parameters.text("title") ?? "Группа", hasStarted: true)
                )
            }
            return ["ok": true]
        }
    }

    /// `GET /sandbox/chats/{id}`: everything that ever happened in a chat.
    func transcript(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let id = try chatID(request)
            return telegram.read { state in
                [
                    "chat": state.json(chat: id), "pending_updates": state.queue.count.json,
                    "messages": .array(
                        (state.messages[id] ?? [:]).values.sorted { $0.id < $1.id }.map { Self.json($0, state) }
                    ),
                    "toasts": .array((state.toasts[id] ?? []).map(Self.json)),
                ]
            }
        }
    }

    private func chatID(_ request: HTTPRequest) throws -> Int64 {
        let id = request.parameters["id"].flatMap { Int64($0) }
        guard let id, telegram.read({ $0.chats[id] != nil }) else { throw BadRequest(text: "unknown chat") }
        return id
    }

    /// `GET /sandbox/chats/{id}/changes?user=&after=`: what is newer than revision `after`; waits until there is something.
    func changes(_ request: HTTPRequest) async -> HTTPResponse {
        await guarded {
            let id = try chatID(request)
            let user = request.query["user"].flatMap { Int64($0) } ?? id
            let after = request.query["after"].flatMap { Int64($0) } ?? 0
            let epoch = request.query["epoch"].flatMap { Int64($0) }
            let end = tools.milliseconds + Self.longestWait
            while true {
                let seen = tools.feed.number
                let counters = telegram.read { $0.counters }
                let left = end - tools.milliseconds
                if counters.revision > after || epoch.map({ $0 != counters.epoch }) ?? true || left <= 0 {
                    return changed(chat: id, user: user, after: epoch == counters.epoch ? after : 0)
                }
                _ = await tools.feed.wait(after: seen, atMost: .milliseconds(left))
                if Task.isCancelled || tools.feed.isStopped { throw BadRequest(text: "stopping") }
            }
        }
    }

    private func changed(chat id: Int64, user: Int64, after: Int64) -> JSONValue {
        let now = tools.milliseconds
        return telegram.read { state in
            let chat = state.chats[id]
            let messages = (state.messages[id] ?? [:]).values.filter { $0.revision > after }.sorted { $0.id < $1.id }
            let isActive = (chat?.actionUntil ?? 0) > now
            let commands = state.commands.first { $0.key.hasPrefix("default") && $0.key.hasSuffix(" ru") }?.value
            return .members([
                "revision": state.counters.revision.json, "epoch": state.counters.epoch.json, "bot": state.bot.json,
                "messages": .array(messages.map { Self.json($0, state) }),
                "toasts": .array((state.toasts[user] ?? []).filter { $0.number > after }.map(Self.json)),
                "action": isActive ? chat?.action?.json : nil,
                "action_left": isActive ? ((chat?.actionUntil ?? now) - now).json : nil,
                "commands": commands ?? state.commands["default "] ?? [], "blocked": .bool(chat?.isBlocked ?? false),
                "started": .bool(chat?.hasStarted ?? false), "reply_keyboard": chat?.replyKeyboard,
                "webhook": .bool(!state.webhook.url.isEmpty),
            ])
        }
    }

    /// `GET /sandbox/media/{file_id}`.
    func media(_ request: HTTPRequest) -> HTTPResponse {
        let id = request.parameters["id"] ?? ""
        guard let file = telegram.read({ $0.files[id] }), let content = tools.blobs.get(file.sha256) else {
            return .json(["error": "unknown file"], status: 404)
        }
        // A file that a user uploaded must not run as a page of this origin.
        return .file(
            content,
            type: file.mimeType,
            range: request.fields["Range"],
            fields: [
                "Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            ]
        )
    }

    private static func json(_ toast: TelegramState.Toast) -> JSONValue {
        .members([
            "number": toast.number.json, "text": .string(toast.text), "alert": .bool(toast.isAlert),
            "url": toast.url?.json,
        ])
    }

    /// A message with all that happened to it.
    private static func json(_ message: TelegramMessage, _ state: TelegramState) -> JSONValue {
        .members([
            "message_id": message.id.json, "chat_id": message.chat.json, "from": state.sender(message.from).json,
            "is_bot": .bool(message.from == state.bot.id), "date": message.date.json,
            "edit_date": message.editDate?.json, "text": .string(message.body.text),
            "entities": .array(message.body.entities), "media": message.media.flatMap { media($0, state) },
            "media_group_id": message.mediaGroup?.json, "keyboard": message.keyboard?["inline_keyboard"],
            "reply_to": message.replyTo?.json,
            "caption_above": message.showsCaptionAbove ? true : nil, "spoiler": message.hasSpoiler ? true : nil,
            "invoice": message.invoice.map { $0.json.merging(["paid": .bool($0.paidBy != nil)]) },
            "payment": message.payment.map { .object($0) }, "deleted": message.isDeleted ? true : nil,
            "edits": .array(
                message.edits.map { edit in
                    .members([
                        "until": edit.until.json, "text": .string(edit.text),
                        "keyboard": edit.keyboard?["inline_keyboard"],
                        "media": edit.media.flatMap { media($0, state) },
                    ])
                }
            ),
            "revision": message.revision.json,
        ])
    }

    private static func media(_ id: String, _ state: TelegramState) -> JSONValue? {
        guard let file = state.files[id] else { return nil }
        return .members([
            "kind": .string(file.kind.rawValue), "file_id": .string(id), "sha256": .string(file.sha256),
            "bytes": file.bytes.json, "mime_type": .string(file.mimeType), "file_name": file.fileName?.json,
            "width": file.width?.json, "height": file.height?.json, "duration": file.duration?.json,
            "title": file.title?.json, "performer": file.performer?.json, "url": .string("/sandbox/media/\(id)"),
        ])
    }
}
