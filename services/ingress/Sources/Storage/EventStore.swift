internal import Contracts
internal import Postgres
internal import Telemetry
internal import Time

/// Stored events: the only SQL that reads and writes them on the way from webhook to consumer.
struct EventStore: Sendable {
    /// What a flight did with one arrival of its batch.
    struct Stored: Sendable, Equatable {
        /// Its place in the batch.
        var index: Int
        var id: Int64
        /// This instance dispatches it; otherwise it was handed over to the owner of its slot.
        var isMine: Bool
    }

    /// A stored event that waits to be dispatched.
    struct Waiting: Sendable {
        var event: Event
        var slot: Int32
        var attempts: Int
        var nextAt: Timestamp?
    }

    /// Commits take this advisory lock shared; taking it alone waits for every commit under way, so that all ids up to
    /// the sequence's value are visible or never will be. A lock belongs to one database, unlike a snapshot's xmin.
    static let fence: Int64 = 0x6174_656c_6965_7201

    let database: Database
    /// The name under which this process owns slots.
    let instance: String

    /// Stores a batch in one transaction and one round trip: dedup keys, new events, and handovers for slots of others.
    ///
    /// - Parameter mySlots: Whose handovers to read afterwards: a predecessor in a lane may have been accepted by another
    ///   instance, and it committed before this event was posted.
    /// - Returns: What is new (duplicates are left out), and the events that others handed to this instance.
    func accept(
        _ batch: [Arrival],
        mySlots: [Int32]
    ) async throws(PostgresError) -> (stored: [Stored], handed: [Int64]) {
        // Sorted keys: two batches with common keys would deadlock otherwise. The sort happens in the statement.
        let keys = batch.map { arrival -> String? in
            if case .other(_, let key) = arrival.dedup { key } else { nil }
        }
        let insert: SQL = """
            with input as materialized (
                select nextval('event_id_seq') as id, i.*
                from unnest(
                    \(batch.map(\.source.rawValue)), \(batch.map(\.kind)), \(batch.map(\.bot)), \(batch.map(\.updateID)),
                    \(batch.map(\.token)), \(batch.map(\.lane)), \(batch.map { Slot.of(lane: $0.lane) }),
                    \(batch.map(\.traceparent)), \(batch.map(\.isMalformed)), \(batch.map(\.receivedAt)), \(keys),
                    \(batch.map(\.body)))
                with ordinality as i(
                    source, kind, bot, update_id, token, lane, slot, traceparent, is_malformed, at, key, body, place)
            ), fresh_update as (
                insert into seen_update (bot, update_id, event_id)
                select bot, update_id, id from input where key is null order by bot, update_id
                on conflict do nothing returning event_id
            ), fresh_other as (
                insert into seen_other (source, key, event_id)
                select source, key, id from input where key is not null order by source, key
                on conflict do nothing returning event_id
            ), stored as (
                insert into event (
                    id, at, source, kind, bot, update_id, token, lane, slot, traceparent, is_malformed, body)
                select id, at, source, kind, bot, update_id, token, lane, slot, traceparent, is_malformed, body
                from input
                where id in (select event_id from fresh_update union all select event_id from fresh_other)
                returning id, slot, is_malformed
            ), handed as (
                insert into handover (slot, event_id)
                select stored.slot, stored.id from stored join slot using (slot)
                where not is_malformed
                    and (slot.owner is distinct from \(instance) or slot.lease_until <= clock_timestamp())
                returning event_id
            )
            select input.place, input.id, handed.event_id is null
            from stored join input using (id) left join handed on handed.event_id = stored.id
            """
        let results = try await database.pipeline([
            "select pg_advisory_xact_lock_shared(\(Self.fence))",
            insert,
            handovers(to: mySlots),
        ])
        var stored: [Stored] = []
        for row in results[1] {
            let (place, id, isMine) = try row.decode(Int64.self, Int64.self, Bool.self)
            stored.append(Stored(index: Int(place) - 1, id: id, isMine: isMine))
        }
        var handed: [Int64] = []
        for row in results[2] { handed.append(try row.decode(Int64.self)) }
        return (stored, handed)
    }

    /// Reads waiting events of a slot above a mark, in order. Uses `event_slot_id`.
    func waiting(in slot: Int32, after id: Int64, limit: Int64) async throws(PostgresError) -> [Waiting] {
        try await decode(
            """
            select e.id, e.source, e.kind, e.bot, e.update_id, e.token, e.lane, e.at, e.traceparent, e.body, e.slot,
                coalesce(p.attempts, 0), p.next_at
            from event e left join parked p on p.event_id = e.id
            where e.slot = \(slot) and e.id > \(id) and not e.is_malformed and not coalesce(p.is_dead, false)
                and not exists (select from done d where d.slot = e.slot and d.event_id = e.id)
            order by e.id limit \(limit)
            """
        )
    }

    /// Reads events by id: those that others handed over.
    func events(_ ids: [Int64]) async throws(PostgresError) -> [Waiting] {
        try await decode(
            """
            select e.id, e.source, e.kind, e.bot, e.update_id, e.token, e.lane, e.at, e.traceparent, e.body, e.slot,
                coalesce(p.attempts, 0), p.next_at
            from event e left join parked p on p.event_id = e.id
            where e.id = any(\(ids)) and not e.is_malformed and not coalesce(p.is_dead, false)
                and not exists (select from done d where d.slot = e.slot and d.event_id = e.id)
            order by e.id
            """
        )
    }

    /// Ids that other instances accepted for these slots.
    func handedOver(to slots: [Int32]) async throws(PostgresError) -> [Int64] {
        var ids: [Int64] = []
        for row in try await database.query(handovers(to: slots)) { ids.append(try row.decode(Int64.self)) }
        return ids
    }

    /// Only of slots that are still owned: who was frozen and has lost one without knowing would dispatch such an event
    /// before older ones of its lane, which the new owner has.
    private func handovers(to slots: [Int32]) -> SQL {
        """
        select event_id from handover join slot using (slot)
        where slot = any(\(slots)) and slot.owner = \(instance) order by event_id
        """
    }

    /// Writes what became of events, in one round trip. Losing it only repeats a dispatch, so that it needs no flush to
    /// disk; dead letters must survive and get one.
    func record(_ completions: [Dispatcher.Completion]) async throws(PostgresError) {
        var done: (slots: [Int32], ids: [Int64]) = ([], [])
        var parked: [Dispatcher.Completion] = []
        for completion in completions {
            switch completion {
            case .done(let id, let slot):
                done.slots.append(slot)
                done.ids.append(id)
            case .dead(let id, let slot, _, _):
                done.slots.append(slot)
                done.ids.append(id)
                parked.append(completion)
            case .parked: parked.append(completion)
            }
        }
        var statements: [SQL] = []
        if parked.isEmpty { statements.append("set local synchronous_commit = off") }
        if !done.ids.isEmpty {
            statements.append(
                """
                insert into done (slot, event_id) select * from unnest(\(done.slots), \(done.ids)) as d(slot, id)
                order by slot, id on conflict do nothing
                """
            )
            statements.append("delete from parked where event_id = any(\(done.ids)) and not is_dead")
        }
        if !parked.isEmpty { statements.append(Self.park(parked)) }
        _ = try await database.pipeline(statements)
    }

    private static func park(_ completions: [Dispatcher.Completion]) -> SQL {
        var ids: [Int64] = []
        var slots: [Int32] = []
        var attempts: [Int32] = []
        var times: [Timestamp?] = []
        var errors: [String] = []
        for completion in completions {
            switch completion {
            case .parked(let id, let slot, let count, let at, let error):
                ids.append(id)
                slots.append(slot)
                attempts.append(Int32(count))
                times.append(at)
                errors.append(error)
            case .dead(let id, let slot, let count, let error):
                ids.append(id)
                slots.append(slot)
                attempts.append(Int32(count))
                times.append(nil)
                errors.append(error)
            case .done: continue
            }
        }
        return """
            insert into parked (event_id, slot, attempts, next_at, error, is_dead)
            select id, slot, attempts, next_at, error, next_at is null
            from unnest(\(ids), \(slots), \(attempts), \(times), \(errors)) as p(id, slot, attempts, next_at, error)
            order by id
            on conflict (event_id) do update
            set attempts = excluded.attempts, next_at = excluded.next_at, error = excluded.error,
                is_dead = excluded.is_dead, at = now()
            """
    }

    private func decode(_ sql: SQL) async throws(PostgresError) -> [Waiting] {
        var waiting: [Waiting] = []
        for row in try await database.query(sql) {
            let (id, source, kind, bot, updateID, token, lane, at, trace, body, slot, attempts, nextAt) =
                try row.decode(
                    Int64.self,
                    String.self,
                    String.self,
                    String?.self,
                    Int64?.self,
                    String?.self,
                    String.self,
                    Timestamp.self,
                    String?.self,
                    [UInt8].self,
                    Int32.self,
                    Int32.self,
                    Timestamp?.self
                )
            guard let source = EventSource(rawValue: source) else { continue }
            let event = Event(
                id: id,
                source: source,
                kind: kind,
                bot: bot,
                updateID: updateID,
                token: token,
                lane: lane,
                receivedAt: at,
                traceparent: trace,
                body: String(decoding: body, as: UTF8.self)
            )
            waiting.append(Waiting(event: event, slot: slot, attempts: Int(attempts), nextAt: nextAt))
        }
        return waiting
    }
}
