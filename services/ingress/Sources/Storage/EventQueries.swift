internal import Contracts
internal import Foundation
internal import Postgres
internal import Time

/// What the operator asks about stored events.
///
/// No index serves these questions alone, since each would slow every webhook down. A page looks at `scan` rows at most,
/// newest first, along the indexes that dispatch needs anyway, and says where the next one goes on.
struct EventQueries: Sendable {
    /// A page, and where the next one begins; nil if nothing is left.
    struct Page: Sendable, Equatable {
        var events: [EventRecord]
        var nextBefore: Int64?
    }

    /// Rows that a page looks at: some 20 ms of work, and four million of them are two hundred pages.
    static let scan: Int64 = 20_000
    /// Ids follow the arrivals but for the time that one waits for its commit.
    private static let skew = Duration.seconds(60)

    let database: Database
    var scan = Self.scan

    func page(
        _ filter: EventFilter,
        state: EventState?,
        before: Int64?,
        limit: Int
    ) async throws(PostgresError) -> Page {
        let range = try await idRange(filter, before: before)
        let rows = try await database.query(
            """
            with asked as materialized (
                select \(range.after)::int8 as after, \(range.before)::int8 as before, \(scan)::int8 as scan
            ), candidate as materialized (\(unsafe: Self.source(state))
            ), looked as (
                select coalesce(max(lowest), 0) as floor from (
                    select min(id) as lowest from candidate group by part
                    having count(*) >= (select scan from asked)) as full_part
            ), found as (
                select e.id, e.source, e.kind, e.lane, e.at, \(unsafe: Self.state), coalesce(p.attempts, 0) as attempts,
                    p.error
                from candidate e \(unsafe: Self.joins)
                where e.source is not null and e.id >= (select floor from looked)
                    and (\(filter.source?.rawValue)::text is null or e.source = \(filter.source?.rawValue))
                    and (\(filter.lanes)::text[] is null or e.lane = any(\(filter.lanes)))
                    and (\(filter.since)::timestamptz is null or e.at >= \(filter.since))
                    and (\(filter.until)::timestamptz is null or e.at < \(filter.until))
            )
            select floor, id, source, kind, lane, state, attempts, at, error
            from looked left join (
                select * from found where \(state?.rawValue)::text is null or state = \(state?.rawValue)
                order by id desc limit \(Int64(limit))) as page on true
            order by id desc
            """
        )
        var page = Page(events: [], nextBefore: nil)
        for row in rows {
            let floor: Int64 = try row.get("floor")
            page.nextBefore = floor > 0 ? floor : nil
            if let id: Int64 = try row.get("id") { page.events.append(try Self.record(row, id: id)) }
        }
        if page.events.count >= limit, let last = page.events.last { page.nextBefore = last.id }
        return page
    }

    /// One event; nil if none has this id. Uses the primary key.
    func event(_ id: Int64, withBody: Bool) async throws(PostgresError) -> GetEvent.Output? {
        let rows = try await database.query(
            """
            select e.id, e.source, e.kind, e.lane, e.at, \(unsafe: Self.state), coalesce(p.attempts, 0) as attempts,
                p.error, e.bot, e.update_id, e.traceparent, p.next_at, length(e.body)::int8 as bytes,
                case when \(withBody) then e.body end as body
            from event e \(unsafe: Self.joins)
            where e.id = \(id)
            """
        )
        guard let row = rows.first else { return nil }
        let body: [UInt8]? = try row.get("body")
        return GetEvent.Output(
            event: try Self.record(row, id: id),
            bot: try row.get("bot"),
            updateID: try row.get("update_id"),
            traceparent: try row.get("traceparent"),
            nextTryAt: try row.get("next_at"),
            bodyBytes: try row.get("bytes"),
            body: body.map { String(decoding: $0, as: UTF8.self) }
        )
    }

    /// How many dead letters there are. Uses `parked_dead`.
    func deadLetters() async throws(PostgresError) -> Int64 {
        let rows = try await database.query("select count(*) from parked where is_dead")
        return try rows.first?.decode(Int64.self) ?? 0
    }

    // MARK: - Times as ids

    /// The open range of ids within which all events of the filter's times lie.
    private func idRange(
        _ filter: EventFilter,
        before: Int64?
    ) async throws(PostgresError) -> (after: Int64, before: Int64) {
        var range = (after: Int64(0), before: before ?? .max)
        if let since = filter.since { range.after = try await firstID(from: since - Self.skew) - 1 }
        if let until = filter.until { range.before = min(range.before, try await firstID(from: until + Self.skew)) }
        return range
    }

    /// The smallest id of an event that arrived at `time` or later; one beyond the newest if there is none. Halves the
    /// range of ids some 30 times, each a look into the primary key.
    private func firstID(from time: Timestamp) async throws(PostgresError) -> Int64 {
        var low: Int64 = 1
        var high = (try await database.query("select last_value from event_id_seq").first?.decode(Int64.self) ?? 0) + 1
        while low < high {
            let middle = low + (high - low) / 2
            let row = try await database.query(
                "select id, at from event where id >= \(middle) order by id limit 1"
            ).first
            if let row {
                let (id, at) = try row.decode(Int64.self, Timestamp.self)
                if at < time { low = id + 1 } else { high = middle }
            } else {
                high = middle
            }
        }
        return low
    }

    private static func record(_ row: Row, id: Int64) throws(PostgresError) -> EventRecord {
        let source: String = try row.get("source")
        let state: String = try row.get("state")
        let attempts: Int32 = try row.get("attempts")
        return EventRecord(
            id: id,
            source: EventSource(rawValue: source) ?? .telegram,
            kind: try row.get("kind"),
            lane: try row.get("lane"),
            state: EventState(rawValue: state) ?? .waiting,
            attempts: Int(attempts),
            receivedAt: try row.get("at"),
            error: try row.get("error")
        )
    }
}
