internal import Concurrency
internal import Contracts
internal import Lifecycle
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Group commit: a batch is whatever arrived while the previous one was in flight.
///
/// One flight is open at a time: two would halve each other's batches, and what a batch costs hardly depends on its size
/// (ADR 0079). `store` returns only when its arrival is committed, or throws; it never leaves the outcome open to its caller
/// as a success.
final class CommitEvents: Worker {
    /// Why an arrival could not be stored now; the webhook's sender is asked to come again.
    enum Refusal: Error, Equatable {
        /// Too many wait already.
        case full
        /// The database did not take it.
        case unavailable
    }

    struct Limits {
        var batchEvents = 512
        /// The most arrivals that wait for a flight; payments may go a tenth over.
        var waiting = 8_192
    }

    private struct Ticket {
        var arrival: Arrival
        /// Resumed exactly once: by the flight that takes the ticket, or by the end of the worker.
        var continuation: CheckedContinuation<Bool, any Error>
    }

    private struct State {
        var queue: [Ticket] = []
        /// Payments, which go with the next flight whatever waits before them.
        var payments: [Ticket] = []
        /// Flights so far, the one under way included.
        var started: Int64 = 0
        var landed: Int64 = 0
    }

    let name = "events.commit"
    private let store: EventStore
    private let backlog: BacklogStore
    private let dispatch: Dispatch
    private let metrics: IngressMetrics
    private let log: Log
    private let limits: Limits
    private let state = Locked(State())
    private let bell = Wakeup()

    init(
        store: EventStore,
        backlog: BacklogStore,
        dispatch: Dispatch,
        metrics: IngressMetrics,
        log: Log,
        limits: Limits = Limits()
    ) {
        self.store = store
        self.backlog = backlog
        self.dispatch = dispatch
        self.metrics = metrics
        self.log = log
        self.limits = limits
    }

    var waitingCount: Int { state.withLock { $0.queue.count + $0.payments.count } }

    /// Stores an arrival durably.
    ///
    /// - Returns: Whether it was new; a duplicate is just as stored.
    /// - Throws: `Refusal`.
    func store(_ arrival: Arrival) async throws -> Bool {
        let room = arrival.isPayment ? limits.waiting * 11 / 10 : limits.waiting
        return try await withCheckedThrowingContinuation { continuation in
            let isTaken = state.withLock { state -> Bool in
                guard state.queue.count + state.payments.count < room else { return false }
                let ticket = Ticket(arrival: arrival, continuation: continuation)
                if arrival.isPayment { state.payments.append(ticket) } else { state.queue.append(ticket) }
                return true
            }
            if isTaken { bell.ring() } else { continuation.resume(throwing: Refusal.full) }
        }
    }

    /// Whether every flight up to `mark` has landed and its events are offered.
    func hasLanded(_ mark: Int64) -> Bool {
        state.withLock { $0.landed >= mark }
    }

    /// The number of the newest flight.
    var newestFlight: Int64 { state.withLock { $0.started } }

    func run() async throws {
        defer { refuseAll() }
        while !Task.isCancelled {
            guard let batch = takeBatch() else {
                await bell.wait()
                continue
            }
            await fly(batch)
            state.withLock { $0.landed += 1 }
        }
    }

    private func takeBatch() -> [Ticket]? {
        state.withLock { state in
            var batch = Self.take(limits.batchEvents, from: &state.payments)
            if batch.count < limits.batchEvents {
                batch += Self.take(limits.batchEvents - batch.count, from: &state.queue)
            }
            guard !batch.isEmpty else { return nil }
            state.started += 1
            return batch
        }
    }

    private static func take(_ limit: Int, from queue: inout [Ticket]) -> [Ticket] {
        if queue.count <= limit {
            defer { queue = [] }
            return queue
        }
        defer { queue.removeFirst(limit) }
        return Array(queue.prefix(limit))
    }

    private func fly(_ batch: [Ticket]) async {
        let started = Deadline.monotonicNow()
        let accepted: EventStore.Accepted
        do {
            accepted = try await store.accept(batch.map(\.arrival), handedAbove: dispatch.floor)
        } catch {
            metrics.commits.increment("failed")
            log.warning("events were not stored", [.count: .int(batch.count), .error: .describing(error.code)])
            // An unknown commit is a refusal too: the sender repeats, and the dedup key tells what happened. The repeat is a
            // duplicate then, so that the event itself must be found in the table.
            let groups = batch.map(\.arrival).map { arrival in
                SlotGroup(
                    slot: Slot.of(lane: arrival.lane),
                    consumer: Consumer(source: arrival.source, lane: arrival.lane)
                )
            }
            dispatch.reread(Set(groups))
            for ticket in batch { ticket.continuation.resume(throwing: Refusal.unavailable) }
            return
        }
        metrics.commits.increment("ok")
        metrics.commitSeconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9)
        metrics.batchEvents.observe(Double(batch.count))
        Failpoint.reach("ingress.stored")

        var mine: [BacklogStore.Waiting] = []
        mine.reserveCapacity(batch.count)
        var isNew = Array(repeating: false, count: batch.count)
        for (place, id) in accepted.stored {
            isNew[place] = true
            let arrival = batch[place].arrival
            guard !arrival.isMalformed else { continue }
            if accepted.mine.contains(arrival.slot) { mine.append(Self.waiting(arrival, id: id)) }
        }
        await offerHanded(accepted.handed)
        dispatch.offer(mine)
        for (index, ticket) in batch.enumerated() { ticket.continuation.resume(returning: isNew[index]) }
    }

    /// Reads what others accepted for this instance before offering its own: a lane's predecessor comes first.
    private func offerHanded(_ ids: [Int64]) async {
        let unread = dispatch.unread(ids)
        guard !unread.isEmpty else { return }
        do {
            dispatch.offer(try await backlog.events(unread), handed: unread)
        } catch {
            // The slot keeper reads the handovers again within a second.
            log.warning("handed-over events were not read", [.error: .describing(error.code)])
        }
    }

    private func refuseAll() {
        let tickets = state.withLock { state -> [Ticket] in
            defer { (state.payments, state.queue) = ([], []) }
            return state.payments + state.queue
        }
        for ticket in tickets { ticket.continuation.resume(throwing: Refusal.unavailable) }
    }

    private static func waiting(_ arrival: Arrival, id: Int64) -> BacklogStore.Waiting {
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
        return BacklogStore.Waiting(event: event, slot: arrival.slot, attempts: 0, nextAt: nil)
    }
}
