import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

/// What audits find, and how they go round.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerAuditTests {
    private let bench = LedgerBench()
    private var scratch: ScratchDatabase { .current }
    private var audits: LedgerAudits { LedgerAudits(database: scratch.database) }

    @Test(arguments: [
        "update account set held = held + 1", "update account set paid = paid + 1",
        "delete from entry where account > 0",
        "delete from open_hold where settled = 0", "update open_hold set amount = amount + 1, settled = settled + 1",
        "update open_hold set settled = settled - 1, charged = 0, amount = amount - 1 where settled > 0",
        "update open_hold set expires_at = expires_at + interval '1 hour'", "delete from hold_part", "delete from hold",
        "insert into hold_end (account, hold_id, how) select account, hold_id, 'released' from open_hold limit 1",
        """
        insert into account_freeze (account, operation, is_frozen, operator_name, reason) values (1, 0, true, 'a', '')
        """,
    ])
    func `an account that is not what was written about it is found out`(statement: String) async throws {
        try await bench.pay(1, 100)
        _ = try await bench.hold(1, 20)
        let id = try await bench.hold(1, 50)
        try await bench.apply(1, bench.charge(id, 5, part: HoldPart(partID: "a", amountKopecks: 10)))
        try await bench.expectSound()
        try await bench.tamper(statement)
        #expect(try await audits.audit(within: .seconds(10)).finding.brokenAccounts == 1)
    }

    @Test func `audits go round accounts and seals in stretches`() async throws {
        for user in Int64(1)...5 {
            try await bench.pay(user, 10)
            if user != 4 { try await bench.sealer.sealAll() }
        }
        try await bench.tamper("update account set paid = 11 where id in (3, 5)")
        try await bench.tamper("update entry set memo = 'other' where account = 5")
        var place = LedgerAudits.Place.start
        var found: [[Int64]] = []
        for _ in 0..<5 {
            let audit = try await audits.audit(within: .seconds(10), from: place, accounts: 2, entries: 3)
            place = audit.next
            found.append([audit.finding.brokenAccounts, place.account, audit.finding.brokenSeals, place.seal])
        }
        // Seals of two entries each, but the last of four: one at a time.
        #expect(found == [[0, 2, 0, 1], [1, 4, 0, 2], [1, 0, 0, 3], [0, 2, 1, 0], [1, 4, 0, 1]])
    }
}
