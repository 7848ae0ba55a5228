package import Contracts
package import Time

/// The generic cell rate algorithm: one unit each `interval`, a burst on top, no state but one moment.
package struct Pace: Sendable, Equatable {
    package let interval: Duration
    /// Units that may go at once after a rest; 1 or more.
    package let burst: Int

    package init(interval: Duration, burst: Int) {
        self.interval = interval
        self.burst = burst
    }

    /// One a second, five at once: what Telegram tolerates in a private chat.
    package static let privateChat = Pace(interval: .seconds(1), burst: 5)
    /// 18 a minute with 2 at once, so never more than 20 in any minute, Telegram's limit for groups.
    package static let group = Pace(interval: .milliseconds(3_334), burst: 2)

    /// The pace of a chat; groups and channels have negative ids.
    package static func of(_ chat: ChatID) -> Pace { chat < 0 ? .group : .privateChat }

    /// How long to wait before the next unit may go.
    ///
    /// - Parameter arrival: The theoretical arrival time that the last `take` returned.
    package func wait(arrival: Timestamp, now: Timestamp) -> Duration {
        max(.zero, (arrival - now) - interval * (burst - 1))
    }

    /// The theoretical arrival time after a unit has gone.
    package func take(arrival: Timestamp, now: Timestamp) -> Timestamp {
        max(arrival, now) + interval
    }
}

/// The bot's own pace over all chats, which slows down when Telegram complains and recovers slowly.
package struct BotPace: Sendable, Equatable {
    /// Between two messages when nothing is wrong.
    package let base: Duration
    /// 1 when nothing is wrong; 1.25 times more for every complaint.
    package var slowness: Double
    package var slowedAt: Timestamp

    package static let maximumSlowness = 16.0

    package init(perSecond: Int, slowness: Double = 1, slowedAt: Timestamp = Timestamp(microseconds: 0)) {
        self.base = .microseconds(1_000_000 / Int64(max(1, perSecond)))
        self.slowness = slowness
        self.slowedAt = slowedAt
    }

    /// The present slowness: one percent less each minute since the last complaint.
    package func slowness(at now: Timestamp) -> Double {
        var left = slowness
        var minutes = max(0, (now - slowedAt).wholeMilliseconds / 60_000)
        while minutes > 0 && left > 1 {
            left *= 0.99
            minutes -= 1
        }
        return max(1, left)
    }

    package func interval(at now: Timestamp) -> Duration { base * slowness(at: now) }

    /// After a complaint about the whole bot.
    package mutating func complained(at now: Timestamp) {
        slowness = min(slowness(at: now) * 1.25, Self.maximumSlowness)
        slowedAt = now
    }
}

/// Decides whom a 429 is about: one chat, or the bot when several chats get it at about the same time. Telegram doesn't say.
package struct FloodWatch: Sendable {
    package enum Scope: String, Sendable, Equatable {
        case chat, bot
    }

    private let window: Duration
    private let chatsForBot: Int
    private var recent: [(chat: ChatID, at: Timestamp)] = []

    /// - Parameter chatsForBot: Different chats within `window` that make it the bot's problem.
    package init(window: Duration = .seconds(10), chatsForBot: Int = 3) {
        self.window = window
        self.chatsForBot = chatsForBot
    }

    package mutating func flooded(_ chat: ChatID, at now: Timestamp) -> Scope {
        recent.removeAll { now - $0.at > window || $0.chat == chat }
        recent.append((chat, now))
        return recent.count >= chatsForBot ? .bot : .chat
    }
}
