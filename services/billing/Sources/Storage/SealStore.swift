import Postgres
import Time

/// The hash chain over the entries.
struct SealStore: Sendable {
    struct Head: Sendable, Equatable {
        /// 0 before the first seal.
        var number: Int64
        var lastEntry: Int64
        var hash: [UInt8]
        /// False after a seal of the release before, which kept no sums: the next one adds up everything once.
        var hasSums = true
        /// How old its oldest entry was when it was sealed; zero for one that was read.
        var lag: Duration = .zero

        static let none = Head(number: 0, lastEntry: 0, hash: [UInt8](repeating: 0, count: 32))
    }

    /// The most entries that one seal covers.
    static let maximumEntries: Int64 = 10_000
    /// How long the first seal after those of the release before may take to sum what they cover.
    private static let summingLimit = Duration.seconds(900)

    let database: Database

    /// The newest seal.
    func head(deadline: Deadline) async throws(PostgresError) -> Head {
        let rows = try await database.query(
            "select number, last_entry, hash, sums is not null from seal order by number desc limit 1",
            deadline: deadline
        )
        guard let row = rows.first else { return .none }
        let (number, lastEntry, hash, hasSums) = try row.decode(Int64.self, Int64.self, [UInt8].self, Bool.self)
        return Head(number: number, lastEntry: lastEntry, hash: hash, hasSums: hasSums)
    }

    /// Adds a seal over what was committed after the head.
    ///
    /// Ids are given out before they are committed, so the highest visible id says nothing. Whoever has the fence alone
    /// knows that every batch with an id up to the sequence's last value is over; it is let go at once.
    ///
    /// - Returns: The new head; nil if there was nothing to cover.
    /// - Throws: `.uniqueViolation` if another instance was faster.
    func extend(_ head: Head, deadline: Deadline) async throws -> Head? {
        let next: SQL = """
            select max(id), min(at) from (
                select id, at from entry where id > \(head.lastEntry) order by id limit \(Self.maximumEntries)
            ) as next
            """
        let waiting = try await database.query(next, deadline: deadline)
        guard case (let highest?, let oldest?) = try waiting[0].decode(Int64?.self, Timestamp?.self) else { return nil }
        let alone: SQL = "select pg_advisory_xact_lock(hashtext('ledger fence'))"
        let fenced = try await database.pipeline([alone, "select last_value from entry_id_seq"], deadline: deadline)
        let boundary = min(highest, try fenced[1][0].decode(Int64.self))
        let number = head.number + 1
        let insert = Self.insert(number, after: head, boundary)
        let sealed =
            head.hasSums
            ? try await database.query(insert, deadline: deadline) : try await summingAll(insert)
        let (hash, at) = try sealed[0].decode([UInt8].self, Timestamp.self)
        return Head(number: number, lastEntry: boundary, hash: hash, lag: at - oldest)
    }

    /// Reads the whole ledger, which no other statement of the service has time for.
    private func summingAll(_ insert: SQL) async throws -> [Row] {
        var options = TransactionOptions(deadline: .after(Self.summingLimit))
        options.statementTimeout = Self.summingLimit
        return try await database.transaction(options) { try await $0.query(insert) }
    }

    /// The sums continue those of the seal before; after one without sums they start from the first entry.
    private static func insert(_ number: Int64, after head: Head, _ boundary: Int64) -> SQL {
        """
        insert into seal (number, last_entry, previous, hash, version, digests, sums)
        select \(number), \(boundary), \(head.hash), block.hash, 2, block.digests, (
            select array_agg(coalesce(base.sum, 0) + added.sum order by added.slot)
            from unnest(entry_sums(start.after_entry, \(boundary))) with ordinality as added(sum, slot)
            left join unnest(start.sums) with ordinality as base(sum, slot) using (slot)
        )
        from seal_block(\(head.hash), \(head.lastEntry), \(boundary)) as block,
            (
                select coalesce(max(last_entry), 0) as after_entry, max(sums) as sums from seal
                where number = \(head.number) and sums is not null
            ) as start
        returning hash, at
        """
    }

    /// Seals after `number` that do not continue the one before or no longer match their entries: none, ever. Looks at
    /// seals over at most `entries` entries, or at one. The second column is the last seal that was looked at, 0 at the end.
    static func countBroken(after number: Int64, entries: Int64) -> SQL {
        """
        select count(*) filter (where is_broken), coalesce(nullif(max(number), (select max(number) from seal)), 0)::int8
        from (
            select link.number, link.previous <> coalesce(before.hash, decode(repeat('00', 32), 'hex'))
                or link.number <> 1 and before.number is null
                or link.hash <> case link.version
                    when 1 then seal_hash(link.previous, coalesce(before.last_entry, 0), link.last_entry)
                    else (seal_block(link.previous, coalesce(before.last_entry, 0), link.last_entry)).hash
                end as is_broken
            from (
                select * from seal where number = \(number + 1) or number > \(number) and last_entry - \(entries) <= coalesce((
                    select last_entry from seal where number = \(number)
                ), 0)
            ) as link
            left join seal as before on before.number = link.number - 1
        ) as links
        """
    }
}
