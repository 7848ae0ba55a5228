import Postgres
import Time

/// The hash chain over the entries.
struct SealStore: Sendable {
    struct Head: Sendable, Equatable {
        /// 0 before the first seal.
        var number: Int64
        var lastEntry: Int64
        var hash: [UInt8]

        static let none = Head(number: 0, lastEntry: 0, hash: [UInt8](repeating: 0, count: 32))
    }

    /// The most entries that one seal covers.
    static let maximumEntries: Int64 = 10_000

    /// What every batch does before it takes ids: it shares the fence until its commit.
    static let shareFence: SQL = "select pg_advisory_xact_lock_shared(hashtext('ledger fence'))"

    let database: Database

    /// The newest seal.
    func head(deadline: Deadline) async throws(PostgresError) -> Head {
        let rows = try await database.query(
            "select number, last_entry, hash from seal order by number desc limit 1",
            deadline: deadline
        )
        guard let row = rows.first else { return .none }
        let (number, lastEntry, hash) = try row.decode(Int64.self, Int64.self, [UInt8].self)
        return Head(number: number, lastEntry: lastEntry, hash: hash)
    }

    /// Adds a seal over what was committed after the head.
    ///
    /// Ids are given out before they are committed, so the highest visible id says nothing. Whoever has the fence alone
    /// knows that every batch with an id up to the sequence's last value is over; it is let go at once.
    ///
    /// - Returns: The new head; nil if there was nothing to cover.
    /// - Throws: `.uniqueViolation` if another instance was faster.
    func extend(_ head: Head, deadline: Deadline) async throws(PostgresError) -> Head? {
        let next: SQL = """
            select max(id) from (
                select id from entry where id > \(head.lastEntry) order by id limit \(Self.maximumEntries)
            ) as next
            """
        let waiting = try await database.query(next, deadline: deadline)
        guard let highest = try waiting[0].decode(Int64?.self) else { return nil }
        let alone: SQL = "select pg_advisory_xact_lock(hashtext('ledger fence'))"
        let fenced = try await database.pipeline([alone, "select last_value from entry_id_seq"], deadline: deadline)
        let boundary = min(highest, try fenced[1][0].decode(Int64.self))
        let number = head.number + 1
        let insert: SQL = """
            insert into seal (number, last_entry, previous, hash)
            values (\(number), \(boundary), \(head.hash), seal_hash(\(head.hash), \(head.lastEntry), \(boundary)))
            returning hash
            """
        let sealed = try await database.query(insert, deadline: deadline)
        return Head(number: number, lastEntry: boundary, hash: try sealed[0].decode([UInt8].self))
    }

    /// Seals that do not continue the one before or no longer match their entries: none, ever.
    static let countBroken: SQL = """
        select count(*) from (
            select seal_hash(previous, lag(last_entry, 1, 0::int8) over chain, last_entry) <> hash
                or previous <> lag(hash, 1, decode(repeat('00', 32), 'hex')) over chain
                or number <> row_number() over chain as is_broken
            from seal window chain as (order by number)
        ) as link where is_broken
        """
}
