/// Counts what a peer may send for free and a server has to work for.
///
/// Pure: frames and times in, verdicts out. An honest client stays far below every limit; a flood of cheap frames is cut
/// after its burst, however it is mixed.
struct HTTP2FloodGuard: Sendable {
    /// What was too much.
    enum Flood: Sendable, Hashable {
        case resets
        case controlFrames
        case headerBlock
    }

    /// What matters of one frame.
    enum Frame: Sendable, Hashable {
        /// HEADERS, or DATA with bytes in it: has limits of its own.
        case request
        case emptyData
        case reset
        case windowUpdate
        case continuation
        /// SETTINGS, PING, PRIORITY, GOAWAY and whatever else.
        case control
    }

    /// WINDOW_UPDATE frames, for the stream and for the connection, that one DATA frame of ours may bring back, and one
    /// of each in reserve.
    private static let updatesPerDataFrame = 4
    private static let maximumUpdates = 100_000

    private var resets: TokenBucket
    private var controls: TokenBucket
    private var updatesLeft: Int
    private let maximumContinuations: Int
    private var continuations = 0

    init(_ limits: HTTP2Limits) {
        resets = TokenBucket(burst: limits.resetBurst, perSecond: limits.resetsPerSecond)
        controls = TokenBucket(burst: limits.controlFrameBurst, perSecond: limits.controlFramesPerSecond)
        updatesLeft = Self.updatesPerDataFrame
        maximumContinuations = limits.continuations
    }

    /// A frame of the peer's has begun.
    ///
    /// - Parameter now: Nanoseconds on the monotonic clock.
    /// - Returns: Why the connection has to end; nil if it goes on.
    mutating func received(_ frame: Frame, now: UInt64) -> Flood? {
        switch frame {
        case .request:
            continuations = 0
            return nil
        case .continuation:
            continuations += 1
            return continuations > maximumContinuations ? .headerBlock : nil
        case .reset: return resets.take(now: now) ? nil : .resets
        case .windowUpdate where updatesLeft > 0:
            updatesLeft -= 1
            return nil
        case .emptyData, .windowUpdate, .control: return controls.take(now: now) ? nil : .controlFrames
        }
    }

    /// We had to reset a stream for the peer's error, which costs us what a cancelled one does.
    mutating func sentReset(now: UInt64) -> Flood? {
        resets.take(now: now) ? nil : .resets
    }

    /// A DATA frame of ours is out, which the peer may acknowledge.
    mutating func sentData() {
        updatesLeft = min(updatesLeft + Self.updatesPerDataFrame, Self.maximumUpdates)
    }
}

/// So many at once, and then so many a second.
struct TokenBucket: Sendable {
    private let burst: UInt64
    private let perSecond: UInt64
    /// In billionths of a token, so that no fraction is lost between two looks.
    private var level: UInt64
    private var filledAt: UInt64 = 0

    /// - Parameters:
    ///   - burst: 0...1,000,000.
    ///   - perSecond: 0...1,000,000.
    init(burst: Int, perSecond: Int) {
        self.burst = UInt64(min(max(0, burst), 1_000_000)) * 1_000_000_000
        self.perSecond = UInt64(min(max(0, perSecond), 1_000_000))
        level = self.burst
    }

    /// Takes one token; false if there is none.
    mutating func take(now: UInt64) -> Bool {
        if now > filledAt {
            // An hour fills any bucket; more would only risk an overflow.
            let elapsed = filledAt == 0 ? 0 : min(now - filledAt, 3_600_000_000_000)
            level = min(burst, level + elapsed * perSecond)
            filledAt = now
        }
        guard level >= 1_000_000_000 else { return false }
        level -= 1_000_000_000
        return true
    }
}
