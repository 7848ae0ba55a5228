internal import Contracts
internal import Postgres
internal import Time

/// What the operator asks about stored events.
struct EventQueries: Sendable {
    let database: Database

    /// Newest first. Reads the partitions backwards by their primary key.
    func list(_ filter: ListEvents.Parameters) async throws(PostgresError) -> [EventRecord] {
        let rows = try await database.query(
            """
            select id, source, kind, lane, state, attempts, at, error from (
                select e.id, e.source, e.kind, e.lane, e.at, coalesce(p.attempts, 0) as attempts, p.error,
                    case when e.is_malformed then 'malformed' when p.is_dead then 'dead'
                        when p.event_id is not null then 'parked'
                        when d.event_id is null and h.event_id is not null then 'waiting'
                        when e.id <= s.low_id or d.event_id is not null then 'done' else 'waiting' end as state
                from event e join slot s using (slot) left join parked p on p.event_id = e.id
                    left join done d on d.slot = e.slot and d.event_id = e.id
                    left join handover h on h.slot = e.slot and h.event_id = e.id
                where e.id < \(filter.before ?? .max)
                    and (\(filter.source?.rawValue)::text is null or e.source = \(filter.source?.rawValue))
                    and (\(filter.lane)::text is null or e.lane = \(filter.lane))
            ) as event
            where \(filter.state?.rawValue)::text is null or state = \(filter.state?.rawValue)
            order by id desc limit \(Int64(min(max(filter.limit ?? 50, 1), 500)))
            """
        )
        var records: [EventRecord] = []
        for row in rows { records.append(try Self.record(row)) }
        return records
    }

    /// Makes a dead letter an ordinary waiting event again.
    ///
    /// - Returns: Its record and slot, nil if there is no such dead letter.
    func revive(_ id: Int64) async throws(PostgresError) -> EventRecord? {
        let results = try await database.pipeline([
            "delete from done where event_id = \(id) and exists (select from parked where event_id = \(id) and is_dead)",
            """
            with revived as (delete from parked where event_id = \(id) and is_dead returning event_id)
            select e.id, e.source, e.kind, e.lane, 'waiting', 0, e.at, null::text
            from event e join revived on revived.event_id = e.id
            """,
            """
            insert into handover (slot, event_id) select slot, id from event where id = \(id)
            on conflict do nothing
            """,
        ])
        guard let row = results[1].first else { return nil }
        return try Self.record(row)
    }

    private static func record(_ row: Row) throws(PostgresError) -> EventRecord {
        let (id, source, kind, lane, state, attempts, at, error) = try row.decode(
            Int64.self,
            String.self,
            String.self,
            String.self,
            String.self,
            Int32.self,
            Timestamp.self,
            String?.self
        )
        return EventRecord(
            id: id,
            source: EventSource(rawValue: source) ?? .telegram,
            kind: kind,
            lane: lane,
            state: EventState(rawValue: state) ?? .waiting,
            attempts: Int(attempts),
            receivedAt: at,
            error: error
        )
    }
}
