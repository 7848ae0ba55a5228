internal import Time

/// The submissions of one provider account: at most `limit` in any `window`, kept as the last stamps.
///
/// A bucket that refills steadily would allow almost twice as many in an unlucky window; remembering the stamps does not.
struct SlotBook: Sendable, Equatable {
    /// createTask calls that the provider takes in one window.
    static let limit = 20
    /// The provider's window and a margin, because its clock and the network's pace are not ours.
    static let window = Duration.milliseconds(10_200)

    /// The account's name.
    var account: String
    /// Ascending; more than `limit` are never kept.
    var stamps: [Timestamp] = []
    /// Until when the account rests, after a refusal.
    var pausedUntil: Timestamp?

    /// When the next submission may be made: now or later.
    func nextSlot(now: Timestamp) -> Timestamp {
        let rested = max(now, pausedUntil ?? now)
        guard stamps.count >= Self.limit else { return rested }
        return max(rested, stamps[stamps.count - Self.limit] + Self.window)
    }

    /// Submissions that still count.
    func used(now: Timestamp) -> Int { stamps.count { $0 + Self.window > now } }

    /// How many submissions may be made at once.
    func free(now: Timestamp) -> Int {
        if let pausedUntil, pausedUntil > now { return 0 }
        return max(0, Self.limit - used(now: now))
    }

    /// The book with one more submission.
    func taking(_ now: Timestamp) -> SlotBook {
        var next = self
        next.stamps = (stamps + [max(now, stamps.last ?? now)]).suffix(Self.limit)
        return next
    }
}
