import EventLoop
import Lifecycle
import Postgres
import Telemetry
import Time

/// Continues the hash chain over the entries twice a second, so that none is unsealed for longer than one. Every instance
/// runs one; whoever is first seals.
struct LedgerSealer: Worker {
    let name = "ledger.seal"
    let store: SealStore
    let metrics: BillingMetrics
    var interval: Duration = .milliseconds(500)

    func run() async throws {
        while !Task.isCancelled {
            try await sealAll()
            try await store.database.loop.sleep(for: interval)
        }
    }

    /// Seals until everything is covered that was committed before the call. What comes meanwhile waits for the next
    /// turn: each seal stops the batches for a moment.
    func sealAll() async throws {
        var head = try await store.head(deadline: .after(.seconds(5)))
        while let next = try await next(after: head) {
            let isFull = next.lastEntry - head.lastEntry >= SealStore.maximumEntries
            head = next
            metrics.sealed(lag: next.lag)
            if !isFull { break }
        }
        metrics.sealed(number: head.number)
    }

    /// The seal after the head; nil if everything is covered or another instance has just sealed the same entries.
    private func next(after head: SealStore.Head) async throws -> SealStore.Head? {
        do {
            return try await store.extend(head, deadline: .after(.seconds(5)))
        } catch let error as PostgresError {
            guard error.code == .uniqueViolation(constraint: "seal_pkey") else { throw error }
            return nil
        }
    }
}
