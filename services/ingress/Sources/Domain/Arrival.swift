package import Contracts
package import Time

/// An authentic webhook that is about to be stored.
///
/// A class, since arrivals move from list to list and hold a dozen things.
package final class Arrival: Sendable {
    /// What makes two webhooks the same one.
    package enum DedupKey: Sendable, Hashable {
        /// Telegram: the bot's name and the update id.
        case update(bot: String, id: Int64)
        /// The others: a text that is unique within the source.
        case other(source: EventSource, key: String)
    }

    package let source: EventSource
    package let kind: String
    package let bot: String?
    package let updateID: Int64?
    package let token: String?
    package let lane: String
    /// The lane's.
    package let slot: Int32
    package let dedup: DedupKey
    package let body: [UInt8]
    /// Stored for the operator, never dispatched.
    package let isMalformed: Bool
    package let receivedAt: Timestamp
    package let traceparent: String?

    package init(
        source: EventSource,
        kind: String,
        bot: String? = nil,
        updateID: Int64? = nil,
        token: String? = nil,
        lane: String,
        dedup: DedupKey,
        body: [UInt8],
        isMalformed: Bool = false,
        receivedAt: Timestamp,
        traceparent: String? = nil
    ) {
        self.source = source
        self.kind = kind
        self.bot = bot
        self.updateID = updateID
        self.token = token
        self.lane = lane
        self.slot = Slot.of(lane: lane)
        self.dedup = dedup
        self.body = body
        self.isMalformed = isMalformed
        self.receivedAt = receivedAt
        self.traceparent = traceparent
    }

    /// Money first: payment events are the last to be shed.
    package var isPayment: Bool { Consumer(source: source, lane: lane) == .payments }
}

/// The service that an event is for.
package enum Consumer: String, CaseIterable, Sendable {
    case conversation, generation, payments

    /// Lanes of payments begin with `pay:`, so that a lane says by itself whose it is.
    package init(source: EventSource, lane: String) {
        switch source {
        case .telegram: self = lane.hasPrefix("pay:") ? .payments : .conversation
        case .kie: self = .generation
        case .yookassa: self = .payments
        }
    }
}

/// A value for each consumer.
struct PerConsumer<Value: Sendable>: Sendable {
    private var values: [Value]

    init(_ value: (Consumer) -> Value) { values = Consumer.allCases.map(value) }

    subscript(consumer: Consumer) -> Value {
        get { values[consumer.place] }
        _modify { yield &values[consumer.place] }
    }
}

extension Consumer {
    /// Its place in `allCases`.
    fileprivate var place: Int {
        switch self {
        case .conversation: 0
        case .generation: 1
        case .payments: 2
        }
    }
}

/// The 64 parts into which lanes are divided between instances.
package enum Slot {
    package static let count = 64

    /// FNV-1a over the lane: the same in every process and release, since it is stored.
    package static func of(lane: String) -> Int32 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in lane.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int32(truncatingIfNeeded: (hash ^ hash >> 32) & 63)
    }
}
