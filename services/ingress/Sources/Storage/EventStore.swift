internal import Contracts
internal import Postgres
internal import Time

/// Accepts events and writes what became of them: the only SQL on the way from webhook to consumer.
struct EventStore: Sendable {
    /// What a flight did with its batch.
    struct Accepted: Sendable, Equatable {
        /// What was new: its place in the batch and its id. Duplicates are left out.
        var stored: [(place: Int, id: Int64)]
        /// The slots that this instance owned while the flight ran; events of others were handed over.
        var mine: Set<Int32>
        /// Events above the given mark that other instances handed over to this one.
        var handed: [Int64]
        /// Seconds that the server worked on it; the rest of the flight's time is the disk's and the way. Nil if not known.
        var workSeconds: Double?

        static func == (left: Self, right: Self) -> Bool {
            left.stored.elementsEqual(right.stored) { $0 == $1 } && left.mine == right.mine
                && left.handed == right.handed
        }
    }

    /// Commits take this advisory lock shared, before they take ids, so that others can see which are under way and wait
    /// for them (`SlotStore.boundary`). A lock belongs to one database, unlike a snapshot's xmin.
    static let fence: Int64 = 0x6174_656c_6965_7201

    /// A number of `event_id_seq` is the last id of a block of so many, all of one statement. What it does not need stays unused:
    /// ids last for centuries. More than a batch holds.
    static let idBlock: Int64 = 512

    let database: Database
    /// The name under which this process owns slots.
    let instance: String
    private let ranges: UpdateRanges

    init(database: Database, instance: String) {
        self.database = database
        self.instance = instance
        self.ranges = UpdateRanges(database: database)
    }

    /// Stores a batch in one transaction and one round trip: dedup keys, new events, and handovers for slots of others.
    ///
    /// - Parameters:
    ///   - batch: At most `idBlock` arrivals.
    ///   - floor: Handovers above it are read too: a predecessor in a lane may have been accepted by another instance, and it
    ///     committed before this event was posted.
    ///   - expectsNew: Updates are probably all new and for slots of this instance, so that a statement is tried first which
    ///     looks for neither and has no effect if it is wrong.
    func accept(
        _ batch: [Arrival],
        handedAbove floor: Int64,
        expectsNew: Bool = false
    ) async throws(PostgresError) -> Accepted {
        precondition(batch.count <= Self.idBlock, "a batch has ids of one block")
        var updates: [(place: Int, bot: String, id: Int64)] = []
        var others: [(place: Int, key: String)] = []
        updates.reserveCapacity(batch.count)
        for place in batch.indices {
            switch batch[place].dedup {
            case .update(let bot, let id): updates.append((place, bot, id))
            case .other(_, let key): others.append((place, key))
            }
        }
        // In the order of their keys: two batches with common keys would deadlock otherwise. Telegram numbers a chat's
        // updates in their order, so that ids follow it.
        updates.sort { $0.bot == $1.bot ? $0.id < $1.id : $0.bot < $1.bot }
        try await ranges.prepare(updates.lazy.map(\.id))
        let sorted = updates.map(\.place)
        if expectsNew, others.isEmpty, let accepted = try await acceptNew(batch, sorted, floor) {
            return accepted
        }

        var statements: [SQL] = [Self.lockFence]
        var places: [[Int]] = [[]]
        if !updates.isEmpty {
            places.append(sorted)
            statements.append(insertUpdates(batch, sorted, floor))
        }
        if !others.isEmpty {
            let arrivals = others.map { batch[$0.place] }
            let keys = others.map(\.key)
            places += [[], others.map(\.place)]
            statements += [Self.lockKeys(arrivals, keys), insertOthers(arrivals, keys, floor)]
        }
        let results = try await database.together(statements)

        var accepted = Accepted(stored: [], mine: [], handed: [])
        accepted.stored.reserveCapacity(batch.count)
        for (rows, places) in zip(results, places) where !places.isEmpty {
            guard let row = rows.first else { continue }
            let (indexes, before, mine, handed, work) = try row.decode(
                [Int64]?.self,
                Int64.self,
                [Int32].self,
                [Int64].self,
                Double.self
            )
            for index in indexes ?? [] { accepted.stored.append((places[Int(index) - 1], before + index)) }
            accepted.mine = Set(mine)
            accepted.handed = handed
            accepted.workSeconds = (accepted.workSeconds ?? 0) + work
        }
        return accepted
    }

    static var lockFence: SQL { "select pg_advisory_xact_lock_shared(\(fence))" }

    // Each join is with a list of ids, so that the planner, which does not know their number, hashes it.
    private func insertUpdates(_ batch: [Arrival], _ places: [Int], _ floor: Int64) -> SQL {
        """
        with block as materialized (
            select nextval('event_id_seq') - \(Self.idBlock) as before
        ), input as materialized (
            select before + place as id, i.*
            from block, unnest(
                \(places.map { batch[$0].kind }), \(places.map { batch[$0].bot }), \(places.map { batch[$0].updateID }),
                \(places.map { batch[$0].lane }), \(places.map { batch[$0].slot }),
                \(places.map { batch[$0].traceparent }), \(places.map { batch[$0].receivedAt }),
                \(places.map { batch[$0].body }))
            with ordinality as i(kind, bot, update_id, lane, slot, traceparent, at, body, place)
        ), fresh as (
            insert into seen_update (bot, update_id, event_id)
            select bot, update_id, id from input
            on conflict do nothing returning event_id
        ), stored as (
            insert into event (id, at, source, kind, bot, update_id, lane, slot, traceparent, body)
            select id, at, 'telegram', kind, bot, update_id, lane, slot, traceparent, body
            from input where id in (select event_id from fresh) returning id
        ), mine as materialized (
            select array(select slot from slot where owner = \(instance) and lease_until > clock_timestamp()) as slots
        ), handed as (
            insert into handover (half, event_id, slot)
            select (select active from half where name = 'handover'), id, slot from input
            where not \(Self.slots(of: batch, places)) <@ (select slots from mine)
                and slot <> all ((select slots from mine)::integer[]) and id in (select event_id from fresh)
        )
        select array_agg(id - (select before from block)), (select before from block), (select slots from mine),
            array(
                select event_id from handover where event_id > \(floor) and slot = any ((select slots from mine)::integer[])
                order by event_id),
            extract(epoch from clock_timestamp() - statement_timestamp())::double precision
        from stored
        """
    }

    /// The slots of these arrivals, each once.
    static func slots(of batch: [Arrival], _ places: [Int]) -> [Int32] { Array(Set(places.map { batch[$0].slot })) }

    /// All that is not a well-formed update comes seldom, and is looked for in all months under a lock on its key.
    private static func lockKeys(_ batch: [Arrival], _ keys: [String]) -> SQL {
        """
        select pg_advisory_xact_lock(key) from (
            select distinct hashtextextended(source || ':' || key, 0) as key
            from unnest(\(batch.map(\.source.rawValue)), \(keys)) as k(source, key) order by 1
        ) as sorted
        """
    }

    private func insertOthers(_ batch: [Arrival], _ keys: [String], _ floor: Int64) -> SQL {
        """
        with block as materialized (
            select nextval('event_id_seq') - \(Self.idBlock) as before
        ), input as materialized (
            select before + place as id, i.*
            from block, unnest(
                \(batch.map(\.source.rawValue)), \(batch.map(\.kind)), \(batch.map(\.bot)), \(batch.map(\.token)),
                \(batch.map(\.lane)), \(batch.map(\.slot)), \(batch.map(\.traceparent)),
                \(batch.map(\.isMalformed)), \(batch.map(\.receivedAt)), \(keys), \(batch.map(\.body)))
            with ordinality as i(
                source, kind, bot, token, lane, slot, traceparent, is_malformed, at, key, body, place)
        ), fresh as (
            insert into seen_other (source, key, month, event_id)
            select source, key, date_trunc('month', now() at time zone 'utc')::date, id from input
            where not exists (
                select from seen_other where seen_other.source = input.source and seen_other.key = input.key)
            order by source, key
            on conflict do nothing returning event_id
        ), stored as (
            insert into event (id, at, source, kind, bot, token, lane, slot, traceparent, is_malformed, body)
            select id, at, source, kind, bot, token, lane, slot, traceparent, is_malformed, body
            from input where id in (select event_id from fresh) returning id
        ), mine as materialized (
            select array(select slot from slot where owner = \(instance) and lease_until > clock_timestamp()) as slots
        ), handed as (
            insert into handover (half, event_id, slot)
            select (select active from half where name = 'handover'), id, slot from input
            where slot <> all ((select slots from mine)::integer[]) and not is_malformed
                and id in (select event_id from fresh)
        )
        select array_agg(id - (select before from block)), (select before from block), (select slots from mine),
            array(
                select event_id from handover where event_id > \(floor) and slot = any ((select slots from mine)::integer[])
                order by event_id),
            extract(epoch from clock_timestamp() - statement_timestamp())::double precision
        from stored
        """
    }

    /// Has ranges of dedup keys looked up anew, since old ones may have been dropped.
    func forgetRanges() { ranges.forget() }
}
