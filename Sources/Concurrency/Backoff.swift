/// How long to wait before each retry: exponential growth up to a cap, spread by jitter.
///
/// The wait after attempt n is `min(cap, first × factor^(n-1))` times a random number in `1 - jitter ..< 1 + jitter`, so
/// that many callers that failed together do not come back together. With `jitter: 1` the wait is anything from zero to
/// twice the nominal one.
package struct Backoff: Sendable, Hashable {
    /// The nominal wait after the first attempt.
    package var first: Duration
    /// The longest nominal wait; jitter is applied after it, so a wait is at most `cap × (1 + jitter)`.
    package var cap: Duration
    /// Growth from one attempt to the next; at least 1.
    package var factor: Double
    /// Half the width of the spread, as a share of the nominal wait; 0...1.
    package var jitter: Double

    package init(first: Duration, cap: Duration, factor: Double = 2, jitter: Double = 0.2) {
        precondition(factor >= 1 && (0...1).contains(jitter), "a backoff needs factor >= 1 and jitter in 0...1")
        self.first = first
        self.cap = cap
        self.factor = factor
        self.jitter = jitter
    }

    /// The wait after attempt number `attempt`, counted from 1.
    ///
    /// - Parameter random: 0..<1, decides the jitter; 0.5 gives the nominal wait.
    package func delay(attempt: Int, random: Double = .random(in: 0..<1)) -> Duration {
        var nominal = min(first, cap)
        var left = max(attempt, 1) - 1
        // Step by step stops at the cap, where a power would overflow first.
        while left > 0, factor > 1, cap > nominal, nominal != .zero {
            nominal = min(cap, nominal * factor)
            left -= 1
        }
        return nominal * (1 - jitter + 2 * jitter * random)
    }
}
