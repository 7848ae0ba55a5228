internal import Contracts
internal import Time

/// An event of the table that waits to be dispatched.
///
/// A class, since it moves from list to list and holds a dozen things.
final class StoredEvent: Sendable {
    let event: Event
    let slot: Int32
    let consumer: Consumer
    /// Tries that are counted in the table.
    let attempts: Int
    /// Set if it waited for another try when it was read.
    let nextAt: Timestamp?

    init(_ event: Event, slot: Int32, attempts: Int = 0, nextAt: Timestamp? = nil) {
        self.event = event
        self.slot = slot
        self.consumer = Consumer(source: event.source, lane: event.lane)
        self.attempts = attempts
        self.nextAt = nextAt
    }

    /// An arrival that has just been stored.
    convenience init(_ arrival: Arrival, id: Int64) {
        let event = Event(
            id: id,
            source: arrival.source,
            kind: arrival.kind,
            bot: arrival.bot,
            updateID: arrival.updateID,
            token: arrival.token,
            lane: arrival.lane,
            receivedAt: arrival.receivedAt,
            traceparent: arrival.traceparent,
            body: String(decoding: arrival.body, as: UTF8.self)
        )
        self.init(event, slot: arrival.slot)
    }
}
