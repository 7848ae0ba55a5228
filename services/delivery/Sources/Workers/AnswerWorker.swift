internal import Concurrency
package import Contracts
package import EventLoop
internal import Jobs
internal import Lifecycle
internal import Telemetry
internal import Time

/// Answers pressed buttons at once, past all queues and paces: Telegram doesn't limit these answers, and a late one is
/// worthless.
package final class AnswerWorker: Worker {
    package let name = "delivery.answers"
    private let telegram: TelegramClient
    private let metrics: DeliveryMetrics
    private let signal: WakeSignal
    private let queue = Locked<[Entry]>([])

    private struct Entry {
        let input: AnswerCallback.Input
        let expires: Deadline
    }

    /// Answers that wait at most; the oldest are dropped beyond.
    static let maximumWaiting = 5_000
    /// Telegram shows the spinner for longer, but users don't look at it for longer.
    private static let lifetime = Duration.seconds(10)
    private static let maximumCalls = 32

    package init(_ telegram: TelegramClient, loop: EventLoop, metrics: DeliveryMetrics) {
        self.telegram = telegram
        self.metrics = metrics
        self.signal = WakeSignal(loop: loop)
    }

    /// Takes an answer; it goes out within moments or never.
    package func add(_ input: AnswerCallback.Input) {
        let dropped = queue.withLock { queue in
            queue.append(Entry(input: input, expires: .after(Self.lifetime)))
            guard queue.count > Self.maximumWaiting else { return false }
            queue.removeFirst()
            return true
        }
        if dropped { metrics.answersDropped.increment("full") }
        signal.set()
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            while !Task.isCancelled {
                let next = queue.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                guard let next else {
                    await signal.wait(upTo: .seconds(60))
                    continue
                }
                if running == Self.maximumCalls {
                    await group.next()
                    running -= 1
                }
                group.addTask { await self.answer(next) }
                running += 1
            }
        }
    }

    private func answer(_ entry: Entry) async {
        // One repeat, only where nothing was sent: a second answer would do no harm, but takes time from the others.
        for _ in 0..<2 {
            guard !entry.expires.isExpired else { return metrics.answersDropped.increment("expired") }
            let answer = await telegram.call(Self.call(entry.input), timeout: .seconds(3), isGuarded: false)
            guard case .notSent = answer else { return }
        }
    }

    private static func call(_ input: AnswerCallback.Input) -> TelegramCall {
        var parameters: [String: JSONValue] = ["callback_query_id": .string(input.callbackQueryID)]
        if let text = input.text, !text.isEmpty { parameters["text"] = .string(cut(text)) }
        if input.isAlert { parameters["show_alert"] = true }
        return TelegramCall("answerCallbackQuery", parameters)
    }

    /// At most 200 characters, which Telegram refuses to exceed.
    private static func cut(_ text: String) -> String {
        guard text.utf16.count > 200 else { return text }
        var result = ""
        for character in text where result.utf16.count + character.utf16.count <= 199 { result.append(character) }
        return result + "…"
    }
}
