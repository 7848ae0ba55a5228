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
        let (before, mine, handed) = try row.decode(Int64?.self, [Int32].self, [Int64].self)
        guard let before else { return nil }
        var accepted = Accepted(stored: [], mine: Set(mine), handed: handed)
        accepted.stored.reserveCapacity(places.count)
        for (index, place) in places.enumerated() { accepted.stored.append((place, before + Int64(index) + 1)) }
        return accepted
    }

    /// Like `insertUpdates` without its looks for repeats and for slots of others: a key that is there is an error, and without
    /// the slots nothing is inserted. Arrays are unnested side by side in the lists of what is selected, which builds no tables
    /// of them on the way; even the places are an array, since the planner, which takes any array for a short one, would plan a series
    /// of a given length anew each time.
    private func insertNewUpdates(_ batch: [Arrival], _ places: [Int], _ floor: Int64) -> SQL {
        """
        with mine as materialized (
            select slots, \(places.map { batch[$0].bot }) as bots, \(places.map { batch[$0].updateID }) as updates,
                \(Array(1...Int64(places.count))) as places,
                case when \(Self.slots(of: batch, places)) <@ slots
                    then nextval('event_id_seq') - \(Self.idBlock) end as before
            from (
                select array(select slot from slot where owner = \(instance) and lease_until > clock_timestamp()) as slots
            ) as owned
        ), keys as (
            insert into seen_update (bot, update_id, event_id)
            select unnest(bots), unnest(updates), before + unnest(places)
            from mine where before is not null
        ), stored as (
            insert into event (id, at, source, kind, bot, update_id, lane, slot, traceparent, body)
            select before + unnest(places), unnest(\(places.map { batch[$0].receivedAt })), 'telegram',
                unnest(\(places.map { batch[$0].kind })), unnest(bots), unnest(updates),
                unnest(\(places.map { batch[$0].lane })), unnest(\(places.map { batch[$0].slot })),
                unnest(\(places.map { batch[$0].traceparent })), unnest(\(places.map { batch[$0].body }))
            from mine where before is not null
        )
        select before, slots,
            array(
                select event_id from handover where event_id > \(floor) and slot = any (slots)
                order by event_id)
        from mine
        """
    }
}
