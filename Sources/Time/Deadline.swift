#if canImport(Glibc)
    internal import Glibc
#endif

/// A moment on the monotonic clock after which an answer is no longer wanted.
package struct Deadline: Hashable, Comparable, Sendable {
    /// Nanoseconds on `CLOCK_MONOTONIC`.
    package let nanoseconds: UInt64

    /// - Parameter nanoseconds: Nanoseconds on `CLOCK_MONOTONIC`.
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The deadline that lies `duration` ahead; a negative or zero duration gives one that has passed.
    package static func after(_ duration: Duration) -> Deadline {
        let micros = duration.wholeMicroseconds
        guard micros > 0 else { return Deadline(nanoseconds: monotonicNow()) }
        let (ahead, overflows) = UInt64(micros).multipliedReportingOverflow(by: 1_000)
        let (sum, wraps) = monotonicNow().addingReportingOverflow(ahead)
        return overflows || wraps ? .never : Deadline(nanoseconds: sum)
    }

    /// Never passes.
    package static let never = Deadline(nanoseconds: .max)

    /// Time left; zero once it has passed.
    package var remaining: Duration {
        let now = Self.monotonicNow()
        return nanoseconds > now ? .nanoseconds(Int64(min(nanoseconds - now, UInt64(Int64.max)))) : .zero
    }

    /// Whether the deadline has passed.
    package var isExpired: Bool { Self.monotonicNow() >= nanoseconds }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Nanoseconds on `CLOCK_MONOTONIC` now, for measuring how long something took.
    package static func monotonicNow() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
