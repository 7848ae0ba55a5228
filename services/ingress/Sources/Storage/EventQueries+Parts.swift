internal import Contracts

// Parts of the statements of `EventQueries`.

extension EventQueries {
    /// Where an event `e` stands.
    static let state: StaticString = """
        case when e.is_malformed then 'malformed' when p.is_dead then 'dead' when p.is_revived then 'waiting'
            when p.event_id is not null then 'parked' when e.id <= s.low_id and e.id <> all (s.open) then 'done'
            when exists (select from done_event d where d.event_id = e.id) then 'done' else 'waiting' end as state
        """

    static let joins: StaticString = """
        left join slot s on s.slot = e.slot left join parked p on p.event_id = e.id
        """

    /// The rows that a page looks at. Each `part` is a run of ids along one index, cut off after `scan` rows.
    static func source(_ state: EventState?) -> StaticString {
        switch state {
        case .dead: dead
        case .parked: parked
        case .malformed: malformed
        case .waiting: waiting
        case .done, nil: all
        }
    }

    /// Backwards along the primary key.
    private static let all: StaticString = """
        select 0 as part, e.id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed from event e
        where e.id < (select before from asked) and e.id > (select after from asked)
        order by e.id desc limit (select scan from asked)
        """

    /// Along `event_malformed`.
    private static let malformed: StaticString = """
        select 0 as part, e.id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed from event e
        where e.is_malformed and e.id < (select before from asked) and e.id > (select after from asked)
        order by e.id desc limit (select scan from asked)
        """

    /// Above the lowest mark, what is open below it, and what was revived.
    private static let waiting: StaticString = """
        (select 0 as part, e.id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed from event e
        where e.id < (select before from asked)
            and e.id > (select greatest(after, (select min(low_id) from slot)) from asked)
        order by e.id desc limit (select scan from asked))
        union all
        (select 1 as part, w.id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed
        from (select id from (
                select unnest(open) as id from slot union select event_id from parked where is_revived) as below
            where id < (select before from asked) and id > (select after from asked)
                and id <= (select min(low_id) from slot)
            order by id desc limit (select scan from asked)) as w
        left join event e on e.id = w.id)
        """

    /// Along `parked_dead`. A dead letter whose event has left with its partition is found and left out.
    private static let dead: StaticString = """
        select 0 as part, p.event_id as id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed
        from (select event_id from parked where is_dead and event_id < (select before from asked)
                and event_id > (select after from asked)
            order by event_id desc limit (select scan from asked)) as p
        left join event e on e.id = p.event_id
        """

    /// Along the primary key of `parked`.
    private static let parked: StaticString = """
        select 0 as part, p.event_id as id, e.at, e.source, e.kind, e.lane, e.slot, e.is_malformed
        from (select event_id from parked where not is_dead and not is_revived and event_id < (select before from asked)
                and event_id > (select after from asked)
            order by event_id desc limit (select scan from asked)) as p
        left join event e on e.id = p.event_id
        """
}
