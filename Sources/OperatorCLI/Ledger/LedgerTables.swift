internal import Postgres

/// Compares the tables beside the entries: accounts, holds, refunds, credits, freezes.
struct LedgerTables {
    private static let accountsAtOnce: Int64 = 10_000

    let transaction: Transaction

    func findings(accounts: [Int64: LedgerWalk.Sums]) async throws -> [LedgerFinding] {
        var findings = try await compare(accounts)
        for (table, sql) in Self.rules {
            for row in try await transaction.query(sql) {
                let (name, reason) = try row.decode(String.self, String.self)
                findings.append(.rowWrong(table: table, row: name, reason: reason))
            }
        }
        return findings
    }

    /// Stored sums against those of the entries and of the open holds.
    private func compare(_ computed: [Int64: LedgerWalk.Sums]) async throws -> [LedgerFinding] {
        var findings: [LedgerFinding] = []
        var unseen = Set(computed.keys)
        var after: Int64 = 0
        while true {
            let rows = try await transaction.query(Self.accounts(after))
            for row in rows {
                let (id, paid, bonus, held, reserved) = try row.decode(
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Int64.self
                )
                let sums = computed[id] ?? LedgerWalk.Sums()
                for (what, stored, computed) in [
                    ("posted", paid + bonus, sums.posted), ("bonus", bonus, sums.bonus), ("held", held, reserved),
                ] where stored != computed {
                    findings.append(.accountWrong(id, what: what, stored: stored, computed: computed))
                }
                unseen.remove(id)
                after = id
            }
            if rows.isEmpty { break }
        }
        for id in unseen.sorted() {
            findings.append(.rowWrong(table: "account", row: "\(id)", reason: "is missing, but has entries"))
        }
        return findings
    }

    private static func accounts(_ after: Int64) -> SQL {
        """
        select account.id, paid, bonus, held, coalesce((
            select sum(amount - settled) from open_hold where open_hold.account = account.id and amount >= 0
        ), 0)::int8
        from account where account.id > \(after) order by account.id limit \(accountsAtOnce)
        """
    }

    /// Each selects the rows that break a rule, and why.
    private static let rules: [(String, SQL)] = [
        (
            "hold",
            """
            select hold.account || ' ' || hold.id, 'more was charged or settled than it holds'
            from hold
            left join hold_end on hold_end.account = hold.account and hold_end.hold_id = hold.id
            left join (
                select account, hold_id, sum(amount) as amount from hold_part group by account, hold_id
            ) as parts on parts.account = hold.account and parts.hold_id = hold.id
            where coalesce(hold_end.charged, 0) + coalesce(parts.amount, 0) > hold.amount
            """
        ),
        (
            "open_hold",
            """
            select coalesce(open.account, written.account) || ' ' || coalesce(open.hold_id, written.id),
                case when open.hold_id is null then 'is missing, but its hold was not ended'
                    when written.id is null then 'is open, but has no hold or was ended'
                    else 'is not what was written about its hold' end
            from open_hold as open
            full join (
                select hold.id, hold.account, hold.amount, greatest(hold.expires_at, extended.expires_at) as expires_at,
                    coalesce(parts.amount, 0) as settled, coalesce(parts.charged, 0) as charged
                from hold
                left join (
                    select account, hold_id, max(expires_at) as expires_at from hold_extension group by account, hold_id
                ) as extended on extended.account = hold.account and extended.hold_id = hold.id
                left join (
                    select account, hold_id, sum(amount) as amount, sum(charged) as charged from hold_part
                    group by account, hold_id
                ) as parts on parts.account = hold.account and parts.hold_id = hold.id
                where not exists (
                    select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
            ) as written on written.id = open.hold_id and written.account = open.account
            where (open.amount, open.settled, open.charged, open.expires_at)
                is distinct from (written.amount, written.settled, written.charged, written.expires_at)
            """
        ),
        (
            "hold_end",
            """
            select hold_end.account || ' ' || hold_end.hold_id, 'its charge is not what its entry says'
            from hold_end
            left join entry on entry.transfer = hold_end.operation and entry.account = hold_end.account
                and entry.kind = 'charge' and entry.part is null
            where hold_end.charged <> coalesce(-entry.amount, 0)
            """
        ),
        (
            "hold_part",
            """
            select hold_part.account || ' ' || hold_part.hold_id || ' ' || hold_part.part,
                'its charge is not what its entry says'
            from hold_part
            left join entry on entry.transfer = hold_part.operation and entry.account = hold_part.account
                and entry.kind = 'charge' and entry.part = hold_part.part
            where hold_part.charged <> coalesce(-entry.amount, 0)
            """
        ),
        (
            "refund",
            """
            select account || ' ' || of_transfer, 'more was refunded than was moved'
            from (
                select refund.account, of_transfer, sum(paid) as paid, sum(bonus) as bonus from refund group by 1, 2
            ) as given
            left join lateral (
                select sum(abs(amount - bonus_amount)) as paid, sum(abs(bonus_amount)) as bonus from entry
                where transfer = given.of_transfer and entry.account = given.account
            ) as moved on true
            where moved.paid is null or given.paid > moved.paid or given.bonus > moved.bonus
            """
        ),
        (
            "credit",
            """
            select credit.source || ' ' || credit.reference, 'has no entry of its amount'
            from credit where not exists (
                select from operation
                join entry on entry.transfer = operation.id and entry.account = credit.account
                    and entry.amount = credit.amount
                where operation.caller = credit.caller and operation.key = credit.key)
            """
        ),
        (
            "account_freeze",
            """
            select account.id::text, 'the account is not as its last freeze says'
            from account
            join lateral (
                select is_frozen from account_freeze where account_freeze.account = account.id
                order by operation desc limit 1
            ) as last on last.is_frozen <> account.is_frozen
            """
        ),
    ]
}
