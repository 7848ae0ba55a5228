import Contracts
import Jobs
import Postgres
import Time

/// What every batch reads.
extension LedgerStore {
    /// Shares the sealer's fence until COMMIT, before any id is taken, and settles how the transaction's statements run:
    /// each finds its rows by index, one after the other. Left to itself the planner, which knows nothing about a table that
    /// grows fast, takes hash joins over all of it, makes hash tables for as many groups as it fears, or plans the same
    /// statement anew each time (docs/adr/0085). Rows are looked up in lateral queries with `offset 0`, which it can't turn
    /// round: a plan made while a table was empty would read all of it for each batch later on.
    static let openBatch: SQL = """
        select pg_advisory_xact_lock_shared(hashtext('ledger fence')), set_config('enable_seqscan', 'off', true),
            set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
            set_config('enable_hashagg', 'off', true), set_config('enable_bitmapscan', 'off', true),
            set_config('plan_cache_mode', 'force_generic_plan', true)
        """

    /// Makes accounts lockable that nobody has touched yet. To look first is cheaper than to run into conflicts.
    static func createAccounts(_ ids: [Int64]) -> SQL {
        """
        insert into account (id) select id from unnest(\(ids)) as wanted(id)
        where (select true from account where account.id = wanted.id) is null order by id on conflict do nothing
        """
    }

    static func lockAccounts(_ ids: [Int64]) -> FactsRead {
        FactsRead(
            """
            select id, paid, bonus, held, is_frozen, swept, spent, spent_day from account where id = any(\(ids))
            order by id for no key update
            """
        ) { rows, facts in
            for row in rows {
                let (id, paid, bonus, held, isFrozen, swept, spent, spentDay) = try row.decode(
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Bool.self,
                    Timestamp.self,
                    Int64.self,
                    Int64.self
                )
                facts.accounts[id] = AccountFacts(
                    paid: paid,
                    bonus: bonus,
                    held: held,
                    isFrozen: isFrozen,
                    swept: swept,
                    spent: spent,
                    spentDay: spentDay
                )
            }
        }
    }

    /// The holds of `account` that have ended since its last sweep by their time alone, and what each still held.
    ///
    /// An extended hold is found by its last extension only, so that each comes once without a `union`, whose hash table
    /// is as large as the planner's idea of an account's holds. An end is looked for before a hold, not the other way
    /// round: `offset 0` keeps the planner from reading all holds that a busy account has ever had.
    static let expiredHolds: StaticString = """
        select due.id, due.amount - coalesce((
                select sum(hold_part.amount) from hold_part
                where hold_part.account = account.id and hold_part.hold_id = due.id
            ), 0)::int8 as amount
        from (
            select hold.id, hold.amount from hold
            where hold.account = account.id and hold.expires_at > account.swept
                and hold.expires_at <= statement_timestamp() and hold.amount >= 0
                and not exists (
                    select from hold_extension as other where other.account = hold.account
                        and other.hold_id = hold.id and other.expires_at > account.swept
                        and other.expires_at <= statement_timestamp())
            union all
            select extended.id, extended.amount
            from hold_extension as extension cross join lateral (
                select hold.id, hold.amount from hold
                where hold.account = extension.account and hold.id = extension.hold_id offset 0
            ) as extended
            where extension.account = account.id and extension.expires_at > account.swept
                and extension.expires_at <= statement_timestamp()
                and not exists (
                    select from hold_extension as later where later.account = extension.account
                        and later.hold_id = extension.hold_id and later.expires_at > extension.expires_at)
        ) as due
        where not exists (
                select from hold_end where hold_end.account = account.id and hold_end.hold_id = due.id)
            and not exists (
                select from hold_extension as later where later.account = account.id
                    and later.hold_id = due.id and later.expires_at > statement_timestamp())
        """

    /// A row for each account even if none of its holds has expired, since all rows tell the time. Uses `hold_expiring`
    /// and `hold_extension_expiry`; the statement's time is stable, so the indexes can be searched with it.
    static func selectExpired(_ ids: [Int64]) -> FactsRead {
        FactsRead(
            """
            select statement_timestamp(), account.id, expired.id, expired.amount
            from account left join lateral (\(unsafe: Self.expiredHolds)) as expired on true
            where account.id = any(\(ids))
            """
        ) { rows, facts in
            for row in rows {
                let (now, account, hold, amount) = try row.decode(
                    Timestamp.self,
                    Int64.self,
                    HoldID?.self,
                    Int64?.self
                )
                facts.now = now
                if let hold, let amount {
                    facts.expired.append(ExpiredHold(key: HoldKey(userID: account, id: hold), amount: amount))
                }
            }
        }
    }

    static func selectOperations(_ keys: [OperationKey]) -> FactsRead {
        let callers = keys.map(\.caller)
        let texts = keys.map(\.key)
        return FactsRead(
            """
            select operation.caller, operation.key, fingerprint, kind, verdict, answer
            from unnest(\(callers), \(texts)) as wanted(caller, key) cross join lateral (
                select * from operation where operation.caller = wanted.caller and operation.key = wanted.key offset 0
            ) as operation
            """
        ) { rows, facts in
            for row in rows {
                let (caller, key, fingerprint, kind, verdict, answer) = try row.decode(
                    String.self,
                    String.self,
                    [UInt8].self,
                    String.self,
                    String.self,
                    [UInt8].self
                )
                facts.operations[OperationKey(caller: caller, key: key)] = StoredOperation(
                    fingerprint: fingerprint,
                    answer: try LedgerAnswer(kind: kind, verdict: verdict, stored: answer)
                )
            }
        }
    }

    /// Holds with their latest end and what their parts have taken so far.
    static func selectHolds(_ keys: [HoldKey]) -> FactsRead {
        let accounts = keys.map(\.userID)
        let ids = keys.map(\.id)
        return FactsRead(
            """
            select wanted.account, wanted.id, hold.amount, greatest(hold.expires_at, (
                    select max(hold_extension.expires_at) from hold_extension
                    where hold_extension.account = wanted.account and hold_extension.hold_id = wanted.id
                )), hold_end.how, hold_end.charged, parts.amount, parts.charged
            from unnest(\(accounts), \(ids)) as wanted(account, id)
            left join lateral (
                select * from hold where hold.account = wanted.account and hold.id = wanted.id offset 0
            ) as hold on true
            left join lateral (
                select * from hold_end where hold_end.account = wanted.account and hold_end.hold_id = wanted.id offset 0
            ) as hold_end on true
            left join lateral (
                select sum(hold_part.amount)::int8 as amount, sum(hold_part.charged)::int8 as charged from hold_part
                where hold_part.account = wanted.account and hold_part.hold_id = wanted.id
            ) as parts on true
            where hold.id is not null or hold_end.hold_id is not null
            """
        ) { rows, facts in
            for row in rows {
                let (account, id, amount, expiresAt, how, charged, settled, partlyCharged) = try row.decode(
                    Int64.self,
                    HoldID.self,
                    Int64?.self,
                    Timestamp?.self,
                    String?.self,
                    Int64?.self,
                    Int64?.self,
                    Int64?.self
                )
                var hold = HoldFacts(settled: settled ?? 0, partlyCharged: partlyCharged ?? 0)
                if let amount, let expiresAt {
                    hold.placed = HoldFacts.Placed(amount: amount, expiresAt: expiresAt)
                }
                if let how = how.flatMap(HoldEnd.init(rawValue:)) {
                    hold.end = HoldFacts.End(how: how, charged: charged ?? 0)
                }
                facts.holds[HoldKey(userID: account, id: id)] = hold
            }
        }
    }

    /// Numbers for new operations.
    static func takeIDs(_ count: Int) -> FactsRead {
        FactsRead("select nextval('operation_id') from generate_series(1, \(count)::int8)") { rows, facts in
            facts.operationIDs = try rows.map { try $0.decode(Int64.self) }
        }
    }
}
