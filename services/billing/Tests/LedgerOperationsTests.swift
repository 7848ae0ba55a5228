import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

/// The rarer operations on a real database: what is written is read back, and races end once.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerOperationsTests {
    private let bench = LedgerBench()

    private func part(_ name: String, _ amount: Int64) -> HoldPart { HoldPart(partID: name, amountKopecks: amount) }

    // MARK: Races

    @Test func `a part that is charged and released at once is settled once`() async throws {
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 90)
        let bench = bench
        let verdicts = try await withThrowingTaskGroup(of: ProblemCode?.self) { group in
            for number in 0..<12 {
                let action =
                    number % 2 == 0
                    ? bench.charge(id, 30, part: part("a", 30))
                    : LedgerAction.releaseHold(id: id, part: part("a", 30), reason: "")
                group.addTask { LedgerBench.code(try await bench.apply(1, action)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(verdicts.filter { $0 == nil }.count == 1)
        #expect(try await bench.balance(1).heldKopecks == 60)
        try await bench.expectSound()
    }

    @Test func `refunds that race give back at most what was charged`() async throws {
        try await bench.pay(1, 60)
        try await bench.pay(1, 40, .promo)
        let id = try await bench.hold(1, 100)
        try await bench.apply(1, bench.charge(id, 100))
        let bench = bench
        let refunded = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    let action = LedgerAction.refundCharge(id: id, partID: nil, amount: 15, reason: "r")
                    return LedgerBench.code(try await bench.apply(1, action)) == nil ? 1 : 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(refunded == 6)
        let balance = try await bench.balance(1)
        #expect((balance.paidKopecks, balance.bonusKopecks) == (60, 30))
        try await bench.expectSound()
    }

    @Test func `grants that race stay within the day's budget`() async throws {
        var bench = bench
        bench.rules.dailyGrantKopecks = 100
        let racing = bench
        let granted = try await withThrowingTaskGroup(of: Int.self) { group in
            for user in 1...12 {
                group.addTask {
                    let reference = CreditReference(source: .promo, reference: "\(user)")
                    let action = LedgerAction.credit(reference, amount: 15, orderID: nil, memo: "")
                    return LedgerBench.code(try await racing.apply(Int64(user), action)) == nil ? 1 : 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(granted == 6)
        let day = try await bench.database.query("select amount from grant_day")
        #expect(try day.map { try $0.decode(Int64.self) } == [90])
    }

    @Test func `gifts both ways at once neither deadlock nor make money`() async throws {
        try await bench.pay(1, 500)
        try await bench.pay(2, 500)
        let bench = bench
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                let (giver, receiver): (Int64, Int64) = number % 2 == 0 ? (1, 2) : (2, 1)
                group.addTask { try await bench.apply(giver, .gift(receiver: receiver, amount: 10, memo: "g")) }
            }
            try await group.waitForAll()
        }
        for user in [Int64(1), 2] {
            let balance = try await bench.balance(user)
            #expect((balance.paidKopecks, balance.bonusKopecks) == (400, 100))
        }
        try await bench.expectSound()
    }

    // MARK: Read back

    @Test func `a hold is settled part by part over several batches`() async throws {
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 60)
        try await bench.apply(1, bench.charge(id, 15, part: part("a", 20)))
        try await bench.apply(1, .releaseHold(id: id, part: part("b", 20), reason: "failed"))
        let open = try await bench.queries.holds(of: 1, limit: 10, deadline: bench.deadline)
        #expect(open.map(\.chargedKopecks) == [15] && open.map(\.releasedKopecks) == [25])
        #expect(
            LedgerBench.code(try await bench.apply(1, bench.charge(id, 5, part: part("a", 5)))) == .holdAlreadyCharged
        )
        #expect(LedgerBench.code(try await bench.apply(1, bench.charge(id, 21, part: part("c", 21)))) == .exceedsHold)
        try await bench.apply(1, bench.charge(id, 20, part: part("c", 20)))
        #expect(LedgerBench.code(try await bench.apply(1, bench.charge(id, 0))) == .holdAlreadyCharged)
        let balance = try await bench.balance(1)
        #expect((balance.postedKopecks, balance.heldKopecks) == (65, 0))
        #expect(try await bench.queries.holds(of: 1, limit: 10, deadline: bench.deadline).isEmpty)
        // Each part's charge is refunded by itself.
        let refund = try await bench.apply(1, .refundCharge(id: id, partID: "c", amount: 20, reason: "r"))
        #expect(LedgerBench.code(refund) == nil)
        #expect(
            LedgerBench.code(try await bench.apply(1, .refundCharge(id: id, partID: "b", amount: 1, reason: "r")))
                == .holdAlreadyReleased
        )
        #expect(
            LedgerBench.code(try await bench.apply(1, .refundCharge(id: id, partID: nil, amount: 1, reason: "r")))
                == .limitExceeded
        )
        try await bench.expectSound()
    }

    @Test func `an extended hold counts until its later end, and what is left of it returns then`() async throws {
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 80, for: .seconds(3))
        try await bench.apply(1, bench.charge(id, 10, part: part("a", 30)))
        let later = WallClock.system.now + .seconds(6)
        try await bench.apply(1, .extendHold(id: id, expiresAt: later))
        let first = try await bench.now()
        try await eventually { try await bench.now() > first + .milliseconds(3_050) }
        #expect(try await bench.balance(1).heldKopecks == 50)
        // A batch that sweeps finds it alive.
        try await bench.pay(1, 1)
        #expect(try await bench.balance(1).heldKopecks == 50)
        try await eventually { try await bench.balance(1).heldKopecks == 0 }
        #expect(LedgerBench.code(try await bench.apply(1, bench.charge(id, 5))) == .holdExpired)
        #expect(
            LedgerBench.code(try await bench.apply(1, .extendHold(id: id, expiresAt: later + .seconds(9))))
                == .holdExpired
        )
        #expect(try await bench.balance(1).availableKopecks == 91)
        try await bench.expectSound()
    }

    @Test func `a payment goes back once, from paid money`() async throws {
        try await bench.pay(1, 100, .yookassa, "p1")
        let reference = CreditReference(source: .yookassa, reference: "p1")
        let id = try await bench.hold(1, 30)
        try await bench.apply(1, bench.charge(id, 30))
        #expect(
            LedgerBench.code(try await bench.apply(1, .refundCredit(reference, amount: 71, reason: "r")))
                == .insufficientFunds
        )
        try await bench.apply(1, .refundCredit(reference, amount: 70, reason: "r"))
        try await bench.pay(1, 500, .promo)
        try await bench.pay(1, 50, .yookassa, "p2")
        #expect(
            LedgerBench.code(try await bench.apply(1, .refundCredit(reference, amount: 31, reason: "r")))
                == .limitExceeded
        )
        #expect(try await bench.queries.trialBalance(deadline: bench.deadline).accounts["yookassa"] == -80)
        try await bench.expectSound()
    }

    @Test func `a correction is decided once, by another operator`() async throws {
        var bench = bench
        bench.rules.loneAdjustmentKopecks = 100
        let adjustment = Adjustment(
            id: AdjustmentID(),
            amount: 500,
            wallet: .bonus,
            reason: "lost",
            operatorName: "anna"
        )
        try await bench.apply(1, .adjust(adjustment))
        #expect(try await bench.reports.proposals(deadline: bench.deadline).adjustments.map(\.proposedBy) == ["anna"])
        #expect(try await bench.queries.account(of: adjustment.id, deadline: bench.deadline) == 1)
        let racing = bench
        let verdicts = try await withThrowingTaskGroup(of: Verdict.self) { group in
            for name in ["anna", "boris", "clara", "boris"] {
                group.addTask {
                    try await racing.apply(1, .decideAdjustment(id: adjustment.id, .approve, operatorName: name))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let fresh = verdicts.filter { if case .fresh(.adjustment) = $0 { true } else { false } }
        #expect(fresh.count == 1)
        #expect(try await bench.balance(1).bonusKopecks == 500)
        #expect(try await bench.reports.proposals(deadline: bench.deadline).adjustments.isEmpty)
        // The same adjustment under another key is the first answer again.
        guard case .replayed(.adjustment(let state)) = try await bench.apply(1, .adjust(adjustment)) else {
            Issue.record("not replayed")
            return
        }
        #expect(state.state == .proposed)
        try await bench.expectSound()
    }

    @Test func `a freeze is kept with its reason and undone`() async throws {
        try await bench.pay(1, 100)
        try await bench.apply(1, .freeze(operatorName: "anna", reason: "fraud?"))
        #expect(try await bench.balance(1).isFrozen)
        let hold = LedgerAction.placeHold(
            id: HoldID(),
            amount: 1,
            expiresAt: WallClock.system.now + .seconds(60),
            memo: ""
        )
        #expect(LedgerBench.code(try await bench.apply(1, hold)) == .accountFrozen)
        try await bench.apply(1, .unfreeze(operatorName: "boris", reason: "no"))
        #expect(LedgerBench.code(try await bench.apply(1, hold)) == nil)
        let trail = try await bench.database.query(
            "select operator_name, is_frozen from account_freeze order by operation"
        )
        #expect(try trail.map { try $0.decode(String.self, Bool.self).0 } == ["anna", "boris"])
        try await bench.expectSound()
    }

    @Test func `what was spent today is kept on the account`() async throws {
        var bench = bench
        bench.rules.dailySpendKopecks = 50
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 40)
        try await bench.apply(1, bench.charge(id, 30))
        let hold = LedgerAction.placeHold(
            id: HoldID(),
            amount: 21,
            expiresAt: WallClock.system.now + .seconds(60),
            memo: ""
        )
        #expect(LedgerBench.code(try await bench.apply(1, hold)) == .limitExceeded)
        _ = try await bench.hold(1, 20)
    }
}
