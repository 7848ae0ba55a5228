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
    /// The lane's in `LaneMarks`.
    let laneMark: UInt16
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
        let hash = LaneHash(lane)
        self.slot = hash.slot
        self.laneMark = hash.mark
        self.dedup = dedup
        self.body = body
        self.isMalformed = isMalformed
        self.receivedAt = receivedAt
        self.traceparent = traceparent
    }

    var consumer: Consumer { Consumer(source: source, lane: lane) }
    /// Money first: payment events are the last to be shed.
    package var isPayment: Bool { consumer == .payments }
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
