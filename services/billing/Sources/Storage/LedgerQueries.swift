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
                    select sum(expired.amount) from (\(unsafe: LedgerStore.expiredHolds)) as expired
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
    /// Uses `entry_by_time` for one row, and `hold_expiring` for the holds that could count: none lives longer than the
    /// longest duration after its last extension.
    func balance(of userID: UserID, at moment: Timestamp, deadline: Deadline) async throws -> Balance {
        let longest = moment + LedgerLimits.maximumHoldDuration
        let rows = try await database.query(
            """
            select coalesce(last.balance_after, 0), coalesce(last.bonus_after, (
                    select sum(bonus_amount) from entry where account = \(userID) and account > 0 and at <= \(moment)
                )::int8, 0), coalesce((
                    select sum(live.amount - coalesce((
                        select sum(hold_part.amount) from hold_part
                        where hold_part.account = \(userID) and hold_part.hold_id = live.id
                            and hold_part.at <= \(moment)
                    ), 0))
                    from (
                        select id, amount from hold where account = \(userID) and expires_at > \(moment)
                            and expires_at <= \(longest) and at <= \(moment) and amount >= 0
                            and not exists (
                                select from hold_extension as other where other.account = hold.account
                                    and other.hold_id = hold.id and other.at <= \(moment)
                                    and other.expires_at > \(moment))
                        union all
                        select extended.id, extended.amount
                        from hold_extension as extension cross join lateral (
                            select id, amount from hold
                            where hold.account = extension.account and hold.id = extension.hold_id offset 0
                        ) as extended
                        where extension.account = \(userID) and extension.expires_at > \(moment)
                            and extension.expires_at <= \(longest) and extension.at <= \(moment)
                            and not exists (
                                select from hold_extension as later where later.account = extension.account
                                    and later.hold_id = extension.hold_id and later.at <= \(moment)
                                    and later.expires_at > extension.expires_at)
                    ) as live
                    where not exists (
                        select from hold_end where hold_end.account = \(userID) and hold_end.hold_id = live.id
                            and hold_end.at <= \(moment))
                ), 0)::int8, coalesce((
                    select is_frozen from account_freeze where account = \(userID) and at <= \(moment)
                    order by operation desc limit 1
                ), false)
            from (select 1) as one
            left join lateral (
                select balance_after, bonus_after from entry
                where account = \(userID) and account > 0 and at <= \(moment) order by at desc, id desc limit 1
            ) as last on true
            """,
            deadline: deadline
        )
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

    /// The account's holds that count now, oldest first. Uses `hold_expiring` and `hold_extension_expiry`.
    func holds(of userID: UserID, limit: Int, deadline: Deadline) async throws -> [OpenHold] {
        let rows = try await database.query(
            """
            select live.id, live.amount, coalesce(parts.charged, 0), coalesce(parts.amount - parts.charged, 0), live.at,
                greatest(live.expires_at, (
                    select max(hold_extension.expires_at) from hold_extension
                    where hold_extension.account = \(userID) and hold_extension.hold_id = live.id
                )), live.memo
            from (
                select id, amount, at, expires_at, memo from hold
                where account = \(userID) and expires_at > statement_timestamp() and amount >= 0
                    and not exists (
                        select from hold_extension as other where other.account = hold.account
                            and other.hold_id = hold.id and other.expires_at > statement_timestamp())
                union all
                select extended.* from hold_extension as extension cross join lateral (
                    select id, amount, at, expires_at, memo from hold
                    where hold.account = extension.account and hold.id = extension.hold_id offset 0
                ) as extended
                where extension.account = \(userID) and extension.expires_at > statement_timestamp()
                    and not exists (
                        select from hold_extension as later where later.account = extension.account
                            and later.hold_id = extension.hold_id and later.expires_at > extension.expires_at)
            ) as live
            left join lateral (
                select sum(hold_part.amount)::int8 as amount, sum(hold_part.charged)::int8 as charged from hold_part
                where hold_part.account = \(userID) and hold_part.hold_id = live.id
            ) as parts on true
            where not exists (
                select from hold_end where hold_end.account = \(userID) and hold_end.hold_id = live.id)
            order by live.at limit \(limit)
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

    /// Sums over the whole ledger: those of the newest seal, and the entries since then. Live holds are found by
    /// `hold_live`, whose few blocks hold what expires late.
    func trialBalance(deadline: Deadline) async throws -> GetTrialBalance.Output {
        let rows = try await database.query(
            """
            with sealed as (
                select last_entry, sums from seal where sums is not null order by number desc limit 1
            ), since as (
                select entry_sums(coalesce((select last_entry from sealed), 0), 9223372036854775807) as sums
            ), slots as (
                select 0 as slot, 'user' as name union all select -id, name from system_account
            ), live as (
                select account, id from hold where expires_at > statement_timestamp()
                union
                select account, hold_id from hold_extension where expires_at > statement_timestamp()
            ), held as (
                select count(*) as holds, coalesce(sum(hold.amount - coalesce((
                    select sum(hold_part.amount) from hold_part
                    where hold_part.account = hold.account and hold_part.hold_id = hold.id
                ), 0)), 0)::int8 as amount
                from live join hold using (account, id)
                where not exists (
                    select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
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
