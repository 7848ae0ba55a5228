#if canImport(Glibc)
    internal import Glibc
#endif

/// The source of "now" that a service is given, so that tests can move time by hand.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Timestamp

    /// - Parameter read: Called for every `now`; must be safe to call from any thread.
    package init(_ read: @escaping @Sendable () -> Timestamp) {
        self.read = read
    }

    /// The current time.
    package var now: Timestamp { read() }

    /// The machine's real-time clock.
    package static let system = WallClock {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
