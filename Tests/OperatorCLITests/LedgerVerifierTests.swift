import Postgres
import TestSupport
import Testing

@testable import OperatorCLI

/// Verification of a real ledger: whoever changes what was written, with whatever rights, is found out by the row.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerVerifierTests {
    private var scratch: ScratchDatabase { .current }

    /// Ten users with a top-up and a charge each and two live holds; entries 1–40 in four seals of version 2.
    private static let filling: [String] = [
        "insert into account (id, paid, held) select n, 60, 5 from generate_series(1, 10) as n",
        """
        insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer)
        select n, 'payments', 'p' || n, '', 'credit', n, 'ok', '{}' from generate_series(1, 10) as n
        """,
        """
        insert into credit (source, reference, account, amount, caller, key, operation)
        select 'yookassa', 'r' || n, n, 100, 'payments', 'p' || n, n from generate_series(1, 10) as n
        """,
        """
        insert into hold (account, id, amount, expires_at, memo, operation)
        select n, gen_random_uuid(), amount, now() + interval '1 hour', 'm', 100 + n
        from generate_series(1, 10) as n, (values (5), (40)) as hold(amount)
        """,
        """
        insert into hold_end (account, hold_id, how, charged, operation)
        select account, id, 'charged', 40, 200 + account from hold where amount = 40
        """,
        """
        insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after, memo, job_id,
            model, variant)
        select step.base + n, side.account, step.kind, side.sign * step.amount,
            case when side.account > 0 then step.before end, case when side.account > 0 then step.before + step.amount end,
            case when side.account > 0 then 0 end, 'memo ' || n, gen_random_uuid(), 'ы', null
        from (values (0, 'top_up', 100, 0, -1), (200, 'charge', -40, 100, -7))
            as step(base, kind, amount, before, system)
        cross join generate_series(1, 10) as n
        cross join lateral (values (n, 1), (step.system, -1)) as side(account, sign)
        order by step.base, n, side.sign desc
        """,
    ]

    /// As the service's sealer writes it.
    private static func seal(_ number: Int64, after first: Int64, upTo last: Int64) -> SQL {
        """
        insert into seal (number, last_entry, previous, hash, version, digests, sums)
        select \(number), \(last), before.hash, block.hash, 2, block.digests, entry_sums(0, \(last))
        from (
            select coalesce((select hash from seal where number = \(number) - 1), decode(repeat('00', 32), 'hex')) as hash
        ) as before, seal_block(before.hash, \(first), \(last)) as block
        """
    }

    private func fill() async throws {
        let database = scratch.database
        for statement in Self.filling { try await database.execute(SQL(stringLiteral: statement).once()) }
        for number in Int64(1)...4 {
            try await database.execute(Self.seal(number, after: (number - 1) * 10, upTo: number * 10))
        }
    }

    /// What nobody's rights allow: done by the superuser, triggers off.
    private func tamper(_ statement: String) async throws {
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            _ = try await admin.pipeline([
                SQL("set local session_replication_role = replica").once(), SQL(stringLiteral: statement).once(),
            ])
        }
    }

    private func verify(_ head: LedgerHead? = nil) async throws -> LedgerReport {
        try await LedgerVerifier(database: scratch.database).verify(against: head)
    }

    @Test func `a sound ledger is sound, its head exported and found again`() async throws {
        try await fill()
        let head = try #require(try await LedgerHead.newest(scratch.database))
        #expect(head.number == 4 && head.lastEntry == 40)
        let report = try await verify(head)
        #expect(report.findings == [])
        #expect((report.entries, report.seals, report.unsealed, report.accounts) == (40, 4, 0, 10))
        #expect(report.text.hasSuffix("The ledger is sound."))
    }

    @Test(arguments: [
        ("update entry set memo = 'x' where id = 13", LedgerFinding.edited(entry: 13, seal: 2)),
        ("update entry set model = 'x' where id = 40", .edited(entry: 40, seal: 4)),
        ("update entry set at = at + interval '1 microsecond' where id = 1", .edited(entry: 1, seal: 1)),
        ("update entry set job_id = null where id = 22", .edited(entry: 22, seal: 3)),
        ("delete from entry where id = 17", .deleted(entry: 17, seal: 2)),
        ("delete from entry where id = 40", .deleted(entry: 40, seal: 4)),
        ("update seal set hash = sha256('x') where number = 2", .sealChanged(2)),
        ("update seal set previous = sha256('x') where number = 3", .sealChanged(3)),
        ("update seal set sums[1] = 5 where number = 3", .sumsWrong(seal: 3)),
        ("delete from seal where number = 3", .sealMissing(3)),
        ("update account set paid = 61 where id = 4", .accountWrong(4, what: "posted", stored: 61, computed: 60)),
        ("update account set held = 4 where id = 4", .accountWrong(4, what: "held", stored: 4, computed: 5)),
        (
            "delete from account where id = 9",
            .rowWrong(table: "account", row: "9", reason: "is missing, but has entries")
        ),
        (
            "update credit set amount = 1 where reference = 'r2'",
            .rowWrong(table: "credit", row: "yookassa r2", reason: "has no entry of its amount")
        ),
    ])
    func `the row is named`(statement: String, finding: LedgerFinding) async throws {
        try await fill()
        try await tamper(statement)
        let report = try await verify()
        #expect(report.findings.contains(finding), "\(report.text)")
        #expect(!report.isSound)
    }

    @Test func `two entries that changed places are named together`() async throws {
        try await fill()
        try await tamper("alter table entry alter column id drop identity")
        // Both have no balances, so that no other rule finds them.
        try await tamper("update entry set id = case id when 22 then 1022 else 1024 end where id in (22, 24)")
        try await tamper("update entry set id = case id when 1022 then 24 else 22 end where id in (1022, 1024)")
        #expect(try await verify().findings == [.reordered(entry: 22, other: 24, seal: 3)])
    }

    @Test func `an entry that is slipped in is named, even one that balances`() async throws {
        try await fill()
        try await tamper("alter table entry alter column id drop identity")
        try await tamper("update entry set id = id + 100 where id > 30")
        try await tamper("update seal set last_entry = 140 where number = 4")
        try await tamper("delete from seal where number = 4")
        try await scratch.database.execute(Self.seal(4, after: 30, upTo: 140))
        #expect(try await verify().isSound)
        try await tamper(
            """
            insert into entry (id, transfer, account, kind, amount) overriding system value
            values (50, 999, -1, 'adjust', 1), (51, 999, -7, 'adjust', -1)
            """
        )
        let findings = try await verify().findings
        #expect(findings.contains(.inserted(entry: 50, seal: 4)) && findings.contains(.inserted(entry: 51, seal: 4)))
    }

    @Test func `a tail that was cut off is found by the exported head`() async throws {
        try await fill()
        let head = try #require(try await LedgerHead.newest(scratch.database))
        for statement in [
            "delete from seal where number = 4", "delete from entry where id > 30",
            "delete from hold_end where operation > 205", "delete from hold where amount = 40 and account > 5",
            "update account set paid = 100 where id > 5",
        ] { try await tamper(statement) }
        #expect(try await verify().isSound)
        #expect(try await verify(head).findings == [.cut(head: 4, newest: 3)])
        // Whoever goes on after the cut makes a seal of the same number, but not of the same hash.
        try await scratch.database.execute(
            """
            insert into entry (transfer, account, kind, amount) values (900, -1, 'adjust', 1), (900, -7, 'adjust', -1)
            """
        )
        try await scratch.database.execute(Self.seal(4, after: 30, upTo: 1_000))
        #expect(try await verify(head).findings == [.sealChanged(4)])
    }

    @Test func `seals of the release before are verified too`() async throws {
        let database = scratch.database
        for statement in Self.filling { try await database.execute(SQL(stringLiteral: statement).once()) }
        try await database.execute(
            """
            insert into seal (number, last_entry, previous, hash)
            select 1, 10, decode(repeat('00', 32), 'hex'), seal_hash(decode(repeat('00', 32), 'hex'), 0, 10)
            """
        )
        try await database.execute(Self.seal(2, after: 10, upTo: 40))
        #expect(try await verify().isSound)
        try await tamper("update entry set memo = 'x' where id = 7")
        #expect(try await verify().findings == [.sealChanged(1)])
    }
}
