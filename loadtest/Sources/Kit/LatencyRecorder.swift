/// Latencies of an open or closed loop in buckets that are at most 1/64 of their value wide; no allocation once made.
package struct LatencyRecorder: Sendable {
    private static let subBuckets = 64
    private var counts = [UInt64](repeating: 0, count: 64 * subBuckets)
    package private(set) var count: UInt64 = 0
    package private(set) var maximum: Duration = .zero

    package init() {}

    /// - Parameter latency: From the moment at which the request was due (open loop), not from when it could be sent.
    package mutating func record(_ latency: Duration) {
        counts[Self.bucket(Self.nanoseconds(latency))] += 1
        count += 1
        maximum = max(maximum, latency)
    }

    package mutating func merge(_ other: LatencyRecorder) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// The latency that a share of all requests did not exceed, in milliseconds; NaN if there were none.
    ///
    /// - Parameter share: 0...1, e.g. 0.99.
    package func milliseconds(_ share: Double) -> Double {
        guard count > 0 else { return .nan }
        let rank = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return Double(Self.upperBound(index)) / 1e6 }
        }
        return .nan
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
    }

    /// Exact below 128 ns; above, 64 buckets for each power of two.
    private static func bucket(_ value: UInt64) -> Int {
        guard value >= 128 else { return Int(value) }
        let shift = 57 - value.leadingZeroBitCount
        return min((shift + 1) * subBuckets + Int(value >> UInt64(shift)) - subBuckets, 64 * subBuckets - 1)
    }

    private static func upperBound(_ index: Int) -> UInt64 {
        guard index >= 128 else { return UInt64(index) }
        let shift = index / subBuckets - 1
        return (UInt64(index % subBuckets + subBuckets + 1) << UInt64(shift)) - 1
    }
}
