import Contracts
import Testing
import Time

@testable import BillingService

/// The rules one by one, without a database.
@Suite struct LedgerTests {
    private static let now = Timestamp(seconds: 1_795_000_000)
    private static let later = now + .seconds(3_600)
    private let user: UserID = 7

    private func facts(_ account: AccountFacts, count: Int = 8) -> LedgerFacts {
        LedgerFacts(now: Self.now, accounts: [user: account], operationIDs: (1...Int64(count)).map { $0 })
    }

    private func item(_ key: String, _ action: LedgerAction, fingerprint: UInt8 = 1) -> LedgerItem {
        LedgerItem(
            key: OperationKey(caller: "generation", key: key),
            fingerprint: [fingerprint],
            userID: user,
            action: action
        )
    }

    private func hold(_ amount: Int64, until: Timestamp = later) -> LedgerAction {
        hold(HoldID(), amount, until: until)
    }

    private func hold(_ id: HoldID, _ amount: Int64, until: Timestamp = later) -> LedgerAction {
        .placeHold(id: id, amount: amount, expiresAt: until, memo: "nano-banana")
    }

    private func charge(_ id: HoldID, _ amount: Int64) -> LedgerAction {
        .chargeHold(
            id: id,
            amount: amount,
            detail: ChargeDetail(jobID: JobID(), model: "nano-banana", variant: "2k", providerCostMicrodollars: 20_000)
        )
    }

    private func placed(_ id: HoldID, _ amount: Int64, end: HoldFacts.End? = nil) -> [HoldKey: HoldFacts] {
        [
            HoldKey(userID: user, id: id): HoldFacts(
                placed: HoldFacts.Placed(amount: amount, expiresAt: Self.later),
                end: end
            )
        ]
    }

    private func code(_ verdict: Verdict) -> ProblemCode? {
        if case .fresh(.refused(let problem)) = verdict { problem.code } else { nil }
    }

    // MARK: Refusals

    @Test func `a hold above what is available is refused with the shortage, a later smaller one is not`() throws {
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100, held: 40)),
            [item("1", hold(1_000)), item("2", hold(1)), item("3", hold(60)), item("4", hold(59))]
        )
        #expect(verdicts.map(code) == [.insufficientFunds, nil, .insufficientFunds, nil])
        guard case .fresh(.refused(let problem)) = verdicts[0] else { return }
        #expect(problem.members["shortage_kopecks"] == .integer(940))
        #expect(problem.members["available_kopecks"] == .integer(60))
        #expect(rows.operations.count == 4)
        #expect(rows.accounts.map(\.heldDelta) == [60])
    }

    @Test func `a frozen account takes no hold and no gift, but paid money`() {
        let (verdicts, _) = Ledger.decide(
            facts(AccountFacts(paid: 100, isFrozen: true)),
            [
                item("1", hold(1)),
                item("2", .credit(CreditReference(source: .promo, reference: "a"), amount: 5, orderID: nil, memo: "")),
                item(
                    "3",
                    .credit(CreditReference(source: .yookassa, reference: "b"), amount: 5, orderID: nil, memo: "")
                ),
            ]
        )
        #expect(verdicts.map(code) == [.accountFrozen, .accountFrozen, nil])
    }

    @Test func `a charge above the hold is refused and the hold lives on`() {
        let id = HoldID()
        var facts = facts(AccountFacts(paid: 100, held: 50))
        facts.holds = placed(id, 50)
        let (verdicts, rows) = Ledger.decide(facts, [item("1", charge(id, 51)), item("2", charge(id, 50))])
        #expect(verdicts.map(code) == [.exceedsHold, nil])
        #expect(rows.endings.count == 1)
    }

    @Test(arguments: [
        (HoldEnd.charged, ProblemCode.holdAlreadyCharged), (.released, .holdAlreadyReleased), (.expired, .holdExpired),
    ])
    func `a hold ends once`(how: HoldEnd, expected: ProblemCode) {
        let id = HoldID()
        var facts = facts(AccountFacts(paid: 100))
        facts.holds = placed(id, 50, end: HoldFacts.End(how: how, charged: 0))
        let (verdicts, rows) = Ledger.decide(
            facts,
            [item("1", charge(id, 1)), item("2", .releaseHold(id: id, reason: "again"))]
        )
        #expect(verdicts.map(code) == [expected, expected])
        #expect(rows.endings.isEmpty && rows.entries.isEmpty && rows.accounts.isEmpty)
    }

    @Test func `an unknown hold leaves a tombstone that a late hold can't pass`() {
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [
                item("1", .releaseHold(id: id, reason: "gave up")), item("2", hold(id, 10)), item("3", charge(id, 10)),
            ]
        )
        #expect(verdicts.map(code) == [.holdNotFound, .holdAlreadyReleased, .holdNotFound])
        #expect(rows.holds.isEmpty)
        #expect(rows.endings.map(\.how) == [.released])
    }

    @Test func `a hold that expired on its way is refused`() {
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [item("1", hold(10, until: Self.now))]
        )
        #expect(verdicts.map(code) == [.holdExpired])
        #expect(rows.holds.isEmpty)
    }

    @Test func `an account can't hold more than the limit`() {
        let (verdicts, _) = Ledger.decide(
            facts(AccountFacts(paid: LedgerLimits.maximumBalanceKopecks)),
            [item("1", .credit(CreditReference(source: .stars, reference: "a"), amount: 1, orderID: nil, memo: ""))]
        )
        #expect(verdicts.map(code) == [.limitExceeded])
    }

    // MARK: Repeats

    @Test func `the same key in one batch is decided once, and with another body refused`() {
        let action = hold(HoldID(), 60)
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [item("1", action), item("1", action), item("1", hold(1), fingerprint: 2)]
        )
        guard case .fresh(let first) = verdicts[0] else {
            Issue.record("the first was not fresh")
            return
        }
        #expect(verdicts[1] == .replayed(first))
        #expect(verdicts[2] == .mismatch)
        #expect(rows.operations.count == 1)
        #expect(rows.accounts.map(\.heldDelta) == [60])
    }

    @Test func `one payment is credited once whatever key is used`() {
        let reference = CreditReference(source: .yookassa, reference: "2d1f")
        let credit = LedgerAction.credit(reference, amount: 100, orderID: nil, memo: "")
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [
                item("1", credit), item("2", credit),
                item("3", .credit(reference, amount: 200, orderID: nil, memo: ""), fingerprint: 3),
            ]
        )
        guard case .fresh(let first) = verdicts[0] else {
            Issue.record("the first was not fresh")
            return
        }
        #expect(verdicts[1...] == [.replayed(first), .mismatch])
        #expect(rows.accounts.map(\.paidDelta) == [100])
        #expect(rows.credits.count == 1)
    }

    // MARK: Movements

    @Test func `granted money is spent before paid money, and the rest of the hold returns`() {
        let id = HoldID()
        var facts = facts(AccountFacts(paid: 100, bonus: 30, held: 80))
        facts.holds = placed(id, 80)
        let (verdicts, rows) = Ledger.decide(facts, [item("1", charge(id, 50))])
        guard case .fresh(.hold(let state)) = verdicts[0] else {
            Issue.record("not charged")
            return
        }
        #expect((state.chargedKopecks, state.releasedKopecks, state.state) == (50, 30, .charged))
        #expect(state.balance.paidKopecks == 80)
        #expect(state.balance.bonusKopecks == 0)
        #expect(state.balance.availableKopecks == 80)
        #expect(rows.entries.map(\.amount) == [-50, 50])
        #expect(rows.entries.map(\.bonusAmount) == [-30, 0])
        #expect(rows.entries.map(\.account) == [user, SystemAccount.revenue.rawValue])
        #expect(rows.entries.map(\.balanceAfter) == [80, nil])
    }

    @Test func `a hold of nothing is placed and charged and leaves its trail`() {
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [item("1", hold(id, 0)), item("2", charge(id, 0))]
        )
        #expect(verdicts.map(code) == [nil, nil])
        #expect(rows.holds.count == 1 && rows.endings.count == 1)
        #expect(rows.entries.map(\.amount) == [0])
        #expect(rows.entries.map(\.charge?.model) == ["nano-banana"])
    }

    @Test func `expired holds are ended first and their money is available`() {
        let id = HoldID()
        var facts = facts(AccountFacts(paid: 100, held: 100))
        facts.holds = placed(id, 100)
        facts.holds[HoldKey(userID: user, id: id)]?.placed?.expiresAt = Self.now
        facts.expired = [ExpiredHold(key: HoldKey(userID: user, id: id), amount: 100)]
        let (verdicts, rows) = Ledger.decide(facts, [item("1", charge(id, 100)), item("2", hold(100))])
        #expect(verdicts.map(code) == [.holdExpired, nil])
        #expect(rows.endings.map(\.how) == [.expired])
        #expect(rows.accounts.isEmpty, "as much was held again")
    }

    @Test(arguments: CreditSource.allCases)
    func `every source has its own other side`(source: CreditSource) {
        let (_, rows) = Ledger.decide(
            facts(AccountFacts()),
            [item("1", .credit(CreditReference(source: source, reference: "r"), amount: 9, orderID: nil, memo: "m"))]
        )
        #expect(rows.entries.map(\.amount) == [9, -9])
        #expect(rows.entries[1].account == source.systemAccount.rawValue)
        #expect(rows.accounts.map(\.bonusDelta) == [source.isPaid ? 0 : 9])
    }

    @Test func `a batch of replays writes nothing`() {
        var facts = facts(AccountFacts(paid: 1))
        let answer = LedgerAnswer.refused(Problem(.insufficientFunds))
        facts.operations[OperationKey(caller: "generation", key: "1")] = StoredOperation(
            fingerprint: [1],
            answer: answer
        )
        let (verdicts, rows) = Ledger.decide(facts, [item("1", hold(5))])
        #expect(verdicts == [.replayed(answer)])
        #expect(rows.isEmpty)
    }
}
