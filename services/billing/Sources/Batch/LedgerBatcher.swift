import Concurrency
import Contracts
import EventLoop
import Jobs
import Lifecycle
import Postgres
import ServiceKit
import Telemetry
import Time

/// Gathers calls into batches: what arrives while a batch is on its way forms the next one, so that one commit serves
/// many calls under load and one call under none waits for nobody.
///
/// A lost connection or an unknown commit repeats the batch, which its keys make safe. If a batch fails for a reason of
/// its own, its items are tried one by one, so that one of them can't fail its neighbours.
final class LedgerBatcher: Worker {
    struct Limits: Sendable {
        /// The most items of a batch.
        var batchItems = 512
        /// Batches on their way at the same time.
        var flights = 2
        /// Items that wait for a batch; beyond it calls are refused with 503 `overloaded`.
        var queuedItems = 8_192
        /// How long a batch may take, repeats included.
        var flightTimeout: Duration = .seconds(8)
    }

    let name = "ledger.batch"
    private let store: LedgerStore
    private let limits: Limits
    private let log: Log
    private let metrics: BillingMetrics
    private let signal: WakeSignal
    private let backoff = Backoff(first: .milliseconds(20), cap: .milliseconds(500))
    private let state = Locked(State())

    private struct State {
        var queue: [Ticket] = []
        /// The items of all tickets in `queue`.
        var queuedItems = 0
        var flights = 0
    }

    init(store: LedgerStore, limits: Limits = Limits(), metrics: BillingMetrics, log: Log) {
        self.store = store
        self.limits = limits
        self.metrics = metrics
        self.log = log
        self.signal = WakeSignal(loop: store.database.loop)
    }

    /// How many items wait for a batch now.
    var queuedItems: Int { state.withLock { $0.queuedItems } }

    /// Decides an item with the next batch.
    ///
    /// - Throws: `Problem` `overloaded` if too many wait already, `deadline_exceeded` if the deadline passes first (the
    ///   item may still take effect), `unavailable` while stopping; what the database fails with.
    func submit(_ item: LedgerItem, deadline: Deadline) async throws -> Verdict {
        try await submit([item], deadline: deadline)[0].get()
    }

    /// Decides items in their order, together in the next batch, each with a result of its own.
    ///
    /// - Parameter items: At most `Limits.batchItems`.
    /// - Throws: As for one item, if it is the same for all of them.
    func submit(_ items: [LedgerItem], deadline: Deadline) async throws -> [Result<Verdict, any Error>] {
        precondition(items.count <= limits.batchItems, "the caller keeps to the size of a batch")
        let ticket = Ticket(items, deadline)
        let isQueued = state.withLock { state in
            guard state.queuedItems + items.count <= limits.queuedItems else { return false }
            state.queue.append(ticket)
            state.queuedItems += items.count
            metrics.queued(state.queuedItems)
            return true
        }
        guard isQueued else { throw Problem(.overloaded, "too many calls wait for the ledger", retryAfterSeconds: 1) }
        signal.set()
        return try await ticket.wait()
    }

    func run() async throws {
        defer { refuseQueued() }
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                while let batch = nextBatch() {
                    group.addTask {
                        await self.fly(batch)
                        self.state.withLock { $0.flights -= 1 }
                        self.signal.set()
                    }
                }
                // Nothing is missed without the limit; it only bounds what a mistake here could cost.
                await signal.wait(upTo: .seconds(1))
            }
        }
        try Task.checkCancellation()
    }

    /// Takes the next batch and counts it as on its way; nil if none waits or enough are under way.
    private func nextBatch() -> [Ticket]? {
        while true {
            let heads: [Ticket]? = state.withLock { state in
                guard state.flights < limits.flights, !state.queue.isEmpty else { return nil }
                var items = 0
                let heads = Array(
                    state.queue.prefix { ticket in
                        items += ticket.items.count
                        return items <= limits.batchItems
                    }
                )
                state.queue.removeFirst(heads.count)
                state.queuedItems -= heads.reduce(0) { $0 + $1.items.count }
                state.flights += 1
                metrics.queued(state.queuedItems)
                return heads
            }
            guard let heads else { return nil }
            // Whoever has stopped waiting before his items were sent gets no effect.
            let batch = heads.filter { $0.take() }
            if !batch.isEmpty { return batch }
            state.withLock { $0.flights -= 1 }
        }
    }

    private func refuseQueued() {
        let left = state.withLock { state in
            defer { state = State(flights: state.flights) }
            return state.queue
        }
        for ticket in left where ticket.take() {
            ticket.finish(.failure(Problem(.unavailable, "the ledger is stopping", retryAfterSeconds: 1)))
        }
    }

    private func fly(_ batch: [Ticket]) async {
        let items = batch.flatMap(\.items)
        switch await decide(items) {
        case .success(let verdicts):
            var rest = verdicts[...]
            for ticket in batch {
                ticket.finish(.success(rest.prefix(ticket.items.count).map { .success($0) }))
                rest = rest.dropFirst(ticket.items.count)
            }
        case .failure(let error) where items.count > 1 && Self.isOwnFault(error):
            log.warning("ledger batch is tried item by item", [.error: .describing(error), .count: .int(items.count)])
            for ticket in batch {
                var results: Ticket.Results = []
                for item in ticket.items { results.append(await decide([item]).map { $0[0] }) }
                ticket.finish(.success(results))
            }
        case .failure(let error):
            for ticket in batch { ticket.finish(.failure(error)) }
        }
    }

    /// Decides items in one transaction.
    private func decide(_ items: [LedgerItem]) async -> Result<[Verdict], any Error> {
        let started = Deadline.monotonicNow()
        do {
            let verdicts = try await apply(items, .after(limits.flightTimeout))
            Failpoint.reach("billing.batch_committed")
            for (item, verdict) in zip(items, verdicts) { metrics.decided(item.action.kind, verdict) }
            metrics.flew(items.count, since: started, "ok")
            return .success(verdicts)
        } catch {
            metrics.flew(items.count, since: started, "failed")
            return .failure(error)
        }
    }

    /// Repeats what is safe and useful to repeat while there is time.
    private func apply(_ items: [LedgerItem], _ deadline: Deadline) async throws -> [Verdict] {
        var attempt = 1
        while true {
            do {
                return try await store.apply(items, deadline: deadline)
            } catch let error as PostgresError where Self.isWorthRepeating(error, attempt, items.count) {
                let pause = backoff.delay(attempt: attempt)
                guard deadline.remaining > pause, !Task.isCancelled else { throw error }
                try await store.database.loop.sleep(for: pause)
                attempt += 1
            }
        }
    }

    private static func isWorthRepeating(_ error: PostgresError, _ attempt: Int, _ count: Int) -> Bool {
        switch error.code {
        case .connectionLost, .unknownCommit: attempt < 10
        // A key or payment that another account has just used: the second look finds it.
        case .uniqueViolation: count == 1 && attempt < 3
        default: false
        }
    }

    /// Whether an item of the batch, not the database as a whole, may be the reason.
    private static func isOwnFault(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return !(error is CancellationError) }
        switch error.code {
        case .connectionLost, .unknownCommit, .poolTimeout, .unavailable, .deadlineExceeded, .cancelled, .configuration:
            return false
        default:
            return true
        }
    }
}
