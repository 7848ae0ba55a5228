package import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
package import Postgres
package import Telemetry
internal import Time

/// Sends the commands of an outbox: head of lane only, lanes in parallel, the same bytes under the same key until there
/// is an answer.
///
/// Every instance of a service runs one. A command is leased while it is sent, so that instances rarely send the same
/// one; after `kill -9` another takes over when the lease ends. Sending twice is harmless because of the key. Needs:
///
///     create table outbox (id bigint generated always as identity primary key, lane text not null,
///         target text not null, method text not null, path text not null, key text not null, body bytea not null,
///         traceparent text, attempts int not null default 0, next_at timestamptz not null default now(),
///         created_at timestamptz not null default now(), answered_at timestamptz, answer_status int,
///         answer_body bytea);
///     create index outbox_lane on outbox (lane, id) where answered_at is null;
///     create index outbox_answered on outbox (answered_at) where answered_at is not null;
///
/// and select, insert, update and delete rights on it.
package final class OutboxSender: Worker {
    /// Applies an answer, in the transaction that marks the command answered. If it throws, nothing of it stays and the
    /// command is sent again later, which the callee answers as before.
    package typealias Handler = @Sendable (OutboxAnswer, Transaction) async throws -> Void

    package struct Limits: Sendable {
        /// Commands on their way at the same time.
        package var parallelLanes = 16
        /// How long one call may take.
        package var sendTimeout: Duration = .seconds(10)
        /// How soon another instance may take over a command whose sender died.
        package var lease: Duration = .seconds(4)
        /// How often the table is looked at without a wake.
        package var pollInterval: Duration = .milliseconds(500)
        /// Pauses between tries.
        package var backoff = Backoff(first: .milliseconds(200), cap: .seconds(30))
        /// How long answered commands are kept.
        package var retention: Duration = .seconds(3 * 86_400)

        package init() {}
    }

    package let name = "outbox.send"
    private let store: OutboxStore
    private let transport: any CommandTransport
    private let handler: Handler
    private let limits: Limits
    private let log: Log
    private let metrics: OutboxMetrics
    private let signal: WakeSignal
    /// Commands on their way in this instance, with the ends of their leases.
    private let sending = Locked<[Int64: Timestamp]>([:])

    package init(
        database: Database,
        transport: any CommandTransport,
        metrics: Metrics,
        log: Log,
        limits: Limits = Limits(),
        handler: @escaping Handler
    ) {
        self.store = OutboxStore(database: database)
        self.transport = transport
        self.handler = handler
        self.limits = limits
        self.log = log
        self.metrics = OutboxMetrics(metrics)
        self.signal = WakeSignal(loop: database.loop)
    }

    /// Looks at the table now. Call it after committing commands; without it they go out with the next poll.
    package func wake() {
        signal.set()
    }

    package func run() async throws {
        sending.withLock { $0 = [:] }
        try await withThrowingDiscardingTaskGroup { group in
            var chores = Chores()
            while !Task.isCancelled {
                try await sendDue(&group)
                try await perform(&chores)
                // Each command that ends wakes the loop, for the next of its lane.
                await signal.wait(upTo: limits.pollInterval)
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func sendDue(_ group: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
        let busy = sending.withLock { Array($0.keys) }
        let free = limits.parallelLanes - busy.count
        guard free > 0 else { return }
        let claimed = try await store.claim(atMost: free, except: busy, lease: limits.lease)
        for command in claimed {
            sending.withLock { $0[command.id] = command.leaseEnd }
            group.addTask { await self.deliver(command) }
        }
    }

    private func perform(_ chores: inout Chores) async throws {
        if chores.isDue(.renewal, every: limits.lease / 3) {
            let leases = sending.withLock { $0 }
            let renewed = leases.isEmpty ? [] : try await store.renew(leases, by: limits.lease)
            sending.withLock { sending in
                for (id, end) in renewed where sending[id] != nil { sending[id] = end }
            }
        }
        if chores.isDue(.backlog, every: .seconds(5)) { metrics.backlog(try await store.backlog()) }
        if chores.isDue(.tidying, every: .seconds(60)) {
            _ = try await store.tidy(olderThan: limits.retention, atMost: 5_000)
        }
    }

    private func deliver(_ claimed: ClaimedCommand) async {
        let trace = claimed.traceparent.flatMap { TraceContext(traceparent: $0) }
        await TraceContext.$current.withValue(trace?.child()) {
            do {
                try await send(claimed)
            } catch  where Task.isCancelled {
                await giveBack(claimed)
            } catch {
                // The lease ends by itself; the command is then sent again.
                metrics.sent(claimed, .failed)
                log.warning(
                    "outbox answer not stored",
                    [
                        .operation: .string(claimed.command.path), .error: .describing(error),
                        .attempt: .int(claimed.attempts),
                    ]
                )
            }
        }
        sending.withLock { $0[claimed.id] = nil }
        signal.set()
    }

    /// Lets another instance take over at once when this one stops. A task of its own, awaited here, because the
    /// worker's has been cancelled; losing it only costs the lease.
    private func giveBack(_ claimed: ClaimedCommand) async {
        let store = store
        await Task { _ = try? await store.postpone(claimed, by: .zero) }.value
    }

    private func send(_ claimed: ClaimedCommand) async throws {
        let reply = await transport.send(claimed.command, timeout: limits.sendTimeout)
        if Task.isCancelled { throw CancellationError() }
        switch reply {
        case .final(let status, let body):
            try await answer(claimed, status, body)
        case .again(let reason, let after):
            try await postpone(claimed, reason, atLeast: after ?? .zero, .again)
        case .unreachable(let reason):
            try await postpone(claimed, reason, atLeast: .zero, .unreachable)
        }
    }

    private func answer(_ claimed: ClaimedCommand, _ status: Int, _ body: [UInt8]) async throws {
        let command = claimed.command
        let answer = OutboxAnswer(
            id: claimed.id,
            lane: command.lane,
            target: command.target,
            method: command.method,
            path: command.path,
            key: command.key,
            request: command.body,
            status: status,
            body: body
        )
        do {
            try await store.database.transaction(.repeatable) { [handler] transaction in
                let isFirst = try await OutboxStore.markAnswered(
                    claimed.id,
                    status: status,
                    body: body,
                    in: transaction
                )
                if isFirst { try await handler(answer, transaction) }
            }
        } catch {
            if !Task.isCancelled {
                try await store.postpone(claimed, by: limits.backoff.delay(attempt: claimed.attempts))
            }
            throw error
        }
        metrics.sent(claimed, answer.isSuccess ? .accepted : .refused)
    }

    private func postpone(
        _ claimed: ClaimedCommand,
        _ reason: String,
        atLeast minimum: Duration,
        _ outcome: OutboxMetrics.Outcome
    ) async throws {
        metrics.sent(claimed, outcome)
        log.info(
            "outbox command will be repeated",
            [.operation: .string(claimed.command.path), .reason: .string(reason), .attempt: .int(claimed.attempts)]
        )
        try await store.postpone(claimed, by: max(minimum, limits.backoff.delay(attempt: claimed.attempts)))
    }
}

/// Remembers when a sender's side jobs were last done.
private struct Chores {
    enum Kind { case renewal, backlog, tidying }

    private var last: [Kind: UInt64] = [:]

    mutating func isDue(_ kind: Kind, every interval: Duration) -> Bool {
        let now = Deadline.monotonicNow()
        let isDue = last[kind].map { now - $0 >= UInt64(max(0, interval.wholeMicroseconds)) * 1_000 } ?? true
        if isDue { last[kind] = now }
        return isDue
    }
}
