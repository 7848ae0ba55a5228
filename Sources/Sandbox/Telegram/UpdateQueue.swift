/// The updates that wait for the bot, and the rules by which Telegram delivers them (telegram-bot-api's webhook actor):
/// in order within a sub-queue, sub-queues in parallel, growing pauses after failures, a lifetime for each kind.
///
/// Pure: the caller says what time it is, sends what `next` hands out, and reports with `answered`.
struct UpdateQueue: Sendable {
    /// One update that waits.
    struct Item: Codable, Equatable, Sendable {
        var id: Int64
        /// Payload member: `message`, `callback_query`, …
        var kind: String
        /// Sub-queue; within one the next is sent only after a 2xx for the one before.
        var lane: String
        /// The request body, as it goes over the wire.
        var body: String
        /// Unix milliseconds.
        var expiresAt: Int64
        var attempts = 0
        var nextAt: Int64 = 0
    }

    /// How an attempt ended.
    enum Outcome: Equatable, Sendable {
        /// Any 2xx.
        case accepted
        /// Another status, or a broken answer; `retryAfter` seconds if the answer asked for a pause.
        case refused(retryAfter: Int?)
        /// No connection, or it was lost.
        case unreachable
    }

    /// Updates that may wait; more are lost, as at Telegram's.
    static let capacity = 100_000
    /// A pause that the bot asks for is not longer than this, in seconds.
    static let longestRetryAfter = 3_600
    /// Without success for this long while the bot is unreachable, only one connection is tried.
    static let patience: Int64 = 10_000
    /// Pause between tries while the bot is unreachable.
    static let unreachablePause: Int64 = 2_000

    private(set) var items: [Int64: Item] = [:]
    private var lanes: [String: [Int64]] = [:]
    private var inFlight: Set<Int64> = []
    private var lastSuccess: Int64?
    private var isUnreachable = false
    private var nextProbe: Int64 = 0

    /// - Parameter items: What a previous run left.
    init(items: [Item] = []) {
        for item in items.sorted(by: { $0.id < $1.id }) { insert(item) }
    }

    /// Number of updates that wait or are under way.
    var count: Int { items.count }

    /// Adds an update.
    ///
    /// - Returns: false if the queue is full; the update is lost then.
    mutating func enqueue(_ item: Item) -> Bool {
        guard items.count < Self.capacity else { return false }
        insert(item)
        return true
    }

    private mutating func insert(_ item: Item) {
        items[item.id] = item
        lanes[item.lane, default: []].append(item.id)
    }

    /// Forgets all updates that are not under way.
    mutating func drop() -> [Int64] {
        let dropped = items.keys.filter { !inFlight.contains($0) }
        for id in dropped { remove(id) }
        return dropped
    }

    /// The updates to send now; they count as under way until `answered`.
    ///
    /// - Returns: Also the ids of updates that expired unsent and are forgotten.
    mutating func next(at now: Int64, connections: Int) -> (send: [Item], expired: [Int64]) {
        let expired = expireHeads(at: now)
        let isProbing = isUnreachable && now - (lastSuccess ?? 0) > Self.patience
        if isProbing && now < nextProbe { return ([], expired) }
        var room = (isProbing ? 1 : connections) - inFlight.count
        guard room > 0 else { return ([], expired) }
        var send: [Item] = []
        for id in lanes.values.compactMap(\.first).sorted() {
            guard room > 0 else { break }
            guard let item = items[id], !inFlight.contains(id), item.nextAt <= now else { continue }
            inFlight.insert(id)
            items[id]?.attempts += 1
            send.append(item)
            room -= 1
        }
        if isProbing { nextProbe = now + Self.unreachablePause }
        return (send, expired)
    }

    /// Forgets updates whose time is over at the head of each lane; those behind are looked at when they get there.
    private mutating func expireHeads(at now: Int64) -> [Int64] {
        var expired: [Int64] = []
        for lane in Array(lanes.keys) {
            while let id = lanes[lane]?.first, let item = items[id], item.expiresAt <= now, !inFlight.contains(id) {
                remove(id)
                expired.append(id)
            }
        }
        return expired
    }

    /// Reports how an attempt ended.
    ///
    /// - Parameter random: 0..<1, for the pause of later retries.
    /// - Returns: Whether the update is done with.
    mutating func answered(_ id: Int64, _ outcome: Outcome, at now: Int64, random: Double) -> Bool {
        inFlight.remove(id)
        guard let item = items[id] else { return true }
        switch outcome {
        case .accepted:
            lastSuccess = now
            isUnreachable = false
            remove(id)
            return true
        case .refused(let retryAfter):
            isUnreachable = false
            lastSuccess = now  // It was reached, which is what the rule for silence asks.
            let asked = retryAfter.map { Int64(min($0, Self.longestRetryAfter)) * 1_000 }
            items[id]?.nextAt = now + (asked ?? Self.pause(afterAttempt: item.attempts, random: random))
        case .unreachable:
            isUnreachable = true
            items[id]?.nextAt = now + Self.pause(afterAttempt: item.attempts, random: random)
        }
        return false
    }

    /// Begins anew with every update that is not under way, as a new webhook makes Telegram do.
    mutating func startOver() {
        isUnreachable = false
        nextProbe = 0
        for id in items.keys where !inFlight.contains(id) {
            items[id]?.attempts = 0
            items[id]?.nextAt = 0
        }
    }

    /// When `next` may have something to send; nil while everything is under way or nothing waits.
    func nextTime(at now: Int64) -> Int64? {
        let heads = lanes.values.compactMap(\.first).compactMap { items[$0] }.filter { !inFlight.contains($0.id) }
        guard let first = heads.map(\.nextAt).min() else { return nil }
        let isProbing = isUnreachable && now - (lastSuccess ?? 0) > Self.patience
        return max(first, isProbing ? nextProbe : first)
    }

    /// Milliseconds to wait after the n-th failed attempt: none, 2, 4, … 64 s, then 60 to 120 s.
    static func pause(afterAttempt attempt: Int, random: Double) -> Int64 {
        switch attempt {
        case ..<2: 0
        case 2...7: Int64(1 << (attempt - 1)) * 1_000
        default: 60_000 + Int64(random * 60_000)
        }
    }

    /// How long an update of a kind lives, in milliseconds.
    static func lifetime(of kind: String) -> Int64 {
        switch kind {
        case "callback_query", "pre_checkout_query", "shipping_query": 150_000
        case "inline_query": 30_000
        case "chosen_inline_result": 600_000
        default: 86_400_000
        }
    }

    private mutating func remove(_ id: Int64) {
        inFlight.remove(id)
        guard let item = items.removeValue(forKey: id) else { return }
        lanes[item.lane]?.removeAll { $0 == id }
        if lanes[item.lane]?.isEmpty == true { lanes[item.lane] = nil }
    }
}
