internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Time

/// Answers pre-checkout queries past all queues: Telegram cancels the payment after ten seconds.
struct PreCheckoutAnswerer: Sendable {
    let telegram: TelegramClient
    let loop: EventLoop

    /// Telegram's ten seconds, less the way here and back.
    private static let budget = Duration.seconds(9)
    private static let backoff = Backoff(first: .milliseconds(100), cap: .seconds(1))

    /// Returns when Telegram has taken the answer. Answering twice is harmless, so unanswered tries are repeated.
    ///
    /// - Throws: `notFound` if the query has expired, `messageInvalid` if Telegram refuses the answer, `unavailable` if
    ///   the time is over.
    func answer(_ input: AnswerPreCheckout.Input, until deadline: Deadline) async throws {
        let deadline = min(deadline, .after(Self.budget))
        var parameters: [String: JSONValue] = [
            "pre_checkout_query_id": .string(input.preCheckoutQueryID), "ok": .bool(input.refusal == nil),
        ]
        if let refusal = input.refusal { parameters["error_message"] = .string(String(refusal.prefix(200))) }
        let call = TelegramCall("answerPreCheckoutQuery", parameters)
        var attempt = 0
        while !deadline.isExpired {
            attempt += 1
            let timeout = min(.seconds(3), max(.milliseconds(50), deadline.remaining))
            let pause: Duration
            switch await telegram.call(call, timeout: timeout, isGuarded: false) {
            case .accepted, .notModified: return
            case .queryExpired: throw Problem(.notFound, "the query has expired")
            case .notSent, .uncertain: pause = Self.backoff.delay(attempt: attempt)
            case .flooded(let seconds): pause = .seconds(seconds)
            case let answer: throw Problem(.messageInvalid, "Telegram refused the answer: \(answer.label)")
            }
            guard pause < deadline.remaining else { break }
            try await loop.sleep(for: pause)
        }
        throw Problem(.unavailable, "Telegram did not take the answer in time")
    }
}
