internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import Synchronization
internal import Telemetry
internal import Time

/// Takes over slots whose owner is gone, renews this instance's leases and moves the marks of what is handled.
///
/// A lease lives 3 s and is renewed every 500 ms, so that after `kill -9` another instance (or the restarted one) has the
/// slots, and what was accepted but not dispatched, within 4 s.
final class KeepSlots: Worker {
    let name = "slots.keep"
    private static let tick = Duration.milliseconds(500)
    /// Looks at the handovers within a tick while there are other instances.
    private static let looksPerTick = 10
    private static let page: Int64 = 500

    private let slots: SlotStore
    private let events: EventStore
    private let commit: CommitEvents
    private let dispatch: Dispatch
    private let loop: EventLoop
    private let metrics: IngressMetrics
    private let log: Log
    private let keepDays: Int32
    /// Other live instances at the last tick.
    private let others = Atomic<Int64>(0)

    init(
        slots: SlotStore,
        events: EventStore,
        commit: CommitEvents,
        dispatch: Dispatch,
        loop: EventLoop,
        metrics: IngressMetrics,
        log: Log,
        keepDays: Int32
    ) {
        self.slots = slots
        self.events = events
        self.commit = commit
        self.dispatch = dispatch
        self.loop = loop
        self.metrics = metrics
        self.log = log
        self.keepDays = keepDays
    }

    func run() async throws {
        // A restarted worker begins anew; what it owned in the database is renewed by the first tick.
        var ticks = 0
        defer { metrics.ownedSlots.set(0) }
        do {
            while !Task.isCancelled {
                try await takeShare()
                try await renew()
                if ticks % 20 == 0 { try await slots.tidy() }
                if ticks % 7_200 == 0 { try await slots.keepPartitions(keepDays: keepDays) }
                ticks += 1
                try await waitForTick()
            }
        } catch is CancellationError {
            // Stopping: the slots are released below.
        }
        await shieldedFromCancellation { await self.release() }
    }

    private func takeShare() async throws {
        let instances = try await slots.announce()
        others.store(instances - 1, ordering: .relaxed)
        let share = (Int64(Slot.count) + instances - 1) / instances
        let owned = dispatch.ownedSlots
        if Int64(owned.count) > share {
            // A new instance came: give it room. Its lanes finish what is in flight here; repeats are harmless.
            let surplus = Array(owned.suffix(owned.count - Int(share)))
            try await slots.release(surplus)
            dispatch.drop(surplus)
        }
        guard Int64(owned.count) < share else { return }
        let taken = try await slots.take(limit: share - Int64(owned.count))
        guard !taken.isEmpty else { return }
        log.info("took slots over", [.count: .int(taken.count)])
        dispatch.beginTaking(taken.map(\.slot))
        // Commits of the former owner that were under way have ended after this.
        _ = try await slots.boundary()
        for slot in taken { dispatch.finishTaking(slot.slot, loaded: try await load(slot)) }
    }

    private func load(_ taken: SlotStore.Taken) async throws(PostgresError) -> [EventStore.Waiting] {
        var all: [EventStore.Waiting] = []
        while true {
            let page = try await events.waiting(
                in: taken.slot,
                after: all.last?.event.id ?? taken.lowID,
                limit: Self.page
            )
            all += page
            if page.count < Self.page { return all }
        }
    }

    private func renew() async throws {
        let boundary = try await slots.boundary()
        // The answer of a flight may arrive after the boundary's: its events must be offered before the marks pass them.
        // Every flight within the boundary had started before the boundary was known, so the newest is asked for now; one
        // that started while the fence was awaited would be missed otherwise, and lost if the process then died.
        let newest = commit.newestFlight
        while !commit.hasLanded(newest) { try await loop.sleep(for: .milliseconds(1)) }
        try await takeHandovers()

        let marks = dispatch.marks(boundary: boundary)
        let kept = Set(try await slots.renew(marks))
        let lost = marks.map(\.slot).filter { !kept.contains($0) }
        if !lost.isEmpty {
            log.warning("slots were taken by another instance", [.count: .int(lost.count)])
            dispatch.drop(lost)
        }
        metrics.ownedSlots.set(Double(dispatch.ownedSlots.count))
    }

    /// Offers what other instances accepted for this one's slots.
    private func takeHandovers() async throws(PostgresError) {
        let handed = try await events.handedOver(to: dispatch.ownedSlots)
        if !handed.isEmpty { dispatch.offer(try await events.events(handed)) }
    }

    /// Passes the time until the next tick. While others accept events for this instance's slots it looks for them often:
    /// a pre-checkout query has ten seconds and a person less patience.
    private func waitForTick() async throws {
        guard others.load(ordering: .relaxed) > 0 else { return try await loop.sleep(for: Self.tick) }
        for _ in 1..<Self.looksPerTick {
            try await loop.sleep(for: Self.tick / Self.looksPerTick)
            try await takeHandovers()
        }
        try await loop.sleep(for: Self.tick / Self.looksPerTick)
    }

    private func release() async {
        do {
            try await slots.release(dispatch.ownedSlots)
            try await slots.leave()
        } catch {
            log.warning("slots were not released; their leases end in 3 s", [.error: .describing(error.code)])
        }
    }
}
