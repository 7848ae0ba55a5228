/// A moment in UTC with microsecond precision, as PostgreSQL's `timestamptz` stores it.
///
/// Written and read in JSON as RFC 3339 with a `Z`, e.g. `2026-11-21T10:00:00.123456Z`; reading also accepts an offset
/// and 0 to 9 fractional digits.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    package var microseconds: Int64

    /// - Parameter microseconds: Microseconds since the Unix epoch; negative before it.
    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// - Parameter seconds: Whole seconds since the Unix epoch, as Telegram's `date` members carry them.
    package init(seconds: Int64) {
        self.microseconds = seconds * 1_000_000
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    package static func + (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(microseconds: left.microseconds + right.wholeMicroseconds)
    }

    package static func - (left: Timestamp, right: Duration) -> Timestamp {
        Timestamp(microseconds: left.microseconds - right.wholeMicroseconds)
    }

    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        .microseconds(left.microseconds - right.microseconds)
    }
}

extension Duration {
    /// The duration rounded towards zero to microseconds.
    package var wholeMicroseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }

    /// The duration rounded towards zero to milliseconds.
    package var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// The duration in seconds, for metrics.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
