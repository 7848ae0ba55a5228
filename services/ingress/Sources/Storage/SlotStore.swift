internal import EventLoop
internal import Postgres
internal import Time

/// Ownership of slots between instances: leases by the database's clock, taken over by compare-and-set.
struct SlotStore: Sendable {
    /// A slot that this instance has just taken.
    struct Taken: Sendable, Equatable {
        var slot: Int32
        /// Everything up to here is handled, but for `open` and for what is parked.
        var lowID: Int64
        var open: [Int64]
    }

    /// How far a slot is handled.
    struct Mark: Sendable, Equatable {
        var slot: Int32
        var lowID: Int64
        /// Ids up to `lowID` that are not handled, in order, at most `maximumOpen`.
        var open: [Int64] = []

        /// More than this keep the mark back instead, so that the row stays small.
        static let maximumOpen = 128
    }

    /// How long a half is written before the other one takes over.
    private static let halfSeconds = 20.0
    /// Commits of a living instance are done long before this age; one that is older, and keeps the fence from closing,
    /// belongs to an instance that has been frozen.
    private static let stuckFlightSeconds = 2
    /// How long a boundary waits for a commit.
    private static let commitNanoseconds: UInt64 = 2_000_000_000
    /// A row of `pg_locks`, before the fence's number.
    private static let hasFence: StaticString = """
        pg_locks.locktype = 'advisory' and pg_locks.granted
            and pg_locks.database = (select oid from pg_database where datname = current_database())
            and pg_locks.classid::bigint << 32 | pg_locks.objid::bigint =
        """

    let database: Database
    let instance: String

    /// Takes free and expired slots, at most `limit`, and those that are this instance's by the table alone, because it failed
    /// between taking them and reading them. If another instance lost some of them, transactions that still hold
    /// the fence from before are ended: what they have not committed by now they never will, and nothing waits for them.
    ///
    /// - Parameter held: What this instance has in memory.
    func take(limit: Int64, held: [Int32] = []) async throws(PostgresError) -> [Taken] {
        let rows = try await database.query(
            """
            with free as (
                select slot, owner from slot
                where (owner is null or owner = \(instance) or lease_until < clock_timestamp())
                    and slot <> all (\(held)::integer[])
                order by slot limit \(limit) for update skip locked
            ), ended as (
                select count(pg_terminate_backend(pid)) from pg_locks join pg_stat_activity using (pid)
                where exists (select from free where owner is not null)
                    and \(unsafe: Self.hasFence) \(EventStore.fence)
                    and xact_start < clock_timestamp() - make_interval(secs => \(Double(Self.stuckFlightSeconds)))
                    and usename = current_user and pid <> pg_backend_pid()
            )
            update slot
            set owner = \(instance), epoch = epoch + 1, lease_until = clock_timestamp() + interval '3 seconds'
            from free, ended where slot.slot = free.slot
            returning slot.slot, slot.low_id, slot.open
            """
        )
        var taken: [Taken] = []
        for row in rows {
            let (slot, lowID, open) = try row.decode(Int32.self, Int64.self, [Int64].self)
            taken.append(Taken(slot: slot, lowID: lowID, open: open))
        }
        return taken
    }

    /// Says that this instance lives, also while it owns no slot, and forgets those that have not said so for long.
    ///
    /// - Returns: How many live instances there are, this one included.
    func announce() async throws(PostgresError) -> Int64 {
        let results = try await database.pipeline([
            """
            insert into instance (name, alive_until) values (\(instance), clock_timestamp() + interval '3 seconds')
            on conflict (name) do update set alive_until = excluded.alive_until
            """,
            "delete from instance where alive_until < clock_timestamp() - interval '1 minute'",
            "select count(*) from instance where alive_until >= clock_timestamp()",
        ])
        return max(1, try results[2].first?.decode(Int64.self) ?? 1)
    }

    /// Takes this instance's name off the list, for a stop.
    func leave() async throws(PostgresError) {
        try await database.execute("delete from instance where name = \(instance)")
    }

    /// Waits for every commit under way, and keeps no new one waiting: what has the fence is looked for until it is gone. To
    /// take the fence alone would let all new commits queue up behind the slowest one, at every tick.
    ///
    /// - Returns: The boundary: each event with an id up to it is committed and visible, or never will be.
    /// - Throws: `PostgresError`, `.lockTimeout` if a commit does not end within two seconds; `CancellationError`.
    func boundary() async throws -> Int64 {
        // First the value, then who has the fence: whoever takes an id takes the fence first, so that an id up to the value
        // is of somebody in the list or of somebody who has ended. A new sequence says 1 before it has given 1 away.
        let results = try await database.together([
            "select case when is_called then last_value else 0 end from event_id_seq",
            "select array(select virtualtransaction from pg_locks where \(unsafe: Self.hasFence) \(EventStore.fence))",
        ])
        var open = try results[1].first?.decode([String].self) ?? []
        let end = Deadline.monotonicNow() + Self.commitNanoseconds
        while !open.isEmpty {
            guard Deadline.monotonicNow() < end else {
                throw PostgresError(.lockTimeout, operation: "wait for commits")
            }
            try await database.loop.sleep(for: .milliseconds(1))
            let rows = try await database.query(
                """
                select array(select virtualtransaction from pg_locks
                    where virtualtransaction = any(\(open)) and \(unsafe: Self.hasFence) \(EventStore.fence))
                """
            )
            open = try rows.first?.decode([String].self) ?? []
        }
        return try results[0].first?.decode(Int64.self) ?? 0
    }

    /// Renews the leases and moves the marks.
    ///
    /// - Parameter boundary: Up to here this instance knows what others handed over.
    /// - Returns: The slots that are still owned; the others have been taken by somebody else.
    func renew(_ marks: [Mark], boundary: Int64) async throws(PostgresError) -> [Int32] {
        // Lists of different lengths make no array of PostgreSQL: they travel flat, with the slot of each id.
        let open = marks.flatMap { mark in mark.open.map { (mark.slot, $0) } }
        let rows = try await database.query(
            """
            update slot set lease_until = clock_timestamp() + interval '3 seconds', read_id = \(boundary),
                low_id = case when m.low_id >= slot.low_id then m.low_id else slot.low_id end,
                open = case when m.low_id >= slot.low_id then array(
                    select id from unnest(\(open.map(\.0)), \(open.map(\.1))) as o(slot, id)
                    where o.slot = m.slot order by id) else slot.open end
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

    /// Truncates what the marks have passed; see `turn_halves`.
    func turnHalves() async throws(PostgresError) {
        _ = try await database.query("select turn_halves(\(Self.halfSeconds))")
    }
}
