import Contracts
import Foundation
import Jobs
import Postgres
import Time

/// Reads about one account; each is one statement, so each sees one state.
struct LedgerQueries: Sendable {
    let database: Database

    /// The balance now; zeros for an account that nobody has touched.
    func balance(of userID: UserID, deadline: Deadline) async throws -> Balance {
        let rows = try await database.query(
            """
            select paid, bonus, is_frozen, held - coalesce((
                    select sum(amount - settled) from open_hold
                    where account = \(userID) and amount >= 0 and expires_at <= statement_timestamp()
                ), 0)::int8
            from account where id = \(userID)
            """,
            deadline: deadline
        )
        guard let row = rows.first else { return AccountFacts().balance(of: userID) }
        let (paid, bonus, isFrozen, held) = try row.decode(Int64.self, Int64.self, Bool.self, Int64.self)
        return AccountFacts(paid: paid, bonus: bonus, held: held, isFrozen: isFrozen).balance(of: userID)
    }

    /// The balance as it was at a moment: that of the last entry until then, and the holds that counted.
    ///
    /// A hold counted if it was placed by then, had not ended, and its end, with all extensions, lay ahead: one that was
    /// extended later was alive then. Such a hold was placed in the longest duration before the moment and has its own end after it
    /// (`hold_of_week`), or was extended to an end in the longest duration after it (`hold_extension_expiry`).
    func balance(of userID: UserID, at moment: Timestamp, deadline: Deadline) async throws -> Balance {
        let earliest = moment - LedgerLimits.maximumHoldDuration
        let latest = moment + LedgerLimits.maximumHoldDuration
        let query: SQL = """
            select coalesce(last.balance_after, 0), coalesce(last.bonus_after, (
                    select sum(bonus_amount) from account_entries(\(userID), \(moment), null, null)
                )::int8, 0), coalesce((
                    select sum(counted.amount - coalesce((
                        select sum(hold_part.amount) from hold_part
                        where hold_part.hold_id = counted.id and hold_part.account = \(userID)
                            and hold_part.at <= \(moment)
                    ), 0))
                    from (
                        select placed.*
                        from generate_series(
                            date_bin('7 days', \(earliest), 'epoch'), \(moment), '168 hours'::interval
                        ) as week cross join lateral (
                            select id, amount from hold
                            where date_bin('7 days', hold.at, 'epoch') = week and hold.account = \(userID)
                                and hold.amount >= 0 and hold.expires_at > \(moment) and hold.at <= \(moment) offset 0
                        ) as placed
                        union
                        select extended.* from hold_extension as extension cross join lateral (
                            select id, amount from hold
                            where hold.id = extension.hold_id and hold.account = \(userID) and hold.at <= \(moment)
                            offset 0
                        ) as extended
                        where extension.account = \(userID) and extension.operation >= 0
                            and extension.expires_at > \(moment) and extension.expires_at <= \(latest)
                    ) as counted
                    where not exists (
                        select from hold_end where hold_end.hold_id = counted.id
                            and hold_end.account = \(userID) and hold_end.at <= \(moment))
                ), 0)::int8, coalesce((
                    select is_frozen from account_freeze where account = \(userID) and at <= \(moment)
                    order by operation desc limit 1
                ), false)
            from (select 1) as one
            left join account_entries(\(userID), \(moment), null, 1) as last on true
            """
        // Planning takes ten times as long as what is planned.
        let generic: SQL = "select set_config('plan_cache_mode', 'force_generic_plan', true)"
        let rows = try await database.pipeline([generic, query], deadline: deadline)[1]
        let (posted, bonus, held, isFrozen) = try rows[0].decode(Int64.self, Int64.self, Int64.self, Bool.self)
        return AccountFacts(paid: posted - bonus, bonus: bonus, held: held, isFrozen: isFrozen).balance(of: userID)
    }

    /// Whose account an adjustment is about; nil if there is none of this id.
    func account(of adjustment: AdjustmentID, deadline: Deadline) async throws -> UserID? {
        let rows = try await database.query(
            "select account from adjustment where id = \(adjustment)",
            deadline: deadline
        )
        return try rows.first?.decode(Int64.self)
    }

    /// The account's holds that count now, oldest first. Uses `open_hold_expiry`.
    func holds(of userID: UserID, limit: Int, deadline: Deadline) async throws -> [OpenHold] {
        let rows = try await database.query(
            """
            select hold.id, hold.amount, open.charged, open.settled - open.charged, hold.at, open.expires_at, hold.memo
            from open_hold as open
            join hold on hold.id = open.hold_id and hold.account = open.account
            where open.account = \(userID) and open.amount >= 0 and open.expires_at > statement_timestamp()
            order by hold.at limit \(limit)
            """,
            deadline: deadline
        )
        return try rows.map { row in
            let (id, amount, charged, released, placedAt, expiresAt, memo) = try row.decode(
                HoldID.self,
                Int64.self,
                Int64.self,
                Int64.self,
                Timestamp.self,
                Timestamp.self,
                String.self
            )
            return OpenHold(
                holdID: id,
                amountKopecks: amount,
                chargedKopecks: charged,
                releasedKopecks: released,
                placedAt: placedAt,
                expiresAt: expiresAt,
                memo: memo
            )
        }
    }

    /// Sums over the whole ledger: those of the newest seal, and the entries since then; and of the open holds.
    func trialBalance(deadline: Deadline) async throws -> GetTrialBalance.Output {
        let rows = try await database.query(
            """
            with sealed as (
                select last_entry, sums from seal where sums is not null order by number desc limit 1
            ), since as (
                select entry_sums(coalesce((select last_entry from sealed), 0), 9223372036854775807) as sums
            ), slots as (
                select 0 as slot, 'user' as name union all select -id, name from system_account
            ), held as (
                select count(*) as holds, coalesce(sum(amount - settled), 0)::int8 as amount from open_hold
                where expires_at > statement_timestamp()
            )
            select array(select name from slots order by slot),
                array(
                    select coalesce((select sums[slot + 1] from sealed), 0) + (select sums[slot + 1] from since)
                    from slots order by slot
                ), held.amount, held.holds
            from held
            """,
            deadline: deadline
        )
        let (names, amounts, held, holds) = try rows[0].decode([String].self, [Int64].self, Int64.self, Int64.self)
        return GetTrialBalance.Output(
            sumKopecks: amounts.reduce(0, +),
            accounts: Dictionary(uniqueKeysWithValues: zip(names, amounts)),
            heldKopecks: held,
            liveHolds: holds
        )
    }
}
