internal import Postgres

/// Ownership of slots between instances: leases by the database's clock, taken over by compare-and-set.
struct SlotStore: Sendable {
    /// A slot that this instance has just taken.
    struct Taken: Sendable, Equatable {
        var slot: Int32
        /// Everything up to here is handled.
        var lowID: Int64
    }

    let database: Database
    let instance: String

    /// Takes free and expired slots, at most `limit`, and ends the sessions of the instances that owned them: what they
    /// have not committed by now they never will.
    func take(limit: Int64) async throws(PostgresError) -> [Taken] {
        let rows = try await database.query(
            """
            with free as (
                select slot, owner from slot
                where owner is null or (lease_until < clock_timestamp() and owner <> \(instance))
                order by slot limit \(limit) for update skip locked
            ), ended as (
                select count(pg_terminate_backend(pid)) from pg_stat_activity
                where application_name in (select owner from free where owner is not null)
                    and usename = current_user and pid <> pg_backend_pid()
            )
            update slot
            set owner = \(instance), epoch = epoch + 1, lease_until = clock_timestamp() + interval '3 seconds'
            from free, ended where slot.slot = free.slot
            returning slot.slot, slot.low_id
            """
        )
        var taken: [Taken] = []
        for row in rows {
            let (slot, lowID) = try row.decode(Int32.self, Int64.self)
            taken.append(Taken(slot: slot, lowID: lowID))
        }
        return taken
    }

    /// How many live instances there are, this one included.
    func instances() async throws(PostgresError) -> Int64 {
        let rows = try await database.query(
            """
            select count(distinct owner) from slot
            where owner is not null and owner <> \(instance) and lease_until >= clock_timestamp()
            """
        )
        return 1 + (try rows.first?.decode(Int64.self) ?? 0)
    }

    /// Waits for every commit under way.
    ///
    /// - Returns: The boundary: each event with an id up to it is committed and visible, or never will be.
    func boundary() async throws(PostgresError) -> Int64 {
        // The value is read under the lock: whoever takes an id takes the lock first.
        let results = try await database.pipeline([
            "select pg_advisory_xact_lock(\(EventStore.fence))", "select last_value from event_id_seq",
        ])
        return try results[1].first?.decode(Int64.self) ?? 0
    }

    /// Renews the leases and moves the marks.
    ///
    /// - Returns: The slots that are still owned; the others have been taken by somebody else.
    func renew(_ marks: [(slot: Int32, lowID: Int64)]) async throws(PostgresError) -> [Int32] {
        let rows = try await database.query(
            """
            update slot set lease_until = clock_timestamp() + interval '3 seconds', low_id = greatest(slot.low_id, m.low_id)
            from unnest(\(marks.map(\.slot)), \(marks.map(\.lowID))) as m(slot, low_id)
            where slot.slot = m.slot and owner = \(instance)
            returning slot.slot
            """
        )
        var kept: [Int32] = []
        for row in rows { kept.append(try row.decode(Int32.self)) }
        return kept
    }

    /// Gives slots back, for a stop or to make room for a new instance.
    func release(_ slots: [Int32]) async throws(PostgresError) {
        try await database.execute(
            "update slot set owner = null, lease_until = '-infinity' where slot = any(\(slots)) and owner = \(instance)"
        )
    }

    /// Forgets what lies at or below the marks.
    func tidy() async throws(PostgresError) {
        _ = try await database.pipeline([
            "delete from done using slot where done.slot = slot.slot and done.event_id <= slot.low_id",
            "delete from handover using slot where handover.slot = slot.slot and handover.event_id <= slot.low_id",
        ])
    }

    /// Makes partitions for the days ahead and drops those older than the retention.
    func keepPartitions(keepDays: Int32) async throws(PostgresError) {
        _ = try await database.query("select make_event_partitions(3)")
        _ = try await database.query("select drop_event_partitions(\(keepDays))")
    }
}
