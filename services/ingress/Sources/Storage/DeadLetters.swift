internal import Contracts
internal import Foundation
internal import Postgres
internal import Time

/// Brings dead letters back to life, once for each key of the operator.
struct DeadLetters: Sendable {
    /// How long the answers of the operator's calls are kept.
    private static let keepDays = 90

    let database: Database

    /// Makes a dead letter an ordinary waiting event again; anything else stays as it is. Its lane's owner finds it within
    /// two ticks.
    func revive(_ id: Int64, in transaction: Transaction) async throws(PostgresError) {
        try await transaction.execute(
            """
            update parked set is_dead = false, is_revived = true, attempts = 0, next_at = now(), at = now()
            where event_id = \(id) and is_dead
            """
        )
    }

    /// The same for the oldest dead letters that fit, at most `limit`. Along `parked_dead`.
    ///
    /// - Returns: How many there were.
    func revive(
        _ filter: EventFilter,
        error: String?,
        diedBefore: Timestamp?,
        limit: Int,
        in transaction: Transaction
    ) async throws(PostgresError) -> Int {
        try await transaction.execute(
            """
            with chosen as materialized (
                select p.event_id from parked p join event e on e.id = p.event_id
                where p.is_dead and (\(filter.source?.rawValue)::text is null or e.source = \(filter.source?.rawValue))
                    and (\(filter.lanes)::text[] is null or e.lane = any(\(filter.lanes)))
                    and (\(filter.since)::timestamptz is null or e.at >= \(filter.since))
                    and (\(filter.until)::timestamptz is null or e.at < \(filter.until))
                    and (\(error)::text is null or strpos(p.error, \(error)) > 0)
                    and (\(diedBefore)::timestamptz is null or p.at < \(diedBefore))
                order by p.event_id limit \(Int64(limit)) for update of p
            )
            update parked set is_dead = false, is_revived = true, attempts = 0, next_at = now(), at = now()
            from chosen where parked.event_id = chosen.event_id and parked.is_dead
            """
        )
    }

    /// Does something once for a key: the effect and the answer are stored in one commit, and a repeat gets the answer.
    ///
    /// - Throws: `idempotency_mismatch` for a key that was used for another call; what `effect` throws, and then nothing
    ///   has happened.
    func once<Output: Codable & Sendable>(
        key: String,
        fingerprint: [UInt8],
        _ effect: @Sendable (Transaction) async throws -> Output
    ) async throws -> (output: Output, isReplayed: Bool) {
        try await database.transaction { transaction in
            let inserted = try await transaction.pipeline([
                "delete from operator_call where at < now() - \(Int64(Self.keepDays)) * interval '1 day'",
                """
                insert into operator_call (key, fingerprint) values (\(key), \(fingerprint))
                on conflict do nothing returning key
                """,
            ])[1]
            if inserted.isEmpty { return (try await Self.answer(key, fingerprint, transaction), true) }
            let output = try await effect(transaction)
            let answer = String(decoding: try ContractJSON.encode(output), as: UTF8.self)
            try await transaction.execute("update operator_call set answer = \(answer)::jsonb where key = \(key)")
            return (output, false)
        }
    }

    private static func answer<Output: Decodable>(
        _ key: String,
        _ fingerprint: [UInt8],
        _ transaction: Transaction
    ) async throws -> Output {
        let row = try await transaction.query(
            "select fingerprint, answer::text as answer from operator_call where key = \(key)"
        ).first
        guard let row, try row.get("fingerprint") == fingerprint else {
            throw Problem(.idempotencyMismatch, "the key was used for another call")
        }
        let text: String = try row.get("answer")
        return try ContractJSON.decode(Output.self, from: Array(text.utf8))
    }
}
