internal import Contracts
internal import Postgres
internal import Time

/// A command that this instance has claimed and now sends.
struct ClaimedCommand: Sendable {
    let id: Int64
    let command: OutboxCommand
    let traceparent: String?
    /// This try included.
    let attempts: Int
    let createdAt: Timestamp
    /// Until when other instances leave it alone.
    let leaseEnd: Timestamp
}

/// The SQL of the outbox.
struct OutboxStore: Sendable {
    let database: Database

    /// Takes the heads of lanes that are due: counts the attempt and leases the row, committed before anything is sent.
    ///
    /// Walks lane by lane over `outbox_lane` (lane, id where answered_at is null), so that the followers of a head which
    /// waits cost nothing. A head that another instance has just taken is skipped.
    func claim(atMost limit: Int, except busy: [Int64], lease: Duration) async throws(PostgresError) -> [ClaimedCommand]
    {
        let rows = try await database.query(
            """
            with recursive head as (
                (select id, lane, next_at from outbox where answered_at is null order by lane, id limit 1)
                union all
                select next.id, next.lane, next.next_at
                from head, lateral (
                    select id, lane, next_at from outbox
                    where answered_at is null and lane > head.lane order by lane, id limit 1
                ) as next
            ), due as (
                select outbox.id from outbox join head on head.id = outbox.id
                where outbox.answered_at is null and outbox.next_at <= now() and outbox.id <> all(\(busy))
                order by outbox.next_at, outbox.id limit \(limit)
                for no key update of outbox skip locked
            )
            update outbox set attempts = attempts + 1, next_at = now() + \(lease.inSeconds) * interval '1 second'
            from due where outbox.id = due.id
            returning outbox.id, lane, target, method, path, key, body, traceparent, attempts,
                created_at, next_at
            """
        )
        var claimed: [ClaimedCommand] = []
        for row in rows {
            let (id, lane, target, method, path, key, body, trace, attempts, createdAt, leaseEnd) = try row.decode(
                Int64.self,
                String.self,
                String.self,
                String.self,
                String.self,
                String.self,
                [UInt8].self,
                String?.self,
                Int.self,
                Timestamp.self,
                Timestamp.self
            )
            guard let service = ServiceName(rawValue: target), let verb = OperationMethod(rawValue: method) else {
                throw PostgresError(.decoding, operation: "claim outbox", detail: "command \(id) has an unknown target")
            }
            claimed.append(
                ClaimedCommand(
                    id: id,
                    command: OutboxCommand(target: service, method: verb, path: path, body: body, lane: lane, key: key),
                    traceparent: trace,
                    attempts: attempts,
                    createdAt: createdAt,
                    leaseEnd: leaseEnd
                )
            )
        }
        return claimed
    }

    /// Keeps other instances away from commands that are still being sent.
    ///
    /// - Parameter leases: Ends by id, as last heard. A lease with another end has been given up or taken over in the
    ///   meantime and stays as it is.
    /// - Returns: The new ends of those that were prolonged.
    func renew(
        _ leases: [Int64: Timestamp],
        by lease: Duration
    ) async throws(PostgresError) -> [(id: Int64, end: Timestamp)] {
        let ids = leases.keys.sorted()
        let ends = ids.compactMap { leases[$0] }
        let rows = try await database.query(
            """
            update outbox set next_at = now() + \(lease.inSeconds) * interval '1 second'
            from unnest(\(ids), \(ends)) as held(id, lease_end)
            where outbox.id = held.id and outbox.next_at = held.lease_end and answered_at is null
            returning outbox.id, outbox.next_at
            """
        )
        return try rows.map { row throws(PostgresError) in
            let (id, end) = try row.decode(Int64.self, Timestamp.self)
            return (id, end)
        }
    }

    /// Lets a command be sent again after a while, unless another instance has claimed it since.
    func postpone(_ claimed: ClaimedCommand, by delay: Duration) async throws(PostgresError) {
        try await database.execute(
            """
            update outbox set next_at = now() + \(delay.inSeconds) * interval '1 second'
            where id = \(claimed.id) and attempts = \(claimed.attempts)::int8 and answered_at is null
            """
        )
    }

    /// Marks a command answered; false if it has been before, by another instance that sent it too.
    static func markAnswered(
        _ id: Int64,
        status: Int,
        body: [UInt8],
        in transaction: Transaction
    ) async throws(PostgresError) -> Bool {
        let changed = try await transaction.execute(
            """
            update outbox set answered_at = now(), answer_status = \(Int32(clamping: status)), answer_body = \(body)
            where id = \(id) and answered_at is null
            """
        )
        return changed == 1
    }

    /// How many commands wait, and since when the oldest does, in seconds.
    func backlog() async throws(PostgresError) -> (count: Int, oldestSeconds: Double) {
        let rows = try await database.query(
            """
            select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8
            from outbox where answered_at is null
            """
        )
        return try rows[0].decode(Int.self, Double.self)
    }

    /// Deletes answered commands that are older than `age`, oldest first, a bounded number at a time.
    func tidy(olderThan age: Duration, atMost limit: Int) async throws(PostgresError) -> Int {
        try await database.execute(
            """
            delete from outbox where id in (
                select id from outbox where answered_at < now() - \(age.inSeconds) * interval '1 second'
                order by id limit \(limit)
            )
            """
        )
    }
}
