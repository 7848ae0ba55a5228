internal import Concurrency
internal import Configuration
internal import Contracts
internal import Cryptography
internal import HTTP

/// The Telegram stand-in: Bot API calls in, updates out.
final class TelegramDesk: Sendable {
    let tools: Tools
    private let state: Locked<TelegramState>
    /// Time until which a wake-up of the webhook pump is planned, Unix milliseconds.
    let plannedWake = Locked<Int64>(.max)

    /// The two people of the demonstration.
    static let people = [
        TelegramUser(
            id: 7_012_345_678,
            firstName: "Алёна",
            lastName: "Гончарова",
            username: "alena_g",
            languageCode: "ru",
            isPremium: true
        ),
        TelegramUser(
            id: 7_023_456_789,
            firstName: "Борис",
            lastName: "Лунин",
            username: "boris_l",
            languageCode: "ru"
        ),
    ]

    init(tools: Tools) {
        self.tools = tools
        self.state = Locked(Self.restored(tools))
    }

    private static func restored(_ tools: Tools) -> TelegramState {
        let bot = TelegramUser(
            id: tools.configuration.botID,
            isBot: true,
            firstName: "Ателье",
            username: "atelier_sandbox_bot"
        )
        var state = TelegramState(bot: bot)
        let journal = tools.journal
        for user in journal.records(.user, as: TelegramUser.self).values { state.users[user.id] = user }
        for chat in journal.records(.chat, as: TelegramChat.self).values { state.chats[chat.id] = chat }
        for message in journal.records(.message, as: TelegramMessage.self).values {
            state.messages[message.chat, default: [:]][message.id] = message
        }
        for (id, file) in journal.records(.file, as: StoredFile.self) {
            state.files[id] = file.file
            if let thumbnail = file.thumbnail { state.thumbnails[id] = thumbnail }
        }
        state.webhook = journal.records(.webhook, as: TelegramWebhook.self)["bot"] ?? TelegramWebhook()
        state.queue = UpdateQueue(items: Array(journal.records(.update, as: UpdateQueue.Item.self).values))
        state.invoices = journal.records(.invoice, as: TelegramInvoice.self)
        state.stars = journal.records(.starTransaction, as: StarTransaction.self).values.sorted {
            $0.number < $1.number
        }
        state.commands = journal.records(.command, as: JSONValue.self)
        state.counters = journal.records(.setting, as: TelegramState.Counters.self)["telegram"] ?? .init()
        for person in people where state.users[person.id] == nil { state.add(person) }
        return state
    }

    private struct StoredFile: Codable {
        var file: TelegramFile
        var thumbnail: String?
    }

    /// Takes up what was under way when the sandbox stopped.
    func resume() {
        pump()
    }

    func reset() {
        let fresh = Self.restored(tools)
        // Webhook and commands stay: the bot registered them and would not do so again.
        mutate { state in
            let (webhook, commands, counters) = (state.webhook, state.commands, state.counters)
            let revision = counters.revision
            state = fresh
            state.webhook = webhook
            state.commands = commands
            state.touch(.commands)
            state.counters = counters
            state.counters.revision = revision + 1
            state.counters.epoch += 1
            state.touch(.webhook)
            state.touch(.counters)
            for user in state.users.keys { state.touch(.user(user)) }
            for chat in state.chats.keys { state.touch(.chat(chat)) }
        }
    }

    /// Reads the state.
    func read<Value: Sendable>(_ body: (TelegramState) throws -> Value) rethrows -> Value {
        try state.withLock { try body($0) }
    }

    /// Changes the state, keeps what changed, wakes the page and sends the updates that came of it.
    @discardableResult
    func mutate<Value: Sendable>(_ body: (inout TelegramState) throws -> Value) rethrows -> Value {
        defer {
            tools.feed.changed()
            pump()
        }
        return try quietly(body)
    }

    /// Changes the state and keeps what changed, nothing more.
    @discardableResult
    func quietly<Value: Sendable>(_ body: (inout TelegramState) throws -> Value) rethrows -> Value {
        try state.withLock { state in
            defer { keep(state.takeChanges(), of: state) }
            return try body(&state)
        }
    }

    private func keep(_ changes: Set<TelegramState.Change>, of state: TelegramState) {
        let journal = tools.journal
        for change in changes {
            switch change {
            case .user(let id): journal.put(.user, String(id), state.users[id])
            case .chat(let id): journal.put(.chat, String(id), state.chats[id])
            case .message(let chat, let id): journal.put(.message, "\(chat) \(id)", state.messages[chat]?[id])
            case .file(let id):
                if let file = state.files[id] {
                    journal.put(.file, id, StoredFile(file: file, thumbnail: state.thumbnails[id]))
                }
            case .update(let id):
                if let item = state.queue.items[id] { journal.put(.update, String(id), item) }
            case .updateDone(let id): journal.remove(.update, String(id))
            case .webhook: journal.put(.webhook, "bot", state.webhook)
            case .invoice(let slug): journal.put(.invoice, slug, state.invoices[slug])
            case .star(let number):
                if let star = state.stars.first(where: { $0.number == number }) {
                    journal.put(.starTransaction, String(number), star)
                }
            case .commands: for (scope, list) in state.commands { journal.put(.command, scope, list) }
            case .counters: journal.put(.setting, "telegram", state.counters)
            }
        }
    }

    // MARK: HTTP

    /// `/telegram/bot<token>/<method>`.
    func call(_ request: HTTPRequest) async -> HTTPResponse {
        let name = request.parameters["method"] ?? ""
        guard isBot(request.parameters["bot"]) else { return Self.answer(.unauthorized) }
        if let failure = await fault(name) { return failure }
        do {
            let parameters = try readParameters(request)
            let loses = tools.faults.take(.telegramLostAnswer, subject: name) != nil
            let result = try await perform(name, parameters)
            if loses {
                _ = await tools.pause(100)
                return .gatewayPage(504, "Gateway Time-out")
            }
            return .json(["ok": true, "result": result])
        } catch {
            return Self.answer(error)
        }
    }

    /// Whether a path segment is `bot<token>`; compared in constant time.
    private func isBot(_ segment: String?) -> Bool {
        constantTimeEquals(Array((segment ?? "").utf8), Array("bot\(tools.configuration.botToken.text)".utf8))
    }

    private func fault(_ name: String) async -> HTTPResponse? {
        let faults = tools.faults
        if let fault = faults.take(.telegramLimit, subject: name) {
            return Self.answer(.tooMany(Double(fault.value ?? 3)))
        }
        if faults.take(.telegramServer, subject: name) != nil {
            return Self.answer(TelegramError(code: 500, description: "Internal Server Error"))
        }
        if faults.take(.telegramGateway, subject: name) != nil { return .gatewayPage(502, "Bad Gateway") }
        if faults.take(.telegramHang, subject: name) != nil {
            _ = await tools.pause(100)
            return .gatewayPage(504, "Gateway Time-out")
        }
        return nil
    }

    private func readParameters(_ request: HTTPRequest) throws(TelegramError) -> Parameters {
        do {
            return try request.readParameters()
        } catch .tooManyBytes {
            throw .tooLarge
        } catch {
            throw .bad("can't parse request body")
        }
    }

    private static func answer(_ error: TelegramError) -> HTTPResponse {
        var response = HTTPResponse.json(error.json, status: error.code)
        if let wait = error.retryAfter { response.fields["Retry-After"] = String(wait) }
        return response
    }

    /// `GET /telegram/file/bot<token>/<folder>/<name>`.
    func download(_ request: HTTPRequest) -> HTTPResponse {
        guard isBot(request.parameters["bot"]) else { return Self.answer(.unauthorized) }
        let path = "\(request.parameters["folder"] ?? "")/\(request.parameters["name"] ?? "")"
        let file = read { state in state.files.values.first { $0.path == path } }
        guard let file, let content = tools.blobs.get(file.sha256) else { return Self.answer(.notFound) }
        // Telegram serves all files as bytes without a type.
        return .file(content, type: "application/octet-stream", range: request.fields["Range"])
    }
}
