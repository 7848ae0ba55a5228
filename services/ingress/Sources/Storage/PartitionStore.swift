internal import Postgres

/// Makes and drops partitions, by functions of the database's owner: the service's role may not create or drop tables.
struct PartitionStore: Sendable {
    let database: Database

    /// - Parameters:
    ///   - eventDays: How long events are kept, at least 2 days.
    ///   - dedupDays: How long repeats are known, at least 30 days.
    func keep(eventDays: Int32, dedupDays: Int32) async throws(PostgresError) {
        _ = try await database.query("select make_event_partitions(3)")
        _ = try await database.query("select drop_event_partitions(\(eventDays))")
        _ = try await database.query("select drop_seen_partitions(\(dedupDays))")
    }
}
