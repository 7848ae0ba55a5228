import Contracts
import Foundation
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

/// The steps on a database that the release before has filled.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerMigrationTests {
    private var scratch: ScratchDatabase { .current }

    /// The first steps alone, as the release before had them.
    private func folder(steps: Int) throws -> String {
        let all = "\(Repository.root)/services/billing/migrations"
        let folder = NSTemporaryDirectory() + "billing-migrations-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let names = try FileManager.default.contentsOfDirectory(atPath: all).filter { !$0.hasPrefix(".") }.sorted()
        for name in names.prefix(steps) {
            try FileManager.default.copyItem(atPath: "\(all)/\(name)", toPath: "\(folder)/\(name)")
        }
        return folder
    }

    private func migrate(_ folder: String, _ url: String) async throws {
        let migrator = Migrator(
            directory: folder,
            loop: ScratchDatabase.loop,
            metrics: scratch.metrics,
            log: scratch.log
        )
        _ = try await migrator.migrate(url)
    }

    /// A second, empty database beside the test's own, whose roles exist.
    private func withEmptyDatabase(_ body: (String, Database) async throws -> Void) async throws {
        let name = "atelier_migration_\(UUID().uuidString.prefix(8).lowercased())"
        let url = try DatabaseURL(scratch.adminURL).with(database: name).text
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            try await admin.execute(SQL("create database \(identifier: name)").once())
            let result: Result<Void, any Error>
            do {
                result = .success(try await scratch.withDatabase(url: url) { try await body(url, $0) })
            } catch {
                result = .failure(error)
            }
            try await admin.execute(SQL("drop database \(identifier: name) with (force)").once())
            try result.get()
        }
    }

    /// 500 users with a top-up, a grant, a charge that takes both, a live and a released hold each, and two seals, as
    /// the release before wrote them.
    private static let filling: [SQL] = [
        """
        insert into account (id, paid, bonus, held) select n, 70, 0, 20 from generate_series(1, 500) as n
        """,
        """
        insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer)
        select nextval('operation_id'), call.caller, call.kind || ':' || n, '', call.kind, n, 'ok',
            convert_to('{"amount_kopecks":100,"balance":{"user_id":' || n || ',"posted_kopecks":100,"held_kopecks":0,'
                || '"available_kopecks":100,"paid_kopecks":100,"bonus_kopecks":0,"is_frozen":false}}', 'UTF8')
        from generate_series(1, 500) as n,
            (values ('payments', 'credit'), ('generation', 'place_hold'), ('generation', 'charge_hold'))
                as call(caller, kind)
        """,
        """
        insert into credit (source, reference, account, amount, caller, key)
        select 'yookassa', 'payment-' || n, n, 100, 'payments', 'credit:' || n from generate_series(1, 500) as n
        """,
        """
        insert into hold (account, id, amount, expires_at, memo, operation)
        select n, gen_random_uuid(), hold.amount, now() + interval '1 hour', 'm', 1
        from generate_series(1, 500) as n, (values (20), (50), (5)) as hold(amount)
        """,
        """
        insert into hold_end (account, hold_id, how, charged, operation)
        select hold.account, hold.id, case amount when 50 then 'charged' else 'released' end,
            case amount when 50 then 50 else 0 end, operation.id
        from hold join operation on operation.account = hold.account and operation.kind = 'charge_hold'
        where amount <> 20
        """,
        """
        insert into entry (transfer, account, kind, amount, bonus_amount, balance_after, memo, hold_id, job_id, model,
            variant, provider_cost_microdollars)
        select operation.id, side.account, step.kind, side.sign * step.amount,
            case when side.account > 0 then step.bonus else 0 end, case when side.account > 0 then step.after end, 'm',
            case when step.kind = 'charge' then hold.id end, case when step.kind = 'charge' then hold.id end, 'veo', '', 7
        from (values (1, 'top_up', 100, 0, 100, -1, 'credit'), (2, 'grant', 20, 20, 120, -4, 'place_hold'),
            (3, 'charge', -50, -20, 70, -7, 'charge_hold'))
            as step(position, kind, amount, bonus, after, system, operation)
        join operation on operation.kind = step.operation
        join hold on hold.account = operation.account and hold.amount = 50
        cross join lateral (values (operation.account, 1), (step.system, -1)) as side(account, sign)
        order by step.position, operation.id, side.sign desc
        """,
        """
        insert into seal (number, last_entry, previous, hash)
        select 1, 1000, decode(repeat('00', 32), 'hex'), seal_hash(decode(repeat('00', 32), 'hex'), 0, 1000)
        """,
        """
        insert into seal (number, last_entry, previous, hash)
        select 2, 2500, hash, seal_hash(hash, 1000, 2500) from seal where number = 1
        """,
    ]

    @Test func `a ledger that the release before has filled stays whole and works on`() async throws {
        let before = try folder(steps: 2)
        defer { try? FileManager.default.removeItem(atPath: before) }
        try await withEmptyDatabase { url, database in
            try await migrate(before, url)
            for statement in Self.filling { try await database.execute(statement) }
            try await migrate("\(Repository.root)/services/billing/migrations", url)
            try await check(database)
        }
    }

    private func check(_ owner: Database) async throws {
        let audit = try await LedgerAudits(database: owner).audit(within: .seconds(20)).finding
        #expect(audit == LedgerAuditor.Finding(sumKopecks: 0, brokenAccounts: 0, brokenSeals: 0))
        let filled = try await owner.query(
            """
            select count(*) filter (where balance_before is null and account > 0),
                count(*) filter (where bonus_after is null and account > 0),
                (select count(*) from credit where operation is null or at is null)
            from entry
            """
        )[0].decode(Int64.self, Int64.self, Int64.self)
        #expect(filled == (0, 0, 0))
        let store = LedgerStore(database: owner)
        let queries = LedgerQueries(database: owner)
        let deadline = Deadline.after(.seconds(20))
        let hold = try await owner.query("select id from hold where account = 7 and amount = 50")[0].decode(HoldID.self)
        let verdicts = try await store.apply(
            [
                item(
                    1,
                    .credit(
                        CreditReference(source: .yookassa, reference: "payment-7"),
                        amount: 100,
                        orderID: nil,
                        memo: ""
                    )
                ),
                item(2, .refundCharge(id: hold, partID: nil, amount: 50, reason: "r")),
                item(
                    3,
                    .refundCredit(CreditReference(source: .yookassa, reference: "payment-7"), amount: 80, reason: "r")
                ),
            ],
            deadline: deadline
        )
        guard case .replayed = verdicts[0], case .fresh(.refund(let charge)) = verdicts[1],
            case .fresh(.refund(let credit)) = verdicts[2]
        else {
            Issue.record("\(verdicts)")
            return
        }
        #expect((charge.bonusKopecks, credit.refundableKopecks) == (20, 20))
        let balance = try await queries.balance(of: 7, deadline: deadline)
        #expect((balance.paidKopecks, balance.bonusKopecks, balance.heldKopecks) == (20, 20, 20))
        let sealer = LedgerSealer(store: SealStore(database: owner), metrics: BillingMetrics(scratch.metrics))
        try await sealer.sealAll()
        let after = try await LedgerAudits(database: owner).audit(within: .seconds(20)).finding
        #expect(after.isSound)
        #expect(try await queries.trialBalance(deadline: deadline).accounts["yookassa"] == -49_920)
    }

    private func item(_ number: Int, _ action: LedgerAction) -> LedgerItem {
        LedgerItem(
            key: OperationKey(caller: "test", key: "\(number)"),
            fingerprint: [],
            userID: 7,
            action: action
        )
    }
}
