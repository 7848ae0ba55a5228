/// Telegram's limits on messages, as a client meets them: about one a second in a chat with short bursts, twenty a minute
/// in a group, thirty a second in all. Each is a bucket that fills at a steady rate (GCRA).
struct RateRules: Sendable {
    /// One bucket: `burst` calls at once, then one every `interval` seconds.
    struct Rule: Sendable {
        let interval: Double
        let burst: Int
    }

    static let privateChat = Rule(interval: 1, burst: 6)
    static let group = Rule(interval: 3, burst: 20)
    static let bot = Rule(interval: 1.0 / 30, burst: 30)

    /// Buckets above this number are swept.
    static let maximumBuckets = 20_000

    /// Time at which each bucket will be full again.
    private var fullAt: [Int64: Double] = [:]

    /// Takes `cost` calls for a chat out of its bucket and the bot's.
    ///
    /// - Parameters:
    ///   - chat: Negative for groups.
    ///   - now: Seconds, any fixed origin.
    /// - Throws: 429 with the time after which the call would pass; nothing is taken then.
    mutating func admit(chat: Int64, cost: Int = 1, at now: Double) throws(TelegramError) {
        let wait = max(
            wait(chat, chat < 0 ? Self.group : Self.privateChat, now),
            wait(0, Self.bot, now)
        )
        if wait > 0 { throw .tooMany(wait) }
        take(chat, chat < 0 ? Self.group : Self.privateChat, cost, now)
        take(0, Self.bot, cost, now)
        if fullAt.count > Self.maximumBuckets { fullAt = fullAt.filter { $0.value > now } }
    }

    private func wait(_ key: Int64, _ rule: Rule, _ now: Double) -> Double {
        let debt = max(fullAt[key] ?? now, now) - now
        let room = rule.interval * Double(rule.burst) - rule.interval
        return debt > room + 1e-9 ? debt - room : 0
    }

    private mutating func take(_ key: Int64, _ rule: Rule, _ cost: Int, _ now: Double) {
        fullAt[key] = max(fullAt[key] ?? now, now) + rule.interval * Double(cost)
    }
}
