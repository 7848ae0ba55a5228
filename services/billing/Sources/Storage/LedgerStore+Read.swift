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
            select id, paid, bonus, held, is_frozen, spent, spent_day from account where id = any(\(ids))
            order by id for no key update
            """
        ) { rows, facts in
            for row in rows {
                let (id, paid, bonus, held, isFrozen, spent, spentDay) = try row.decode(
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    Bool.self,
                    Int64.self,
                    Int64.self
                )
                facts.accounts[id] = AccountFacts(
                    paid: paid,
                    bonus: bonus,
                    held: held,
                    isFrozen: isFrozen,
                    spent: spent,
                    spentDay: spentDay
                )
            }
        }
    }

    /// A row for each account even if none of its holds has expired, since all rows tell the time. Uses
    /// `open_hold_expiry`; the statement's time is stable, so the index can be searched with it.
    static func selectExpired(_ ids: [Int64]) -> FactsRead {
        FactsRead(
            """
            select statement_timestamp(), account.id, expired.hold_id, expired.amount
            from account left join lateral (
                select hold_id, amount - settled as amount from open_hold
                where open_hold.account = account.id and amount >= 0 and expires_at <= statement_timestamp() offset 0
            ) as expired on true
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

    /// Holds with their latest end and what their parts have taken so far: of those that are open one row, of those that
    /// have ended what was written about them.
    static func selectHolds(_ keys: [HoldKey]) -> FactsRead {
        let accounts = keys.map(\.userID)
        let ids = keys.map(\.id)
        return FactsRead(
            """
            select wanted.account, wanted.id, coalesce(open.amount, hold.amount), coalesce(open.expires_at, hold.expires_at),
                hold_end.how, hold_end.charged, coalesce(open.settled, parts.amount), coalesce(open.charged, parts.charged)
            from unnest(\(accounts), \(ids)) as wanted(account, id)
            left join lateral (
                select * from open_hold
                where open_hold.hold_id = wanted.id and open_hold.account = wanted.account offset 0
            ) as open on true
            left join lateral (
                select * from hold_end where open.hold_id is null
                    and hold_end.hold_id = wanted.id and hold_end.account = wanted.account offset 0
            ) as hold_end on true
            left join lateral (
                select amount, greatest(expires_at, (
                    select max(hold_extension.expires_at) from hold_extension
                    where hold_extension.hold_id = wanted.id and hold_extension.account = wanted.account
                )) as expires_at
                from hold where hold_end.hold_id is not null
                    and hold.id = wanted.id and hold.account = wanted.account offset 0
            ) as hold on true
            left join lateral (
                select sum(hold_part.amount)::int8 as amount, sum(hold_part.charged)::int8 as charged from hold_part
                where hold_end.hold_id is not null
                    and hold_part.hold_id = wanted.id and hold_part.account = wanted.account
            ) as parts on true
            where open.hold_id is not null or hold_end.hold_id is not null
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
