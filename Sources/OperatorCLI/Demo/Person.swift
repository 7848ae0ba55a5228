internal import Contracts
internal import Cryptography
internal import EventLoop
internal import LocalSystem
internal import Time

/// Somebody who chats with the bot, through Telegram's stand-in only.
struct Person: Sendable {
    let id: Int64
    let sandbox: SandboxClient
    let loop: EventLoop

    /// A message as it stands in the chat now.
    struct Message: Sendable {
        struct Media: Sendable {
            var kind: String
            var sha256: String
        }

        var id: Int64
        var isBot: Bool
        var text: String
        /// Every text that the message has shown, the present one last.
        var shown: [String]
        var buttons: [(text: String, data: String?, url: String?)]
        var media: Media?
        var isDeleted: Bool

        init(_ json: JSONValue) {
            self.id = json["message_id"]?.integer ?? 0
            self.isBot = json["is_bot"]?.bool ?? false
            self.text = Self.plain(json["text"])
            self.shown = (json["edits"]?.array ?? []).map { Self.plain($0["text"]) } + [text]
            self.isDeleted = json["deleted"]?.bool ?? false
            self.media = json["media"].flatMap { media in
                guard let kind = media["kind"]?.string, let hash = media["sha256"]?.string else { return nil }
                return Media(kind: kind, sha256: hash)
            }
            self.buttons = (json["keyboard"]?.array ?? []).flatMap { $0.array ?? [] }.map { button in
                (Self.plain(button["text"]), button["callback_data"]?.string, button["url"]?.string)
            }
        }

        /// Sums are written with spaces that don't break; a story is compared as it is read.
        private static func plain(_ value: JSONValue?) -> String {
            (value?.string ?? "").replacing("\u{A0}", with: " ").replacing("\u{202F}", with: " ")
        }
    }

    func say(_ text: String) async throws {
        try await sandbox.post("/sandbox/updates", ["user": .integer(id), "text": .string(text)])
    }

    func send(photo: [UInt8], caption: String) async throws {
        try await sandbox.post(
            "/sandbox/updates",
            ["user": .integer(id), "photo": .string(Base64.encode(photo)), "text": .string(caption)]
        )
    }

    /// Everything in the chat, oldest first.
    func messages() async throws -> [Message] {
        let chat = try await sandbox.get("/sandbox/chats/\(id)")
        return (chat["messages"]?.array ?? []).map { Message($0) }.filter { !$0.isDeleted }
    }

    /// The newest live button whose label contains a text, waited for.
    func button(_ label: String, after: Int64 = 0, within limit: Duration = .seconds(10)) async throws -> (
        message: Message, data: String?, url: String?
    ) {
        try await see("a button «\(label)»", within: limit) { messages in
            for message in messages.reversed() where message.isBot && message.id > after {
                if let found = message.buttons.first(where: { $0.text.contains(label) }) {
                    return (message, found.data, found.url)
                }
            }
            return nil
        }
    }

    /// How long a person looks at a screen before pressing: Telegram lets a bot change a chat about once a second.
    private static let tempo = Duration.milliseconds(900)

    /// Waits for a button, looks at it as a person does, and presses it.
    ///
    /// - Parameter after: Only on messages with a higher id, so that an older screen is not taken for the new one.
    func press(_ label: String, after: Int64 = 0, within limit: Duration = .seconds(10)) async throws {
        _ = try await button(label, after: after, within: limit)
        try await loop.sleep(for: Self.tempo)
        let found = try await button(label, after: after, within: limit)
        guard let data = found.data else { throw Narrator.Failure(description: "«\(label)» is a link") }
        try await press(data, in: found.message)
    }

    /// Presses a button at once.
    func press(_ data: String, in message: Message) async throws {
        try await sandbox.post(
            "/sandbox/updates",
            ["user": .integer(id), "callback": ["message_id": .integer(message.id), "data": .string(data)]]
        )
    }

    /// Waits until the chat shows something.
    func see<Result>(
        _ what: String,
        within limit: Duration = .seconds(10),
        _ look: ([Message]) -> Result?
    ) async throws -> Result {
        let deadline = Deadline.after(limit)
        var messages: [Message] = []
        while true {
            messages = try await self.messages()
            if let found = look(messages) { return found }
            guard !deadline.isExpired else { break }
            try await loop.sleep(for: .milliseconds(25))
        }
        let last = messages.suffix(3).map { message in
            "[\(message.id)] \(message.media?.kind ?? "text") «\(message.text.prefix(160))» "
                + message.buttons.map { "[\($0.text)]" }.joined()
        }
        throw Narrator.Failure(
            description: "\(what) did not come within \(limit.wholeMilliseconds) ms; the chat ends with\n          "
                + last.joined(separator: "\n          ")
        )
    }

    /// Waits for a bot's message that contains a text.
    @discardableResult
    func see(text: String, after: Int64 = 0, within limit: Duration = .seconds(10)) async throws -> Message {
        try await see("«\(text)»", within: limit) { messages in
            messages.last { $0.isBot && $0.id > after && $0.shown.contains { $0.contains(text) } }
        }
    }

    /// Waits until the bot has sent `count` media in all; returns the newest.
    @discardableResult
    func see(media count: Int, within limit: Duration) async throws -> Message.Media {
        try await see("result number \(count)", within: limit) { messages in
            let media = messages.filter { $0.isBot }.compactMap(\.media)
            return media.count >= count ? media.last : nil
        }
    }

    func mediaCount() async throws -> Int {
        try await messages().count { $0.isBot && $0.media != nil }
    }

    func lastID() async throws -> Int64 {
        try await messages().map(\.id).max() ?? 0
    }
}
