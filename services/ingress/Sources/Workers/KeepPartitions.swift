internal import EventLoop
internal import Lifecycle
internal import Time

/// Makes partitions for the days ahead and drops those older than the retention, with all that leads to them.
///
/// Apart from the slots' keeper, whose leases do not wait for it.
final class KeepPartitions: Worker {
    let name = "partitions.keep"
    private static let period = Duration.seconds(3_600)

    private let store: PartitionStore
    private let events: EventStore
    private let loop: EventLoop
    private let keepDays: (events: Int32, dedup: Int32)

    init(store: PartitionStore, events: EventStore, loop: EventLoop, keepDays: (events: Int32, dedup: Int32)) {
        self.store = store
        self.events = events
        self.loop = loop
        self.keepDays = keepDays
    }

    func run() async throws {
        while !Task.isCancelled {
            try await store.keep(eventDays: keepDays.events, dedupDays: keepDays.dedup)
            events.forgetRanges()
            try await loop.sleep(for: Self.period)
        }
    }
}
