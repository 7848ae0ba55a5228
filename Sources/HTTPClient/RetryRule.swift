/// Whether and when a request that got no useful answer is sent again. Pure.
///
/// Only for calls that may reach the peer twice: reads, and writes under an idempotency key. All attempts together take
/// no longer than the request's timeout. Never marked by someone who repeats the call himself.
package struct RetryRule: Sendable, Hashable {
    /// How often the request is sent at most, the first time included.
    package var maximumAttempts: Int

    package init(maximumAttempts: Int) {
        self.maximumAttempts = maximumAttempts
    }

    /// Sent once.
    package static let never = RetryRule(maximumAttempts: 1)
    /// For a call that may reach the peer twice.
    package static let safe = RetryRule(maximumAttempts: 3)

    /// What became of an attempt.
    enum Outcome: Equatable {
        /// - Parameter retryAfterSeconds: The answer's `Retry-After`.
        case answered(status: Int, retryAfterSeconds: Int?)
        case failed(HTTPClientError.Code)
    }

    /// How long to wait before the next attempt; nil if there is none.
    ///
    /// - Parameters:
    ///   - attempt: The number of the attempt that ended so, from 1.
    ///   - left: What is left of the request's timeout.
    ///   - random: 0..<1, decides the jitter.
    func pause(after outcome: Outcome, attempt: Int, left: Duration, random: Double) -> Duration? {
        guard attempt < maximumAttempts, Self.mayPass(outcome) else { return nil }
        // 30 to 60 ms, then twice that, and so on: a peer that restarts is back within a second.
        var pause = Duration.milliseconds(30) * Double(1 << min(attempt - 1, 6)) * (1 + random)
        if case .answered(_, let seconds?) = outcome { pause = max(pause, .seconds(seconds)) }
        return pause < left ? pause : nil
    }

    /// Whether the trouble may be over with the next attempt.
    private static func mayPass(_ outcome: Outcome) -> Bool {
        switch outcome {
        case .answered(let status, _): status == 502 || status == 503 || status == 504
        case .failed(let code): code == .cannotConnect || code == .connectionLost || code == .cannotResolve
        }
    }
}
