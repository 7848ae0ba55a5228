internal import Contracts
internal import Postgres
internal import Time

/// Reads events back: after a takeover, when memory was full, and when others handed them over.
struct BacklogStore: Sendable {
    let database: Database
    /// The name under which this process owns slots.
    let instance: String

    /// Reads a consumer's events of some slots in the order of their ids, whether handled or not; the dispatcher knows those that are parked.
    func page(
        for consumer: Consumer,
        in slots: [Int32],
        after id: Int64,
        upTo boundary: Int64,
        limit: Int
    ) async throws(PostgresError) -> [StoredEvent] {
        try await decode(
            """
            select \(unsafe: Self.columns), 0, null::timestamptz from event e
            where e.id > \(id) and e.id <= \(boundary) and e.slot = any(\(slots)) and not e.is_malformed
                and case when e.source = 'kie' then 'generation' when e.lane like 'pay:%' then 'payments'
                    else 'conversation' end = \(consumer.rawValue)
            order by e.id limit \(Int64(limit))
            """
        )
    }

    /// Reads events that wait behind their slot's mark: those that are known to be open, and the parked ones.
    func open(_ ids: [Int64], in slots: [Int32]) async throws(PostgresError) -> [StoredEvent] {
        let done = try await done(above: (ids.min() ?? .max) - 1)
        return try await decode(
            """
            select \(unsafe: Self.columns), coalesce(p.attempts, 0), p.next_at
            from event e left join parked p on p.event_id = e.id
            where e.id = any(array(
                    select unnest(\(ids.filter { !done.contains($0) }))
                    union select event_id from parked where slot = any(\(slots)) and not is_dead))
                and not coalesce(p.is_dead, false) and not e.is_malformed
            order by e.id
            """
        )
    }

    /// Reads events by id, page by page: those that others handed over.
    func events(_ ids: [Int64]) async throws(PostgresError) -> [StoredEvent] {
        guard let lowest = ids.min() else { return [] }
        // A set of this process: PostgreSQL would go through the one for each of the other, and there may be as many of both
        // as arrive within a lease.
        let done = try await done(above: lowest - 1)
        var events: [StoredEvent] = []
        for start in stride(from: 0, to: ids.count, by: Self.pageEvents) {
            let page = Array(ids[start..<min(start + Self.pageEvents, ids.count)])
            events += try await decode(
                """
                select \(unsafe: Self.columns), coalesce(p.attempts, 0), p.next_at
                from event e left join parked p on p.event_id = e.id
                where e.id = any(\(page)) and not e.is_malformed and not coalesce(p.is_dead, false)
                order by e.id
                """
            ).filter { $0.nextAt != nil || !done.contains($0.event.id) }
        }
        return events
    }

    /// Reads dead letters that were revived. Uses `parked_revived`, which is nearly always empty.
    func revived(in slots: [Int32]) async throws(PostgresError) -> [StoredEvent] {
        try await decode(
            """
            select \(unsafe: Self.columns), p.attempts, p.next_at
            from parked p join event e on e.id = p.event_id
            where p.is_revived and p.slot = any(\(slots)) order by e.id limit 1000
            """
        )
    }

    /// Ids above a mark that other instances accepted for these slots. Only of slots that are still owned: who was frozen
    /// and has lost one without knowing would dispatch such an event before older ones of its lane, which the new owner has.
    func handedOver(to slots: [Int32], above floor: Int64) async throws(PostgresError) -> [Int64] {
        var ids: [Int64] = []
        for row in try await database.query(
            """
            select event_id from handover join slot using (slot)
            where event_id > \(floor) and slot = any(\(slots)) and slot.owner = \(instance) order by event_id
            """
        ) {
            ids.append(try row.decode(Int64.self))
        }
        return ids
    }

    /// Ids above a mark that are handled.
    func done(above id: Int64) async throws(PostgresError) -> Set<Int64> {
        let rows = try await database.query(
            "select array(select event_id from done_event where event_id > \(id))"
        )
        return Set(try rows[0].decode([Int64].self))
    }

    /// Events of a call of `events`.
    private static let pageEvents = 1_000
    private static let columns: StaticString =
        "e.id, e.source, e.kind, e.bot, e.update_id, e.token, e.lane, e.at, e.traceparent, e.body, e.slot"

    private func decode(_ sql: SQL) async throws(PostgresError) -> [StoredEvent] {
        var events: [StoredEvent] = []
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
            events.append(StoredEvent(event, slot: slot, attempts: Int(attempts), nextAt: nextAt))
        }
        return events
    }
}
