import Postgres
import Time

/// What the auditor compares, each time in one snapshot.
struct LedgerAudits: Sendable {
    /// Where an audit goes on: after this account and this seal.
    struct Place: Sendable, Equatable {
        var account: Int64 = 0
        var seal: Int64 = 0

        static let start = Place()
    }

    let database: Database

    /// Compares sums, accounts, holds and a stretch of the hash chain.
    ///
    /// - Parameters:
    ///   - place: Accounts and seals after it are looked at, …
    ///   - accounts: … at most so many accounts, …
    ///   - entries: … and seals over at most so many entries, or one.
    /// - Returns: What was found, and the place to go on; 0 where the end was reached.
    func audit(
        within limit: Duration,
        from place: Place = .start,
        accounts: Int64 = .max,
        entries: Int64 = .max
    ) async throws -> (finding: LedgerAuditor.Finding, next: Place) {
        var options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true, deadline: .after(limit))
        // The pool's own limit is meant for calls that somebody waits for.
        options.statementTimeout = limit
        return try await database.transaction(options) { transaction in
            let answers = try await transaction.pipeline([
                Self.sum, Self.countBrokenAccounts(after: place.account, limit: accounts),
                SealStore.countBroken(after: place.seal, entries: entries),
            ])
            let (brokenAccounts, lastAccount) = try answers[1][0].decode(Int64.self, Int64.self)
            let (brokenSeals, lastSeal) = try answers[2][0].decode(Int64.self, Int64.self)
            let finding = LedgerAuditor.Finding(
                sumKopecks: try answers[0][0].decode(Int64.self),
                brokenAccounts: brokenAccounts,
                brokenSeals: brokenSeals
            )
            return (finding, Place(account: lastAccount, seal: lastSeal))
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

    /// Accounts whose stored sums differ from their last entry's or from their open holds, whose open holds are not what
    /// was written about them, or whose last freeze says otherwise: none, ever. An entry without `bonus_after` is of an
    /// older release. The second column is the last account that was looked at, 0 at the end.
    ///
    /// Rows are looked up in lateral queries, which no plan turns round (docs/adr/0085): a hash of all holds for each account
    /// would be the end of it. That no hold is missing among the open ones is only seen as a difference in `held`; `atelier ledger verify` reads
    /// all holds.
    private static func countBrokenAccounts(after account: Int64, limit: Int64) -> SQL {
        """
        select count(*) filter (where account.paid + account.bonus <> coalesce(last.balance_after, 0)
                or account.bonus <> coalesce(last.bonus_after, account.bonus)
                or account.held <> coalesce(reserved.held, 0) or reserved.is_wrong
                or account.is_frozen <> coalesce(stopped.is_frozen, account.is_frozen)),
            case when count(*) = \(limit) then max(account.id) else 0 end
        from (select * from account where id > \(account) order by id limit \(limit)) as account
        left join lateral (
            select balance_after, bonus_after from account_entries(account.id, 'infinity', null, 1)
        ) as last on true
        left join lateral (
            select sum(open.amount - open.settled) as held, bool_or(
                hold.id is null or ended.hold_id is not null or hold.amount <> open.amount
                    or greatest(hold.expires_at, extended.expires_at) <> open.expires_at
                    or open.settled <> coalesce(parts.amount, 0) or open.charged <> coalesce(parts.charged, 0)
            ) as is_wrong
            from open_hold as open
            left join lateral (
                select * from hold where hold.id = open.hold_id and hold.account = open.account offset 0
            ) as hold on true
            left join lateral (
                select hold_id from hold_end
                where hold_end.hold_id = open.hold_id and hold_end.account = open.account offset 0
            ) as ended on true
            left join lateral (
                select max(expires_at) as expires_at from hold_extension
                where hold_extension.hold_id = open.hold_id and hold_extension.account = open.account
            ) as extended on true
            left join lateral (
                select sum(amount) as amount, sum(charged) as charged from hold_part
                where hold_part.hold_id = open.hold_id and hold_part.account = open.account
            ) as parts on true
            where open.account = account.id and open.amount >= 0
        ) as reserved on true
        left join lateral (
            select is_frozen from account_freeze where account_freeze.account = account.id
            order by operation desc limit 1
        ) as stopped on true
        """
    }
}
