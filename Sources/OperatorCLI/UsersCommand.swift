internal import Contracts
internal import Cryptography
internal import LocalSystem
internal import ServiceKit

/// `atelier users erase <telegram id>`: removes what a user has given and made, on the user's wish.
struct UsersCommand: Sendable {
    static let usage = """
        usage: atelier users erase <telegram id>
          Removes the user's words, files, drafts and history from conversation, delivery and generation, and says what
          stays and why. What was paid stays in the books. Repeat it as you like: it goes on where it was stopped.
        """

    let access: OperatorAccess

    /// - Returns: The exit code: 0 done, 1 a service did not answer, 2 wrong usage.
    func run(_ words: [String]) async throws -> Int32 {
        if words.isEmpty || words == ["help"] {
            Console.say(Self.usage)
            return 0
        }
        guard words.count == 2, words[0] == "erase", let user = UserID(words[1]), user > 0 else {
            Console.complain(Self.usage)
            return 2
        }
        let report = await erase(user)
        Console.say(report.text)
        return report.isComplete ? 0 : 1
    }

    /// Conversation first, which feeds the others. One that does not answer keeps none of the others from erasing.
    private func erase(_ user: UserID) async -> ErasureReport {
        // A new key each time: asking again means it.
        let key = "erase:\(user):\(Hex.encode(secureRandom(8)))"
        var report = ErasureReport()
        report.conversation = await answer(.conversation) { client in
            try await client.call(EraseConversation.self, parameters: .init(userID: user), key: key)
        }
        report.delivery = await answer(.delivery) { client in
            try await client.call(EraseChat.self, parameters: .init(chatID: user), key: key)
        }
        report.generation = await answer(.generation) { client in
            try await client.call(EraseUser.self, parameters: .init(userID: user), key: key)
        }
        return report
    }

    private func answer<Output: Sendable>(
        _ service: ServiceName,
        _ call: (InternalClient) async throws -> Output
    ) async -> ErasureReport.Answer<Output> {
        do {
            return .done(try await access.with(service, call))
        } catch {
            return .failed("\(error)")
        }
    }
}

/// What became of a wish to be forgotten, service by service.
struct ErasureReport: Sendable {
    enum Answer<Output: Sendable>: Sendable {
        case done(Output)
        /// Why it did not answer.
        case failed(String)

        var output: Output? { if case .done(let output) = self { output } else { nil } }
        var failure: String? { if case .failed(let text) = self { text } else { nil } }
    }

    var conversation = Answer<EraseConversation.Output>.failed("was not asked")
    var delivery = Answer<EraseChat.Output>.failed("was not asked")
    var generation = Answer<EraseUser.Output>.failed("was not asked")

    private var failures: [(service: String, text: String)] {
        [("conversation", conversation.failure), ("delivery", delivery.failure), ("generation", generation.failure)]
            .compactMap { service, text in text.map { (service, $0) } }
    }

    var isComplete: Bool { failures.isEmpty }

    /// Whether something has to end first.
    private var isWaiting: Bool {
        let conversation = conversation.output.map { $0.openJobs + $0.waitingCommands } ?? 0
        return conversation + (delivery.output?.waitingMessages ?? 0) > 0
    }

    var text: String {
        var lines = [TextTable([["service", "removed", "stays for now"]] + rows).text, "", Self.keeps]
        for (service, text) in failures { lines.append("\n\(service) has removed nothing: \(text)") }
        if !isComplete {
            lines.append("Run it again when that is mended; what is removed stays removed.")
        } else if isWaiting {
            lines.append("\nRun it again when what is under way has ended, to remove the rest.")
        }
        return lines.joined(separator: "\n")
    }

    private var rows: [[String]] {
        var rows: [[String]] = []
        if let done = conversation.output {
            let drafts = "chats with drafts: \(done.erasedSessions)"
            let history = "jobs: \(done.erasedJobs), orders: \(done.erasedOrders)"
            let stays = [
                Self.counted("under way, without words", done.openJobs),
                Self.counted("messages on their way", done.waitingCommands),
            ]
            rows.append([
                "conversation", "settings, \(drafts), \(history)", stays.compactMap { $0 }.joined(separator: "; "),
            ])
        }
        if let done = delivery.output {
            let stays = Self.counted("just being sent", done.waitingMessages)
            rows.append(["delivery", "contents of messages: \(done.erasedMessages)", stays ?? ""])
        }
        if let done = generation.output {
            let stays = Self.counted("jobs under way, emptied when they end", done.openJobs)
            let removed = "files: \(done.erasedAssets), words of jobs: \(done.erasedJobs), quotes"
            rows.append(["generation", removed, stays ?? ""])
        }
        return rows
    }

    private static func counted(_ what: String, _ count: Int) -> String? { count == 0 ? nil : "\(what): \(count)" }

    /// What no service removes, and why.
    static let keeps = """
        Not removed:
          billing       accounts and entries: the ledger can't be changed, and holds no words
          payments      orders and payments: evidence of what was paid
          generation    what each job cost and how it ended: figures and the ledger need it
          delivery      keys and numbers of messages: so that nothing is sent twice
          conversation  counters of sessions: so that old buttons do nothing wrong
          ingress       webhooks as Telegram sent them: go with their day, after ATELIER_KEEP_EVENTS_DAYS (35 by default)
          backups       as old as you keep them
        What the bot has written into the chat is Telegram's; the user clears the chat there.
        """
}
