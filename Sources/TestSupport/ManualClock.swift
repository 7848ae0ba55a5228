internal import Concurrency
package import Time

/// A clock that stands still until a test moves it.
package final class ManualClock: Sendable {
    private let time: Locked<Timestamp>

    /// - Parameter start: 2026-01-01T12:00:00Z unless given.
    package init(_ start: Timestamp = Timestamp(seconds: 1_767_268_800)) {
        time = Locked(start)
    }

    /// What the code under test is given.
    package var clock: WallClock { WallClock { self.now } }

    package var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    /// Moves the time ahead.
    package func advance(by duration: Duration) {
        time.withLock { $0 = $0 + duration }
    }
}
