internal import Synchronization
internal import Time

/// The longest time that anything ready had to wait for its loop, over the last 5 to 10 seconds.
///
/// Written by the loop, read by anybody.
final class LoopLag: Sendable {
    private static let windowNanoseconds: UInt64 = 5_000_000_000
    private let windowStart = Atomic<UInt64>(0)
    private let worst = Atomic<UInt64>(0)
    private let worstBefore = Atomic<UInt64>(0)

    /// A turn ended at `now` and took `nanoseconds`, or a timer ran that late.
    func record(_ nanoseconds: UInt64, now: UInt64) {
        if now &- windowStart.load(ordering: .relaxed) >= Self.windowNanoseconds {
            worstBefore.store(worst.load(ordering: .relaxed), ordering: .relaxed)
            worst.store(0, ordering: .relaxed)
            windowStart.store(now, ordering: .relaxed)
        }
        if nanoseconds > worst.load(ordering: .relaxed) { worst.store(nanoseconds, ordering: .relaxed) }
    }

    /// Zero once the loop has been idle for two windows.
    var current: Duration {
        let age = Deadline.monotonicNow() &- windowStart.load(ordering: .relaxed)
        guard age < 2 * Self.windowNanoseconds else { return .zero }
        let longest = max(worst.load(ordering: .relaxed), worstBefore.load(ordering: .relaxed))
        return .nanoseconds(Int64(clamping: longest))
    }
}
