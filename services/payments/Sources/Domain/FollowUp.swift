internal import Concurrency
internal import Contracts
internal import Time

/// When an order is looked at again although nobody has asked.
package enum FollowUp {
    /// How long an instance has for an order before another may take it over, renewed while a call is under way.
    package static let lease = Duration.seconds(8)
    /// How long a creation is repeated without an answer. The buyer has left by then, and YooKassa forgets
    /// idempotence keys only after 24 h.
    package static let creationLimit = Duration.seconds(3_600)
    /// How long the buyer may pay: YooKassa's own limit for cards and SBP.
    package static let timeToPay = Duration.seconds(3_600)
    /// Until then a pending payment is read often; afterwards hourly, for methods without a limit (cash).
    package static let closeWatch = Duration.seconds(70 * 60)
    /// When a payment that the provider still calls pending is given up. Money that comes later is found by the
    /// reconciliation and credited all the same.
    package static let longWatch = Duration.seconds(3 * 86_400)
    /// How soon a credit that billing has refused is tried again.
    package static let creditAgain = Duration.seconds(600)

    private static let creation = Backoff(first: .seconds(1), cap: .seconds(60))

    /// The pause before a creation without an answer is repeated.
    ///
    /// - Parameters:
    ///   - attempt: Tries so far, from 1.
    ///   - hint: The provider's `retry_after`.
    package static func creationDelay(attempt: Int, hint: Duration?) -> Duration {
        max(hint ?? .zero, creation.delay(attempt: attempt))
    }

    /// The pause before a pending payment is read again: a fifth of its age, 10 s to 5 min, then an hour.
    ///
    /// - Returns: Nil when it is given up.
    package static func readingDelay(age: Duration) -> Duration? {
        if age >= longWatch { return nil }
        if age >= closeWatch { return .seconds(3_600) }
        return min(max(age / 5, .seconds(10)), .seconds(300))
    }
}
