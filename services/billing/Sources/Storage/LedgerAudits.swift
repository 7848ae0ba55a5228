import Postgres
import Time

/// What the auditor compares, each time in one snapshot.
struct LedgerAudits: Sendable {
    let database: Database

    /// Compares sums, accounts, holds and a stretch of the hash chain.
    ///
    /// - Parameters:
    ///   - seal: Seals after this one are re-computed, …
    ///   - seals: … at most so many; the whole chain is gone round in several audits.
    func audit(
        within limit: Duration,
        after seal: Int64 = 0,
        seals: Int64 = .max
    ) async throws -> (finding: LedgerAuditor.Finding, lastSeal: Int64) {
        var options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true, deadline: .after(limit))
        // The pool's own limit is meant for calls that somebody waits for.
        options.statementTimeout = limit
        return try await database.transaction(options) { transaction in
            // The planner expects far more open holds of an account than there are, and a hash table of that size would be
            // walked through for each account.
            let answers = try await transaction.pipeline([
                "set local enable_hashagg = off", Self.sum, Self.countBrokenAccounts,
                SealStore.countBroken(after: seal, limit: seals),
            ])
            let (broken, lastSeal) = try answers[3][0].decode(Int64.self, Int64.self)
            let finding = LedgerAuditor.Finding(
                sumKopecks: try answers[1][0].decode(Int64.self),
                brokenAccounts: try answers[2][0].decode(Int64.self),
                brokenSeals: broken
            )
            return (finding, lastSeal)
        }
    }

    /// What is sealed has been summed; the rest is added now.
    private static let sum: SQL = """
        select (coalesce(sealed.sum, 0) + coalesce((
            select sum(amount) from entry where id > coalesce(sealed.last_entry, 0)
        ), 0))::int8
        from (select 1) as one
        left join (
            select last_entry, (select sum(amount) from unnest(sums) as sums(amount)) as sum from seal
            where sums is not null order by number desc limit 1
        ) as sealed on true
        """

    /// Accounts whose stored sums differ from their last entry's or from the holds that were not ended, or whose last
    /// freeze says otherwise: none, ever. Holds that ended before the last sweep have been taken off `held`, so only later
    /// ones are looked for. An entry without `bonus_after` is of an older release.
    private static let countBrokenAccounts: SQL = """
        select count(*) from account
        left join lateral (
            select balance_after, bonus_after from entry where entry.account = account.id and entry.account > 0
            order by at desc, id desc limit 1
        ) as last on true
        left join lateral (
            select sum(hold.amount - coalesce((
                select sum(hold_part.amount) from hold_part
                where hold_part.account = hold.account and hold_part.hold_id = hold.id
            ), 0)) as held
            from (
                select id from hold
                where hold.account = account.id and hold.expires_at > account.swept and hold.amount >= 0
                union
                select hold_id from hold_extension
                where hold_extension.account = account.id and hold_extension.expires_at > account.swept
            ) as unswept
            join hold on hold.account = account.id and hold.id = unswept.id
            where not exists (
                select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
        ) as reserved on true
        left join lateral (
            select is_frozen from account_freeze where account_freeze.account = account.id
            order by operation desc limit 1
        ) as stopped on true
        where account.paid + account.bonus <> coalesce(last.balance_after, 0)
            or account.bonus <> coalesce(last.bonus_after, account.bonus)
            or account.held <> coalesce(reserved.held, 0)
            or account.is_frozen <> coalesce(stopped.is_frozen, account.is_frozen)
        """
}
