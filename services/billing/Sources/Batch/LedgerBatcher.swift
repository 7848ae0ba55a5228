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
    var queuedItems: Int { state.withLock { $0.queue.count } }

    /// Decides an item with the next batch.
    ///
    /// - Throws: `Problem` `overloaded` if too many wait already, `deadline_exceeded` if the deadline passes first (the
    ///   item may still take effect), `unavailable` while stopping; what the database fails with.
    func submit(_ item: LedgerItem, deadline: Deadline) async throws -> Verdict {
        let ticket = Ticket(item, deadline)
        let isQueued = state.withLock { state in
            guard state.queue.count < limits.queuedItems else { return false }
            state.queue.append(ticket)
            metrics.queued(state.queue.count)
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
                let heads = Array(state.queue.prefix(limits.batchItems))
                state.queue.removeFirst(heads.count)
                state.flights += 1
                metrics.queued(state.queue.count)
                return heads
            }
            guard let heads else { return nil }
            // Whoever has stopped waiting before his item was sent gets no effect.
            let batch = heads.filter { $0.take() }
            if !batch.isEmpty { return batch }
            state.withLock { $0.flights -= 1 }
        }
    }

    private func refuseQueued() {
        let left = state.withLock { state in
            defer { state.queue = [] }
            return state.queue
        }
        for ticket in left where ticket.take() {
            ticket.finish(.failure(Problem(.unavailable, "the ledger is stopping", retryAfterSeconds: 1)))
        }
    }

    private func fly(_ batch: [Ticket]) async {
        let started = Deadline.monotonicNow()
        let deadline = Deadline.after(limits.flightTimeout)
        do {
            let verdicts = try await apply(batch, deadline)
            Failpoint.reach("billing.batch_committed")
            for (ticket, verdict) in zip(batch, verdicts) {
                metrics.decided(ticket.item.action.kind, verdict)
                ticket.finish(.success(verdict))
            }
            metrics.flew(batch.count, since: started, "ok")
        } catch {
            metrics.flew(batch.count, since: started, "failed")
            guard batch.count > 1, Self.isOwnFault(error) else {
                for ticket in batch { ticket.finish(.failure(error)) }
                return
            }
            log.warning("ledger batch is tried item by item", [.error: .describing(error), .count: .int(batch.count)])
            for ticket in batch { await fly([ticket]) }
        }
    }

    /// Repeats what is safe and useful to repeat while there is time.
    private func apply(_ batch: [Ticket], _ deadline: Deadline) async throws -> [Verdict] {
        let items = batch.map(\.item)
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

/// One call that waits for its verdict.
private final class Ticket: Sendable {
    private enum State {
        case queued(CheckedContinuation<Verdict, any Error>?)
        /// In a batch: it will take effect whether somebody waits or not.
        case taken(CheckedContinuation<Verdict, any Error>?)
        case finished(Result<Verdict, any Error>?)
    }

    let item: LedgerItem
    private let deadline: Deadline
    private let state = Locked(State.queued(nil))

    init(_ item: LedgerItem, _ deadline: Deadline) {
        self.item = item
        self.deadline = deadline
    }

    /// Claims the item for a batch; false if nobody waits for it any longer.
    func take() -> Bool {
        if deadline.isExpired { finish(.failure(Problem(.deadlineExceeded, "the ledger was too busy"))) }
        return state.withLock { state in
            guard case .queued(let continuation) = state else { return false }
            state = .taken(continuation)
            return true
        }
    }

    func wait() async throws -> Verdict {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early: Result<Verdict, any Error>? = state.withLock { state in
                    switch state {
                    case .queued: state = .queued(continuation)
                    case .taken: state = .taken(continuation)
                    case .finished(let result): return result ?? .failure(CancellationError())
                    }
                    return nil
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    func finish(_ result: Result<Verdict, any Error>) {
        let waiting: CheckedContinuation<Verdict, any Error>? = state.withLock { state in
            switch state {
            case .queued(let continuation), .taken(let continuation):
                state = .finished(continuation == nil ? result : nil)
                return continuation
            case .finished:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}
