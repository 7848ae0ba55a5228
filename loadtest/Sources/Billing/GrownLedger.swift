import LoadtestKit
import LocalSystem

/// A ledger with a past: written by the server itself, as rows that the service would have written.
struct GrownLedger {
    let rig: Rig
    let accounts: Int64

    /// Entries that each round of history adds for an account.
    static let entriesPerRound: Int64 = 2
    /// Charges that each account has behind it.
    static let rounds: Int64 = 24
    /// Of an account: its top-up and its charges, two entries each.
    static let entriesPerAccount = 2 * (rounds + 1)

    /// Gives every account its money: what an empty ledger starts with.
    func loadAccounts() async throws {
        try await run(
            """
            insert into account (id, paid) select id, \(OrderMix.fundsKopecks) from generate_series(1, \(accounts)) as id;
            insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after, memo, at)
            select -id, account, 'top_up', amount, before, after, bonus, 'Top-up', now() - interval '30 hours'
            from generate_series(1, \(accounts)) as id,
                lateral (values (id, \(OrderMix.fundsKopecks), 0, \(OrderMix.fundsKopecks), 0),
                    (-1, -\(OrderMix.fundsKopecks), null, null, null)) as side(account, amount, before, after, bonus);
            """
        )
        try await finish()
    }

    /// Adds a hold and its charge of one kopeck to every account, as often as there are rounds.
    func loadHistory() async throws {
        for round in 1...Self.rounds {
            try await run(
                """
                create temporary table past as
                select id as account, gen_random_uuid() as hold, nextval('operation_id') as placed,
                    nextval('operation_id') as charged, gen_random_uuid() as job,
                    now() - interval '1 hour' * (26 - \(round)) as at
                from generate_series(1, \(accounts)) as id;
                insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer, at)
                select placed, 'generation', 'job:' || job || ':hold', sha256('a'), 'place_hold', account, 'ok', convert_to('{}', 'UTF8'), at
                from past
                union all
                select charged, 'generation', 'job:' || job || ':end', sha256('b'), 'charge_hold', account, 'ok', convert_to('{}', 'UTF8'), at
                from past;
                insert into hold (account, id, amount, expires_at, memo, operation, at)
                select account, hold, 1, at + interval '30 minutes', 'nano-banana', placed, at from past;
                insert into hold_end (account, hold_id, how, charged, operation, at)
                select account, hold, 'charged', 1, charged, at from past;
                insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after, memo,
                    job_id, hold_id, model, variant, provider_cost_microdollars, at)
                select charged, side.account, 'charge', amount, before, before - 1, bonus, 'nano-banana', job, hold,
                    'nano-banana', '2k', 20000, at
                from past, lateral (values (past.account, -1, \(OrderMix.fundsKopecks) - \(round) + 1, 0),
                    (-7, 1, null, null)) as side(account, amount, before, bonus);
                drop table past;
                """
            )
        }
        try await run("update account set paid = paid - \(Self.rounds)")
        try await finish()
    }

    /// As after a night: statistics are known, old row versions are gone, and what was loaded is sealed.
    private func finish() async throws {
        try await run(
            """
            insert into seal (number, last_entry, previous, hash)
            select coalesce(max(number), 0) + 1, (select max(id) from entry), decode(repeat('00', 32), 'hex'),
                sha256('loaded') from seal
            """
        )
        _ = try await rig.psql("vacuum analyze", database: LedgerUnderTest.databaseName)
        _ = try await rig.psql("checkpoint")
    }

    /// Without triggers, which check rows one by one; the books are checked as a whole afterwards.
    private func run(_ sql: String) async throws {
        _ = try await rig.psql("set session_replication_role = replica; \(sql)", database: LedgerUnderTest.databaseName)
    }
}
