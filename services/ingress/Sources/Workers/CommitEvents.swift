internal import Concurrency
internal import Contracts
internal import Lifecycle
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Group commit: a batch is whatever arrived while the previous one was in flight.
///
/// One flight is in the air at a time, since two would halve each other's batches, and what a batch costs hardly depends on
/// its size; a second one only where the disk takes long, and for a batch that is no smaller or large by itself (ADR 0071).
/// `store` returns only when its arrival is committed, or throws; it never leaves the outcome open to its caller as a success.
final class CommitEvents: Worker {
    /// Why an arrival could not be stored now; the webhook's sender is asked to come again.
    enum Refusal: Error, Equatable {
        /// Too many wait already.
        case full
        /// The database did not take it.
        case unavailable
    }

    struct Limits {
        var batchEvents = Int(EventStore.idBlock)
        /// The most arrivals that wait for a flight, and the most bytes of them; payments may go a tenth over.
        var waiting = CommitQueue.Room(arrivals: 8_192, bytes: 64 << 20)
    }

    let name = "events.commit"
    private let store: EventStore
    private let backlog: BacklogStore
    private let dispatch: Dispatch
    private let metrics: IngressMetrics
    private let log: Log
    private let limits: Limits
    private let state = Locked(CommitQueue())
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

    var waitingCount: Int { state.withLock { $0.count } }

    /// Stores an arrival durably.
    ///
    /// - Parameter done: Called exactly once, on any thread: with whether the arrival was new (a duplicate is just as stored),
    ///   or with why it could not be stored.
    func store(_ arrival: Arrival, _ done: @escaping @Sendable (Result<Bool, Refusal>) -> Void) {
        let room = arrival.isPayment ? limits.waiting.aTenthMore : limits.waiting
        let step = state.withLock { $0.admit(arrival, room: room, done) }
        switch step {
        case .known: done(.success(false))
        case .full: done(.failure(.full))
        case .waits(let isWorthFlight): if isWorthFlight { bell.ring() }
        }
    }

    /// The same for a caller that waits.
    func store(_ arrival: Arrival) async -> Result<Bool, Refusal> {
        await withCheckedContinuation { continuation in
            store(arrival) { continuation.resume(returning: $0) }
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
        var flights: [CommitFlight] = []
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let landed = takeLanded(from: &flights)
                if let landed { answer(landed) }
                if let flight = state.withLock({ $0.takeFlight(limits.batchEvents, behind: flights) }) {
                    flights.append(flight)
                    group.addTask { await self.fly(flight) }
                    // It takes off before anything else is done: the database waits for it.
                    await Task.yield()
                } else if landed == nil {
                    await bell.wait()
                }
                if let landed { await offer(landed) }
            }
        }
        while let landed = takeLanded(from: &flights) {
            answer(landed)
            await offer(landed)
        }
    }

    private func fly(_ flight: CommitFlight) async {
        let started = Deadline.monotonicNow()
        do throws(PostgresError) {
            let arrivals = flight.batch.map(\.arrival)
            let accepted = try await store.accept(
                arrivals,
                handedAbove: dispatch.floor,
                expectsNew: !flight.isLook && state.withLock { $0.repeats.expectsNone }
                    && dispatch.owns(arrivals.lazy.map(\.slot))
            )
            let seconds = Double(Deadline.monotonicNow() - started) * 1e-9
            metrics.commitSeconds.observe(seconds)
            state.withLock { state in
                if flight.isLook, let work = accepted.workSeconds {
                    state.pace.note(work: work, flight: seconds)
                } else {
                    state.pace.pass()
                }
                state.repeats.note(hasRepeats: accepted.stored.count < arrivals.count)
                for arrival in arrivals {
                    if case .update(let bot, let id) = arrival.dedup { state.known.insert(id, of: bot) }
                }
            }
            flight.end(.success(accepted))
        } catch {
            flight.end(.failure(error))
        }
        bell.ring()
    }

    /// A flight that has ended.
    private struct Landed {
        let batch: [CommitTicket]
        let outcome: CommitFlight.Outcome
    }

    /// The oldest flight if it has ended: flights land in the order of their start, so that a lane's events are offered in theirs.
    private func takeLanded(from flights: inout [CommitFlight]) -> Landed? {
        guard let flight = flights.first, let outcome = flight.outcome else { return nil }
        flights.removeFirst()
        return Landed(batch: flight.batch, outcome: outcome)
    }

    /// Tells the senders.
    private func answer(_ landed: Landed) {
        let batch = landed.batch
        switch landed.outcome {
        case .failure(let error): refuse(batch, error)
        case .success(let accepted):
            metrics.commits.increment("ok")
            metrics.batchEvents.observe(Double(batch.count))
            Failpoint.reach("ingress.stored")
            var isNew = Array(repeating: false, count: batch.count)
            for (place, _) in accepted.stored { isNew[place] = true }
            for (index, ticket) in batch.enumerated() { ticket.done(.success(isNew[index])) }
        }
    }

    /// Hands what is new to the dispatcher. Before the next flight's, and before the boundary passes it.
    private func offer(_ landed: Landed) async {
        if case .success(let accepted) = landed.outcome {
            var mine: [StoredEvent] = []
            mine.reserveCapacity(accepted.stored.count)
            for (place, id) in accepted.stored {
                let arrival = landed.batch[place].arrival
                guard !arrival.isMalformed, accepted.mine.contains(arrival.slot) else { continue }
                mine.append(StoredEvent(arrival, id: id))
            }
            if await !offerHanded(accepted.handed) {
                // A lane's predecessor may be among them: all of it is read from the table, in its order.
                dispatch.reread(Set(mine.map { SlotGroup(slot: $0.slot, consumer: $0.consumer) }))
            }
            dispatch.offer(mine)
        }
        state.withLock { $0.landed += 1 }
    }

    /// Before the flight counts as landed: what it may have stored all the same is left to the table.
    private func refuse(_ batch: [CommitTicket], _ error: PostgresError) {
        metrics.commits.increment("failed")
        log.warning("events were not stored", [.count: .int(batch.count), .error: .describing(error.code)])
        // An unknown commit is a refusal too: the sender repeats, and the dedup key tells what happened. The repeat is a
        // duplicate then, so that the event itself must be found in the table.
        dispatch.reread(Set(batch.map { SlotGroup(slot: $0.arrival.slot, consumer: $0.arrival.consumer) }))
        for ticket in batch { ticket.done(.failure(.unavailable)) }
    }

    /// Reads what others accepted for this instance before offering its own: a lane's predecessor comes first.
    ///
    /// - Returns: Whether they could be read.
    private func offerHanded(_ ids: [Int64]) async -> Bool {
        let unread = dispatch.unread(ids)
        guard !unread.isEmpty else { return true }
        do {
            dispatch.offer(try await backlog.events(unread), handed: unread)
            return true
        } catch {
            log.warning("handed-over events were not read", [.error: .describing(error.code)])
            return false
        }
    }

    private func refuseAll() {
        let tickets = state.withLock { $0.takeAll() }
        for ticket in tickets { ticket.done(.failure(.unavailable)) }
    }
}
