import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct SealTests {
    private var scratch: ScratchDatabase { .current }
    private var seals: SealStore { SealStore(database: scratch.database) }
    private let bench = LedgerBench()
    private var sealer: LedgerSealer { bench.sealer }
    private var queries: LedgerQueries { LedgerQueries(database: scratch.database) }
    private var audits: LedgerAudits { LedgerAudits(database: scratch.database) }

    private func credit(_ number: Int) async throws {
        let reference = CreditReference(source: .stars, reference: "\(number)")
        _ = try await LedgerStore(database: scratch.database).apply(
            [
                LedgerItem(
                    key: OperationKey(caller: "payments", key: "\(number)"),
                    fingerprint: [],
                    userID: 1,
                    action: .credit(reference, amount: 5, orderID: OrderID(), memo: "memo, \"quoted\"")
                )
            ],
            deadline: .after(.seconds(10))
        )
    }

    private func head() async throws -> SealStore.Head { try await seals.head(deadline: .after(.seconds(10))) }

    @Test(arguments: [
        "update entry set memo = 'other' where id = 1",
        "update entry set amount = amount * 2, bonus_amount = 0, balance_before = balance_before - amount",
        "delete from entry where transfer = (select min(transfer) from entry)",
        "update seal set hash = sha256('x') where number = 1",
        "delete from seal where number = 1",
    ])
    func `whoever changes what is sealed is found out`(statement: String) async throws {
        for number in 0..<3 {
            try await credit(number)
            try await sealer.sealAll()
        }
        #expect(try await audits.audit(within: .seconds(10)).finding.isSound)
        try await bench.tamper(statement)
        #expect(try await audits.audit(within: .seconds(10)).finding.brokenSeals > 0)
    }

    @Test func `an entry that is slipped into a sealed range is found out`() async throws {
        try await credit(1)
        try await bench.tamper("alter sequence entry_id_seq restart with 20")
        try await credit(2)
        try await sealer.sealAll()
        try await bench.tamper(
            """
            insert into entry (id, transfer, account, kind, amount) overriding system value
            values (10, 99, -1, 'adjust', 1), (11, 99, -7, 'adjust', -1)
            """
        )
        #expect(try await audits.audit(within: .seconds(10)).finding.brokenSeals == 1)
    }

    @Test func `a seal waits for a batch that has ids and has not committed`() async throws {
        try await credit(1)
        let seals = seals
        let extended = try await scratch.database.transaction { batch in
            try await batch.pipeline([
                LedgerStore.openBatch,
                "insert into entry (transfer, account, kind, amount) values (77, -1, 'adjust', 1), (77, -7, 'adjust', -1)",
            ])
            try await credit(2)  // Higher ids, committed before.
            let task = Task { try await seals.extend(.none, deadline: .after(.seconds(10))) }
            try await eventually {
                let rows = try await scratch.database.query(
                    """
                    select 1 from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted
                        and database = (select oid from pg_database where datname = current_database())
                    """
                )
                return !rows.isEmpty
            }
            try await batch.commit(after: [])
            return try await task.value
        }
        #expect(extended?.lastEntry == 6)
        #expect(try await audits.audit(within: .seconds(10)).finding.isSound)
    }

    @Test func `instances that seal at the same time make one chain`() async throws {
        let sealer = sealer
        for number in 0..<5 {
            try await credit(number)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 { group.addTask { try await sealer.sealAll() } }
                try await group.waitForAll()
            }
        }
        #expect(try await head().lastEntry == 10)
        #expect(try await audits.audit(within: .seconds(10)).finding.isSound)
    }

    @Test func `nothing new makes no seal`() async throws {
        try await sealer.sealAll()
        #expect(try await head() == .none)
        try await credit(1)
        try await sealer.sealAll()
        let first = try await head()
        try await sealer.sealAll()
        #expect(try await head() == first)
        #expect(first.number == 1)
    }
}
