import Contracts
import Foundation
import Jobs
import Postgres
import Time

/// Reads for people and reports; each is one statement, so each sees one state.
struct LedgerQueries: Sendable {
    let database: Database

    /// The balance now; zeros for an account that nobody has touched.
    func balance(of userID: UserID, deadline: Deadline) async throws -> Balance {
        let rows = try await database.query(
            """
            select paid, bonus, is_frozen, held - \(unsafe: Self.expiredSinceSweep) from account where id = \(userID)
            """,
            deadline: deadline
        )
        guard let row = rows.first else { return AccountFacts().balance(of: userID) }
        let (paid, bonus, isFrozen, held) = try row.decode(Int64.self, Int64.self, Bool.self, Int64.self)
        return AccountFacts(paid: paid, bonus: bonus, held: held, isFrozen: isFrozen).balance(of: userID)
    }

    /// What `account.held` still counts although its holds have expired since the last sweep. Uses `hold_expiry` and
    /// `hold_extension_expiry`.
    static let expiredSinceSweep: StaticString = """
        coalesce((
            select sum(hold.amount - coalesce((
                select sum(hold_part.amount) from hold_part
                where hold_part.account = hold.account and hold_part.hold_id = hold.id
            ), 0))
            from (
                select id from hold
                where hold.account = account.id and hold.expires_at > account.swept
                    and hold.expires_at <= statement_timestamp()
                union
                select hold_id from hold_extension
                where hold_extension.account = account.id and hold_extension.expires_at > account.swept
                    and hold_extension.expires_at <= statement_timestamp()
            ) as due
            join hold on hold.account = account.id and hold.id = due.id
            where not exists (
                    select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
                and not exists (
                    select from hold_extension as later where later.account = hold.account and later.hold_id = hold.id
                        and later.expires_at > statement_timestamp())
        ), 0)::int8
        """

    /// Whose account an adjustment is about; nil if there is none of this id.
    func account(of adjustment: AdjustmentID, deadline: Deadline) async throws -> UserID? {
        let rows = try await database.query(
            "select account from adjustment where id = \(adjustment)",
            deadline: deadline
        )
        return try rows.first?.decode(Int64.self)
    }

    /// A page of an account's statement, newest first. Uses `entry_by_time`: within an account `at` rises with `id`.
    func entries(
        of userID: UserID,
        before: Int64?,
        limit: Int,
        deadline: Deadline
    ) async throws -> ListEntries.Output {
        let rows = try await database.query(
            """
            select id, at, kind, amount, balance_after, memo, job_id, order_id from entry
            where account = \(userID) and account > 0 and id < \(before ?? .max)
                and (at, id) < (coalesce((select at from entry where id = \(before)), 'infinity'), \(before ?? .max))
            order by at desc, id desc limit \(limit + 1)
            """,
            deadline: deadline
        )
        var entries = try rows.map { row in
            let (id, at, kind, amount, balance, memo, job, order) = try row.decode(
                Int64.self,
                Timestamp.self,
                String.self,
                Int64.self,
                Int64.self,
                String.self,
                JobID?.self,
                OrderID?.self
            )
            guard let kind = EntryKind(rawValue: kind) else {
                throw PostgresError(.decoding, operation: "list entries", detail: "unknown kind of entry")
            }
            return StatementEntry(
                id: id,
                at: at,
                kind: kind,
                amountKopecks: amount,
                balanceAfterKopecks: balance,
                memo: memo,
                jobID: job,
                orderID: order
            )
        }
        guard entries.count > limit else { return ListEntries.Output(entries: entries) }
        entries.removeLast()
        return ListEntries.Output(entries: entries, nextBefore: entries.last?.id)
    }

    /// Sums over the whole ledger. Reads every entry: for reports, not for hot paths.
    func trialBalance(deadline: Deadline) async throws -> GetTrialBalance.Output {
        let rows = try await database.query(
            """
            with sums as (
                select coalesce(system_account.name, 'user') as name, sum(entry.amount)::int8 as amount
                from entry left join system_account on system_account.id = entry.account group by 1
            ), live as (
                select count(*) as holds, coalesce(sum(hold.amount), 0)::int8 as amount from hold
                where hold.expires_at > statement_timestamp()
                    and not exists (
                        select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
            )
            select array(select name from sums order by name), array(select amount from sums order by name),
                live.amount, live.holds
            from live
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

    /// Compares everything with everything, in one snapshot; takes as long as reading the ledger does.
    func audit(within limit: Duration) async throws -> LedgerAuditor.Finding {
        var options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true, deadline: .after(limit))
        // The pool's own limit is meant for calls that somebody waits for.
        options.statementTimeout = limit
        return try await database.transaction(options) { transaction in
            let sum: SQL = "select coalesce(sum(amount), 0)::int8 from entry"
            let answers = try await transaction.pipeline([sum, Self.countBrokenAccounts, SealStore.countBroken])
            return LedgerAuditor.Finding(
                sumKopecks: try answers[0][0].decode(Int64.self),
                brokenAccounts: try answers[1][0].decode(Int64.self),
                brokenSeals: try answers[2][0].decode(Int64.self)
            )
        }
    }

    /// Accounts whose stored sums differ from their entries or from the holds that were not ended: none, ever.
    private static let countBrokenAccounts: SQL = """
        select count(*) from account
        left join (
            select account, sum(amount) as posted, sum(bonus_amount) as bonus from entry where account > 0
            group by account
        ) as moved on moved.account = account.id
        left join (
            select hold.account, sum(hold.amount - coalesce((
                select sum(hold_part.amount) from hold_part
                where hold_part.account = hold.account and hold_part.hold_id = hold.id
            ), 0)) as held
            from hold where not exists (
                select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
            group by hold.account
        ) as reserved on reserved.account = account.id
        where account.paid + account.bonus <> coalesce(moved.posted, 0) or account.bonus <> coalesce(moved.bonus, 0)
            or account.held <> coalesce(reserved.held, 0)
        """
}
