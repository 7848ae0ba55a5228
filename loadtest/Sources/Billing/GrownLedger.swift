import LoadtestKit
import LocalSystem

/// A ledger with a past of a year: written by the server itself, as rows that the service would have written.
struct GrownLedger {
    let rig: Rig
    let accounts: Int64

    /// Charges that each account has behind it, one in each of so many times `daysPerRound`.
    static let rounds: Int64 = 24
    static let daysPerRound: Int64 = 15
    /// Of an account: its top-up and its charges, two entries each.
    static let entriesPerAccount = 2 * (rounds + 1)
    /// Seconds since the first entry.
    static let ageSeconds = (rounds + 2) * daysPerRound * 86_400
    /// Coprime to any number of accounts: their order in time is not that of their ids.
    private static let stride: Int64 = 7_368_787

    /// Gives every account its money: what an empty ledger starts with.
    func loadAccounts() async throws {
        try await run(
            """
            create function uuid_v7(at timestamptz) returns uuid language sql volatile as $$
                select (lpad(to_hex((extract(epoch from uuid_v7.at) * 1000)::bigint), 12, '0') || '7'
                    || substr(random.text, 1, 3) || '8' || substr(random.text, 4, 15))::uuid
                from (select md5(random()::text || clock_timestamp()::text) as text) as random
            $$;
            insert into account (id, paid, created_at)
            select id, \(OrderMix.fundsKopecks), now() - interval '\(Self.ageSeconds) seconds'
            from generate_series(1, \(accounts)) as id;
            insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after, memo, at)
            select -id, account, 'top_up', amount, before, after, bonus, 'Top-up',
                now() - interval '\(Self.ageSeconds) seconds'
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
                select 1 + n * \(Self.stride)::bigint % \(accounts) as account, uuid_v7(at) as hold,
                    nextval('operation_id') as placed, nextval('operation_id') as charged, uuid_v7(at) as job, at
                from generate_series(0, \(accounts - 1)::bigint) as n, lateral (
                    select now() - interval '1 day' * \(Self.daysPerRound) * (\(Self.rounds + 1 - round) - n::float8 / \(accounts))
                        as at offset 0
                ) as moment order by n;
                insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer, at)
                select side.id, 'generation', 'job:' || job || side.suffix, sha256('a'), kind, account, 'ok',
                    convert_to('{}', 'UTF8'), at
                from past, lateral (values (placed, ':hold', 'place_hold'), (charged, ':end', 'charge_hold'))
                    as side(id, suffix, kind);
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

    /// As after a night: what was loaded is sealed, statistics are known, old row versions are gone.
    private func finish() async throws {
        try await run(
            """
            do $$
            declare
                head seal;
                block record;
                boundary bigint;
            begin
                loop
                    select * into head from seal order by number desc limit 1;
                    select max(id) into boundary from (
                        select id from entry where id > coalesce(head.last_entry, 0) order by id limit 10000
                    ) as next;
                    exit when boundary is null;
                    block := seal_block(coalesce(head.hash, decode(repeat('00', 32), 'hex')),
                        coalesce(head.last_entry, 0), boundary);
                    insert into seal (number, last_entry, previous, hash, version, digests, sums, at)
                    select coalesce(head.number, 0) + 1, boundary, coalesce(head.hash, decode(repeat('00', 32), 'hex')),
                        block.hash, 2, block.digests, array(
                            select coalesce(base.sum, 0) + added.sum
                            from unnest(entry_sums(coalesce(head.last_entry, 0), boundary)) with ordinality
                                as added(sum, slot)
                            left join unnest(head.sums) with ordinality as base(sum, slot) using (slot) order by slot
                        ), at + interval '1 second' from entry where id = boundary;
                end loop;
            end
            $$;
            """
        )
        _ = try await rig.psql("vacuum analyze", database: LedgerUnderTest.databaseName)
        // The auditor has gone round once in that night: the indexes that it reads are in memory where they fit.
        try await run(
            """
            create extension if not exists pg_prewarm;
            select sum(pg_prewarm(indexrelid, 'read')) from pg_index
            where indrelid in ('entry'::regclass, 'hold'::regclass, 'hold_end'::regclass)
            """
        )
        _ = try await rig.psql("checkpoint")
    }

    /// Without triggers, which check rows one by one; the books are checked as a whole afterwards.
    private func run(_ sql: String) async throws {
        _ = try await rig.psql("set session_replication_role = replica; \(sql)", database: LedgerUnderTest.databaseName)
    }
}
