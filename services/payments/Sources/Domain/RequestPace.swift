/// Spaces our requests to YooKassa: a steady rate with a small burst, and room kept free for people who wait.
///
/// Generic cell rate algorithm; pure, times are nanoseconds of a monotonic clock. YooKassa publishes no number.
package struct RequestPace: Sendable, Equatable {
    /// Who asks: a person who waits for the answer, or the sweep, which leaves half of the burst alone.
    package enum Urgency: Sendable {
        case person, background
    }

    private let interval: UInt64
    private let burst: UInt64
    /// When the next request would be on time without any burst.
    private var next: UInt64 = 0

    /// - Parameters:
    ///   - perSecond: 1 or more.
    ///   - burst: How many may go at once after a pause, 1 or more.
    package init(perSecond: Int, burst: Int) {
        self.interval = 1_000_000_000 / UInt64(max(1, perSecond))
        self.burst = UInt64(max(1, burst))
    }

    /// Takes the next free slot.
    ///
    /// - Returns: How long to wait for it, in nanoseconds; nil, and nothing is taken, if that is more than `patience`.
    package mutating func take(_ urgency: Urgency, now: UInt64, patience: UInt64) -> UInt64? {
        let tolerance = interval * (urgency == .person ? burst - 1 : (burst - 1) / 2)
        let arrival = max(next, now)
        let slot = arrival > tolerance ? max(now, arrival - tolerance) : now
        guard slot - now <= patience else { return nil }
        next = arrival + interval
        return slot - now
    }
}
