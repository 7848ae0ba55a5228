internal import Contracts

/// Everything that the Telegram stand-in remembers. Pure: time is given, nothing is sent.
struct TelegramState: Sendable {
    /// A record that changed and must be kept.
    enum Change: Hashable, Sendable {
        case user(Int64), chat(Int64), message(chat: Int64, id: Int64), file(String), update(Int64)
        case updateDone(Int64), webhook, invoice(String), star(Int64), commands, counters
    }

    /// A pressed button that waits for its answer.
    struct Query: Sendable {
        var user: Int64
        var chat: Int64
        var message: Int64
        /// Unix milliseconds.
        var at: Int64
        var isAnswered = false
    }

    /// A toast, alert or link that a callback answer brought.
    struct Toast: Sendable {
        var number: Int64
        var text: String
        var isAlert: Bool
        var url: String?
    }

    /// A payment that waits for `answerPreCheckoutQuery`.
    struct Checkout: Sendable {
        var at: Int64
        var verdict: (isAccepted: Bool, message: String?)?
    }

    /// Numbers that only grow.
    struct Counters: Codable, Sendable {
        var message: Int64 = 1_000
        var update: Int64 = 731_204_500
        var revision: Int64 = 0
        var star: Int64 = 0
        /// Grows with every reset, so that the page knows that all it shows is gone.
        var epoch: Int64 = 0
    }

    /// A button press can be answered this long, in milliseconds.
    static let queryLifetime: Int64 = 60_000
    /// A pre-checkout query must be answered within this time, in milliseconds.
    static let checkoutLifetime: Int64 = 10_000
    /// Presses that are remembered.
    static let maximumQueries = 20_000

    let bot: TelegramUser
    var users: [Int64: TelegramUser] = [:]
    var chats: [Int64: TelegramChat] = [:]
    var messages: [Int64: [Int64: TelegramMessage]] = [:]
    var files: [String: TelegramFile] = [:]
    var thumbnails: [String: String] = [:]
    var webhook = TelegramWebhook()
    var queue = UpdateQueue()
    var rates = RateRules()
    var queries: [String: Query] = [:]
    var toasts: [Int64: [Toast]] = [:]
    var checkouts: [String: Checkout] = [:]
    var invoices: [String: TelegramInvoice] = [:]
    var stars: [StarTransaction] = []
    var commands: [String: JSONValue] = [:]
    var counters = Counters()
    var lastSetWebhook: Int64 = 0
    private var changes: Set<Change> = []

    init(bot: TelegramUser) {
        self.bot = bot
    }

    /// The changes since the last call.
    mutating func takeChanges() -> Set<Change> {
        defer { changes = [] }
        return changes
    }

    /// Notes that a record changed.
    mutating func touch(_ change: Change) {
        changes.insert(change)
    }

    mutating func nextRevision() -> Int64 {
        counters.revision += 1
        changes.insert(.counters)
        return counters.revision
    }

    /// The sender of a message, person or bot.
    func sender(_ id: Int64) -> TelegramUser {
        id == bot.id ? bot : users[id] ?? TelegramUser(id: id, firstName: "Пользователь \(id)")
    }

    // MARK: People and chats

    /// Adds a person with a private chat, or replaces the person.
    mutating func add(_ user: TelegramUser) {
        users[user.id] = user
        changes.insert(.user(user.id))
        if chats[user.id] == nil { add(TelegramChat(id: user.id, kind: .private)) }
    }

    mutating func add(_ chat: TelegramChat) {
        chats[chat.id] = chat
        changes.insert(.chat(chat.id))
    }

    /// The `Chat` object.
    func json(chat id: Int64) -> JSONValue {
        let chat = chats[id]
        if let chat, chat.kind != .private {
            return ["id": id.json, "type": .string(chat.kind.rawValue), "title": .string(chat.title ?? "Группа")]
        }
        let user = users[id]
        return .members([
            "id": id.json, "type": "private", "first_name": user?.firstName.json, "last_name": user?.lastName?.json,
            "username": user?.username?.json,
        ])
    }

    /// The chat that a bot may write to.
    ///
    /// - Throws: 400 or 403, as Telegram would.
    func writableChat(_ id: Int64) throws(TelegramError) -> TelegramChat {
        guard let chat = chats[id] else { throw .chatNotFound }
        switch (chat.kind, chat.isBlocked) {
        case (.private, true): throw .forbidden("bot was blocked by the user")
        case (.group, true): throw .forbidden("bot was kicked from the group chat")
        case (.supergroup, true): throw .forbidden("bot was kicked from the supergroup chat")
        case (.private, false) where !chat.hasStarted:
            throw .forbidden("bot can't initiate conversation with a user")
        default: return chat
        }
    }

    // MARK: Messages

    /// Adds a message with the next id.
    mutating func append(_ draft: TelegramMessage) -> TelegramMessage {
        var message = draft
        counters.message += 1
        message.id = counters.message
        message.revision = nextRevision()
        messages[message.chat, default: [:]][message.id] = message
        changes.insert(.message(chat: message.chat, id: message.id))
        if message.from == bot.id, chats[message.chat]?.action != nil { chats[message.chat]?.action = nil }
        return message
    }

    /// A message that was not deleted.
    func message(_ chat: Int64, _ id: Int64) -> TelegramMessage? {
        messages[chat]?[id].flatMap { $0.isDeleted ? nil : $0 }
    }

    /// Changes a message.
    mutating func update(_ message: TelegramMessage) {
        var changed = message
        changed.revision = nextRevision()
        messages[message.chat]?[message.id] = changed
        changes.insert(.message(chat: message.chat, id: message.id))
    }

    /// Changes the content of a message and keeps its earlier form.
    mutating func edit(_ message: TelegramMessage, at milliseconds: Int64) {
        guard let old = messages[message.chat]?[message.id] else { return }
        var changed = message
        changed.editDate = milliseconds / 1_000
        changed.edits.append(
            TelegramMessage.Edit(until: milliseconds, text: old.body.text, media: old.media, keyboard: old.keyboard)
        )
        if changed.edits.count > TelegramMessage.maximumEdits { changed.edits.removeFirst() }
        update(changed)
    }

    /// Registers a file.
    mutating func add(_ file: TelegramFile, thumbnail: TelegramFile? = nil) {
        files[file.id] = file
        changes.insert(.file(file.id))
        if let thumbnail {
            files[thumbnail.id] = thumbnail
            thumbnails[file.id] = thumbnail.id
            changes.insert(.file(thumbnail.id))
        }
    }

    /// The `Message` object.
    ///
    /// - Parameter depth: Levels of `reply_to_message` to include.
    func json(_ message: TelegramMessage, depth: Int = 1) -> JSONValue {
        var members: [String: JSONValue?] = [
            "message_id": message.id.json, "from": sender(message.from).json, "chat": json(chat: message.chat),
            "date": message.date.json, "edit_date": message.editDate?.json,
            "media_group_id": message.mediaGroup?.json,
            "reply_markup": message.keyboard?["inline_keyboard"] == nil ? nil : message.keyboard,
            "invoice": message.invoice?.json,
            "show_caption_above_media": message.showsCaptionAbove ? true : nil,
            "has_media_spoiler": message.hasSpoiler ? true : nil,
        ]
        let entities = message.body.entities.isEmpty ? nil : JSONValue.array(message.body.entities)
        if let id = message.media, let file = files[id] {
            members[file.kind.rawValue] = file.json(thumbnail: thumbnails[id].flatMap { files[$0] })
            if file.kind == .animation {
                members["document"] = file.json(thumbnail: nil).merging(["width": nil, "height": nil])
            }
            members["caption"] = message.body.text.isEmpty ? nil : message.body.text.json
            members["caption_entities"] = entities
        } else if !message.body.text.isEmpty {
            members["text"] = message.body.text.json
            members["entities"] = entities
        }
        for (name, value) in message.payment ?? [:] { members[name] = value }
        if depth > 0, let id = message.replyTo, let target = self.message(message.chat, id) {
            members["reply_to_message"] = json(target, depth: depth - 1)
        }
        return .members(members)
    }

    // MARK: Updates

    /// Puts an update into the queue.
    ///
    /// - Parameters:
    ///   - lane: Chat or user that the kind is ordered by.
    ///   - date: Unix seconds of the event; the lifetime counts from it.
    mutating func enqueue(_ kind: String, _ payload: JSONValue, lane: Int64, date: Int64) {
        guard webhook.wants(kind) else { return }
        counters.update += 1
        changes.insert(.counters)
        let id = counters.update
        // The sub-queue is the chat for messages and the user, kind by kind, for the rest.
        let group =
            ["message", "edited_message", "channel_post", "edited_channel_post"].contains(kind) ? "chat" : kind
        let content = JSONText.write(payload, escapingNonASCII: true)
        let item = UpdateQueue.Item(
            id: id,
            kind: kind,
            lane: "\(group) \(lane)",
            body: "{\"update_id\":\(id),\n\"\(kind)\":\(content)}",
            expiresAt: date * 1_000 + UpdateQueue.lifetime(of: kind)
        )
        if queue.enqueue(item) { changes.insert(.update(id)) }
    }
}
