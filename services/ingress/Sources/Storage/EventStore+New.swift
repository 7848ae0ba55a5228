internal import Contracts
internal import Postgres

// The cheaper way of a flight that holds no repeats (ADR 0072).

extension EventStore {
    /// Stores updates that nobody has stored and that are for this instance's slots; nil, with nothing stored, if one is not.
    ///
    /// - Parameter sorted: Places in the order of their keys.
    func acceptNew(
        _ batch: [Arrival],
        _ sorted: [Int],
        _ floor: Int64
    ) async throws(PostgresError) -> Accepted? {
        // A repeat within the batch follows the first one.
        var places: [Int] = []
        places.reserveCapacity(sorted.count)
        for place in sorted where places.last.map({ batch[$0].dedup != batch[place].dedup }) ?? true {
            places.append(place)
        }
        let rows: [Row]
        do {
            rows = try await database.together([Self.lockFence, insertNewUpdates(batch, places, floor)])[1]
        } catch {
            guard case .uniqueViolation = error.code else { throw error }
            return nil
        }
        guard let row = rows.first else { return nil }
        let (ids, mine, handed, work) = try row.decode([Int64]?.self, [Int32].self, [Int64].self, Double.self)
        guard let ids, ids.count == places.count else { return nil }
        return Accepted(
            // Ids were given in the order of the keys.
            stored: Array(zip(places, ids.sorted())),
            mine: Set(mine),
            handed: handed,
            workSeconds: work
        )
    }

    /// Like `insertUpdates` without its looks for repeats and for slots of others: a key that is there is an error, and without
    /// the slots nothing is inserted.
    private func insertNewUpdates(_ batch: [Arrival], _ places: [Int], _ floor: Int64) -> SQL {
        """
        with mine as materialized (
            select slots, \(Array(Set(places.map { batch[$0].slot }))) <@ slots as is_whole from (
                select array(select slot from slot where owner = \(instance) and lease_until > clock_timestamp()) as slots
            ) as owned
        ), input as materialized (
            select nextval('event_id_seq') as id, i.*
            from unnest(
                \(places.map { batch[$0].kind }), \(places.map { batch[$0].bot }), \(places.map { batch[$0].updateID }),
                \(places.map { batch[$0].lane }), \(places.map { batch[$0].slot }),
                \(places.map { batch[$0].traceparent }), \(places.map { batch[$0].receivedAt }),
                \(places.map { batch[$0].body })) as i(kind, bot, update_id, lane, slot, traceparent, at, body)
            where (select is_whole from mine)
        ), keys as (
            insert into seen_update (bot, update_id, event_id) select bot, update_id, id from input
        ), stored as (
            insert into event (id, at, source, kind, bot, update_id, lane, slot, traceparent, body)
            select id, at, 'telegram', kind, bot, update_id, lane, slot, traceparent, body from input
        )
        select array_agg(id), (select slots from mine),
            array(
                select event_id from handover where event_id > \(floor) and slot = any ((select slots from mine)::integer[])
                order by event_id),
            extract(epoch from clock_timestamp() - statement_timestamp())::double precision
        from input
        """
    }
}
