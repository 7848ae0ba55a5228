internal import Postgres
internal import Time

// What became of events, written in batches.

extension EventStore {
    /// Writes what became of events, in one round trip. Losing it only repeats a dispatch, so that it needs no flush to
    /// disk; dead letters must survive and get one.
    func record(_ completions: [Dispatcher.Completion]) async throws(PostgresError) {
        var done: [Int64] = []
        var parked: [Dispatcher.Completion] = []
        var hasParked = false
        for completion in completions {
            switch completion {
            case .done(let id, _, let wasParked):
                done.append(id)
                hasParked = hasParked || wasParked
            case .parked, .dead: parked.append(completion)
            }
        }
        var statements: [SQL] = []
        if parked.isEmpty { statements.append("set local synchronous_commit = off") }
        if !parked.isEmpty { statements.append(park(parked)) }
        if !done.isEmpty {
            statements.append("insert into done (half, ids) select active, \(done) from half where name = 'done'")
        }
        // The last one: what was parked and then handled before it was written is parked no more.
        if hasParked { statements.append("delete from parked where event_id = any(\(done)) and not is_dead") }
        _ = try await database.pipeline(statements)
    }

    /// Writes tries that failed, and that dead letters are handled. Only in slots that are still owned: who was frozen and has
    /// lost one would park what the new owner has handled.
    private func park(_ completions: [Dispatcher.Completion]) -> SQL {
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
        // One event may have been parked more than once since the last write: the last one counts. A slot that is looked at
        // is not taken over until this is committed, so that its new owner sees it.
        return """
            with owned as materialized (
                select slot from slot where owner = \(instance) and slot = any(\(Array(Set(slots)))) for share
            ), written as (
                insert into parked (event_id, slot, attempts, next_at, error, is_dead)
                select distinct on (id) id, slot, attempts, next_at, error, next_at is null
                from unnest(\(ids), \(slots), \(attempts), \(times), \(errors))
                    with ordinality as p(id, slot, attempts, next_at, error, place)
                where slot in (select slot from owned)
                order by id, place desc
                on conflict (event_id) do update
                set attempts = excluded.attempts, next_at = excluded.next_at, error = excluded.error,
                    is_dead = excluded.is_dead, is_revived = false, at = now()
                returning event_id, is_dead
            )
            insert into done (half, ids)
            select active, array(select event_id from written where is_dead) from half
            where name = 'done' and exists (select from written where is_dead)
            """
    }
}
