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
/// A lease lives 3 s and is renewed every 500 ms (750 while there is nobody who could take over), so that after `kill -9`
/// another instance (or the restarted one) has the slots, and what was accepted but not dispatched, within 4 s.
final class KeepSlots: Worker {
    let name = "slots.keep"
    private static let tick = Duration.milliseconds(500)
    /// While this is the only instance: an idle service wakes less.
    private static let tickAlone = Duration.milliseconds(750)
    /// Looks at the handovers within a tick while there are other instances.
    private static let looksPerTick = 10
    /// How long the leases are left alone while a backlog is read.
    private static let renewalNanoseconds: UInt64 = 1_000_000_000
    /// How long a slot that is given away waits for its calls in flight.
    private static let leaveWithin = Duration.seconds(5)

    private let slots: SlotStore
    private let backlog: BacklogStore
    private let commit: CommitEvents
    private let dispatch: Dispatch
    private let loop: EventLoop
    private let metrics: IngressMetrics
    private let log: Log
    /// Other live instances at the last tick.
    private let others = Atomic<Int64>(0)
    /// On the monotonic clock.
    private let renewedAt = Atomic<UInt64>(0)

    init(
        slots: SlotStore,
        backlog: BacklogStore,
        commit: CommitEvents,
        dispatch: Dispatch,
        loop: EventLoop,
        metrics: IngressMetrics,
        log: Log
    ) {
        self.slots = slots
        self.backlog = backlog
        self.commit = commit
        self.dispatch = dispatch
        self.loop = loop
        self.metrics = metrics
        self.log = log
    }

    func run() async throws {
        var ticks = 0
        defer { metrics.ownedSlots.set(0) }
        while !Task.isCancelled {
            do {
                // What a broken tick had begun to give away stays.
                dispatch.stay()
                while !Task.isCancelled {
                    try await work(tick: ticks)
                    ticks += 1
                    try await waitForTick()
                }
            } catch {
                // Stopping: the slots are released below. Whatever was under way may call its cancellation by a name of its own.
                if Task.isCancelled { break }
                // The pauses of a worker that ends would grow with the outage, and nothing is dispatched until the leases are back.
                guard let error = error as? PostgresError, error.isRetryable else { throw error }
                log.warning("slots were not kept", [.error: .describing(error.code)])
                metrics.ownedSlots.set(0)
                // Cancelled: a stop.
                try? await loop.sleep(for: Self.tick)
            }
        }
        await shieldedFromCancellation { await self.release() }
    }

    private func work(tick: Int) async throws {
        try await takeShare()
        try await renew()
        try await readBacklogs()
        // An operator who revives a dead letter has a second or two.
        if tick % 2 == 0 { dispatch.offer(try await backlog.revived(in: dispatch.ownedSlots)) }
        if tick % 4 == 0 { try await slots.turnHalves() }
    }

    private func takeShare() async throws {
        let instances = try await slots.announce()
        others.store(instances - 1, ordering: .relaxed)
        let share = (Int64(Slot.count) + instances - 1) / instances
        let owned = dispatch.ownedSlots
        // A new instance came: give it room.
        if Int64(owned.count) > share { try await giveAway(Array(owned.suffix(owned.count - Int(share)))) }
        guard Int64(owned.count) < share else { return }
        let taken = try await slots.take(limit: share - Int64(owned.count), held: dispatch.ownedSlots)
        guard let lowest = taken.map(\.lowID).min() else { return }
        log.info("took slots over", [.count: .int(taken.count)])
        let open = try await backlog.open(taken.flatMap(\.open), in: taken.map(\.slot))
        dispatch.take(taken, open: open, done: try await backlog.done(above: lowest))
        try await readBacklogs()
    }

    /// Gives slots to others once their calls in flight have ended and the outcomes are written, so that nothing is
    /// dispatched twice.
    private func giveAway(_ surplus: [Int32]) async throws {
        dispatch.leave(surplus)
        let deadline = Deadline.after(Self.leaveWithin)
        while !dispatch.isQuiet(surplus) {
            if deadline.isExpired { break }
            // The wait must not cost the other slots their leases.
            try await renew()
            try await loop.sleep(for: .milliseconds(20))
        }
        try await renew()
        try await slots.release(surplus)
        dispatch.drop(surplus)
    }

    /// Reads what waits in the table, for each consumer until memory is full or everything has been read.
    private func readBacklogs() async throws {
        for consumer in Consumer.allCases {
            while let reading = dispatch.reading(for: consumer) {
                // A long backlog must not cost the leases.
                if isRenewalDue {
                    try await renew()
                    continue
                }
                // Commits that were under way have ended after this, a former owner's among them.
                let boundary = try await slots.boundary()
                guard try await readPage(reading, for: consumer, upTo: boundary) == boundary else { continue }
                // Nearly there: what arrives from here on is kept, and follows what came before it.
                dispatch.joinBacklog(reading.slots, of: consumer)
                let end = try await slots.boundary()
                var rest = reading
                rest.after = boundary
                while rest.after < end { rest.after = try await readPage(rest, for: consumer, upTo: end) }
                dispatch.endBacklog(reading.slots, of: consumer)
            }
        }
    }

    /// - Returns: Up to where everything has been read.
    private func readPage(
        _ reading: (slots: [Int32], after: Int64, limit: Int),
        for consumer: Consumer,
        upTo boundary: Int64
    ) async throws(PostgresError) -> Int64 {
        let page = try await backlog.page(
            for: consumer,
            in: reading.slots,
            after: reading.after,
            upTo: boundary,
            limit: reading.limit
        )
        let end = page.count < reading.limit ? boundary : page.last?.event.id ?? boundary
        dispatch.offer(read: page, of: reading.slots, for: consumer, upTo: end)
        return end
    }

    private func renew() async throws {
        let boundary = try await slots.boundary()
        // The answer of a flight may arrive after the boundary's: its events must be offered before the marks pass them.
        // Every flight within the boundary had started before the boundary was known, so the newest is asked for now.
        let newest = commit.newestFlight
        while !commit.hasLanded(newest) { try await loop.sleep(for: .milliseconds(1)) }
        try await takeHandovers()

        let marks = dispatch.marks(boundary: boundary)
        let kept = Set(try await slots.renew(marks, boundary: boundary))
        let lost = marks.map(\.slot).filter { !kept.contains($0) }
        if !lost.isEmpty {
            log.warning("slots were taken by another instance", [.count: .int(lost.count)])
            dispatch.drop(lost)
        }
        metrics.ownedSlots.set(Double(dispatch.ownedSlots.count))
        renewedAt.store(Deadline.monotonicNow(), ordering: .relaxed)
    }

    /// Offers what other instances accepted for this one's slots.
    private func takeHandovers() async throws(PostgresError) {
        let handed = try await backlog.handedOver(to: dispatch.ownedSlots, above: dispatch.floor)
        let unread = dispatch.unread(handed)
        if !unread.isEmpty { dispatch.offer(try await backlog.events(unread), handed: unread) }
    }

    /// Passes the time until the next tick. While others accept events for this instance's slots it looks for them often:
    /// a pre-checkout query has ten seconds and a person less patience.
    private func waitForTick() async throws {
        guard others.load(ordering: .relaxed) > 0 else { return try await loop.sleep(for: Self.tickAlone) }
        for _ in 1..<Self.looksPerTick {
            try await loop.sleep(for: Self.tick / Self.looksPerTick)
            // Looks that take long must not cost the leases.
            if isRenewalDue { return }
            try await takeHandovers()
        }
        try await loop.sleep(for: Self.tick / Self.looksPerTick)
    }

    private var isRenewalDue: Bool {
        Deadline.monotonicNow() - renewedAt.load(ordering: .relaxed) > Self.renewalNanoseconds
    }

    private func release() async {
        do {
            try await releaseAll()
        } catch {
            log.warning("slots were not released; their leases end in 3 s", [.error: .describing(error)])
        }
    }

    /// Gives everything back when the calls in flight have ended and their outcomes are written.
    private func releaseAll() async throws {
        let deadline = Deadline.after(Self.leaveWithin)
        while !dispatch.isQuiet() {
            if deadline.isExpired { break }
            try await loop.sleep(for: .milliseconds(5))
        }
        let floor = dispatch.floor
        _ = try await slots.renew(dispatch.marks(boundary: floor), boundary: floor)
        try await slots.release(dispatch.ownedSlots)
        try await slots.leave()
    }
}
