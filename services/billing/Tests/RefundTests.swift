import Contracts
import Testing
import Time

@testable import BillingService

/// Parts of holds, extensions, refunds, gifts, corrections and limits, one by one, without a database.
@Suite struct RefundTests {
    private static let now = Timestamp(seconds: 1_795_000_000)
    private static let later = now + .seconds(3_600)
    private let user: UserID = 7
    private let other: UserID = 8

    private func facts(_ account: AccountFacts, other second: AccountFacts = AccountFacts()) -> LedgerFacts {
        LedgerFacts(now: Self.now, accounts: [user: account, other: second], operationIDs: (1...16).map { $0 })
    }

    private func item(_ key: String, _ action: LedgerAction, of userID: UserID? = nil) -> LedgerItem {
        LedgerItem(
            key: OperationKey(caller: "caller", key: key),
            fingerprint: Array("\(action)".utf8),
            userID: userID ?? user,
            action: action
        )
    }

    private func hold(_ id: HoldID, _ amount: Int64) -> LedgerAction {
        .placeHold(id: id, amount: amount, expiresAt: Self.later, memo: "model")
    }

    private func charge(_ id: HoldID, _ amount: Int64, part: HoldPart? = nil, costKopecks: Int64 = 0) -> LedgerAction {
        .chargeHold(
            id: id,
            amount: amount,
            part: part,
            detail: ChargeDetail(
                jobID: JobID(),
                model: "veo",
                variant: "fast",
                providerCostMicrodollars: 1,
                providerCostKopecks: costKopecks
            )
        )
    }

    private func part(_ name: String, _ amount: Int64) -> HoldPart { HoldPart(partID: name, amountKopecks: amount) }

    private func credit(_ source: CreditSource, _ amount: Int64, _ reference: String = "r") -> LedgerAction {
        .credit(CreditReference(source: source, reference: reference), amount: amount, orderID: nil, memo: "")
    }

    private func code(_ verdict: Verdict) -> ProblemCode? {
        if case .fresh(.refused(let problem)) = verdict { problem.code } else { nil }
    }

    private func state(_ verdict: Verdict) -> HoldState? {
        if case .fresh(.hold(let state)) = verdict { state } else { nil }
    }

    // MARK: Parts and extensions

    @Test func `parts are settled one by one, and the last one ends the hold`() {
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [
                item("1", hold(id, 60)), item("2", charge(id, 15, part: part("a", 20))),
                item("3", .releaseHold(id: id, part: part("b", 20), reason: "failed")),
                item("4", charge(id, 20, part: part("c", 20))), item("5", charge(id, 0)),
            ]
        )
        #expect(verdicts.map(code) == [nil, nil, nil, nil, .holdAlreadyCharged])
        let states = verdicts.prefix(4).compactMap(state)
        #expect(states.map(\.chargedKopecks) == [0, 15, 15, 35])
        #expect(states.map(\.releasedKopecks) == [0, 5, 25, 25])
        #expect(states.map(\.state) == [.live, .live, .live, .charged])
        #expect(states.map(\.balance.heldKopecks) == [60, 40, 20, 0])
        #expect(rows.parts.map(\.how) == [.charged, .released, .charged])
        #expect(rows.endings.map(\.charged) == [0])
        #expect(rows.entries.filter { $0.account == user }.map(\.partID) == ["a", "c"])
    }

    @Test func `a part is settled once, whatever keys are used, and parts take at most the whole`() {
        let id = HoldID()
        let (verdicts, _) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [
                item("1", hold(id, 60)), item("2", charge(id, 20, part: part("a", 20))),
                item("3", charge(id, 20, part: part("a", 20))),
                item("4", .releaseHold(id: id, part: part("a", 20), reason: "")),
                item("5", charge(id, 41, part: part("b", 41))), item("6", charge(id, 21, part: part("b", 20))),
                item("7", charge(id, 30)),
            ]
        )
        #expect(
            verdicts.map(code) == [
                nil, nil, .holdAlreadyCharged, .holdAlreadyCharged, .exceedsHold, .exceedsHold, nil,
            ]
        )
        #expect(state(verdicts[6])?.chargedKopecks == 50)
        #expect(state(verdicts[6])?.releasedKopecks == 10)
    }

    @Test func `a hold of nothing covers any number of free parts`() {
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [
                item("1", hold(id, 0)), item("2", charge(id, 0, part: part("a", 0))),
                item("3", charge(id, 0, part: part("b", 0))), item("4", .releaseHold(id: id, reason: "all done")),
            ]
        )
        #expect(verdicts.map(code) == [nil, nil, nil, nil])
        #expect(rows.parts.count == 2)
        #expect(rows.endings.map(\.how) == [.released])
    }

    @Test func `an extension moves the end ahead and never back, and wakes nothing up`() {
        let id = HoldID()
        let gone = HoldID()
        var facts = facts(AccountFacts(paid: 100))
        facts.holds[HoldKey(userID: user, id: gone)] = HoldFacts(
            placed: HoldFacts.Placed(amount: 10, expiresAt: Self.now)
        )
        let much = Self.later + .seconds(60)
        let (verdicts, rows) = Ledger.decide(
            facts,
            [
                item("1", hold(id, 60)), item("2", .extendHold(id: id, expiresAt: much)),
                item("3", .extendHold(id: id, expiresAt: Self.later)),
                item("4", .extendHold(id: gone, expiresAt: much)),
                item("5", .extendHold(id: HoldID(), expiresAt: much)),
            ]
        )
        #expect(verdicts.map(code) == [nil, nil, nil, .holdExpired, .holdNotFound])
        #expect(state(verdicts[1])?.expiresAt == much)
        #expect(state(verdicts[2])?.expiresAt == much)
        #expect(rows.extensions.map(\.expiresAt) == [much])
        #expect(rows.endings.isEmpty)
    }

    // MARK: Refunds

    @Test func `a refund of a charge gives paid money back first, and never more than was taken`() throws {
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100, bonus: 30)),
            [
                item("1", hold(id, 80)), item("2", charge(id, 50)),
                item("3", .refundCharge(id: id, partID: nil, amount: 15, reason: "bad picture")),
                item("4", .refundCharge(id: id, partID: nil, amount: 36, reason: "too much")),
                item("5", .refundCharge(id: id, partID: nil, amount: 35, reason: "the rest")),
                item("6", .refundCharge(id: id, partID: nil, amount: 1, reason: "again")),
            ]
        )
        #expect(verdicts.map(code) == [nil, nil, nil, .limitExceeded, nil, .limitExceeded])
        #expect(rows.refunds.map(\.paid) == [15, 5])
        #expect(rows.refunds.map(\.bonus) == [0, 30])
        #expect(Set(rows.refunds.map(\.of)) == [2])
        #expect(rows.accounts.map(\.paidDelta) == [0])
        #expect(rows.accounts.map(\.bonusDelta) == [0])
        #expect(rows.entries.filter { $0.kind == .refund && $0.account == user }.map(\.bonusAmount) == [0, 30])
        guard case .fresh(.refund(let last)) = verdicts[4] else { return }
        #expect((last.refundedKopecks, last.refundableKopecks, last.bonusKopecks) == (50, 0, 30))
    }

    @Test func `what was never charged has nothing to refund`() {
        let (released, live) = (HoldID(), HoldID())
        let (verdicts, _) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [
                item("1", hold(released, 10)), item("2", .releaseHold(id: released, reason: "")),
                item("3", hold(live, 10)),
                item("4", .refundCharge(id: released, partID: nil, amount: 1, reason: "")),
                item("5", .refundCharge(id: live, partID: nil, amount: 1, reason: "")),
                item("6", .refundCharge(id: HoldID(), partID: nil, amount: 1, reason: "")),
            ]
        )
        #expect(verdicts.map(code) == [nil, nil, nil, .holdAlreadyReleased, .limitExceeded, .holdNotFound])
    }

    @Test func `only money that was paid in by this user and is neither spent nor held goes back to its payer`() {
        let payment = CreditReference(source: .yookassa, reference: "p")
        func back(_ amount: Int64, _ reference: CreditReference? = nil) -> LedgerAction {
            .refundCredit(reference ?? payment, amount: amount, reason: "asked for it")
        }
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [
                item("1", credit(.yookassa, 100, "p")), item("2", credit(.promo, 50, "code")),
                item("3", hold(HoldID(), 80)), item("4", back(71)), item("5", back(30)), item("6", back(71)),
                item("7", back(1, CreditReference(source: .promo, reference: "code"))), item("8", back(1), of: other),
                item("9", back(1, CreditReference(source: .stars, reference: "unknown"))),
            ]
        )
        #expect(
            verdicts.map(code) == [
                nil, nil, nil, .insufficientFunds, nil, .limitExceeded, .limitExceeded, .limitExceeded,
                .limitExceeded,
            ]
        )
        let entries = rows.entries.filter { $0.kind == .refund }
        #expect(entries.map(\.account) == [user, SystemAccount.yookassa.rawValue])
        #expect(entries.map(\.amount) == [-30, 30])
        #expect(rows.accounts.first?.paidDelta == 70)
    }

    // MARK: Gifts

    @Test func `a gift takes paid money and arrives as money that can only be spent`() {
        let gift = LedgerAction.gift(receiver: other, amount: 40, memo: "happy birthday")
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 60, bonus: 500)),
            [item("1", gift), item("2", gift), item("1", gift)]
        )
        #expect(verdicts.map(code) == [nil, .insufficientFunds, nil])
        #expect(rows.entries.map(\.account) == [user, other])
        #expect(rows.entries.map(\.amount) == [-40, 40])
        #expect(rows.entries.map(\.bonusAmount) == [0, 40])
        #expect(rows.accounts.map(\.paidDelta) == [-40, 0])
        #expect(rows.accounts.map(\.bonusDelta) == [0, 40])
    }

    @Test func `neither side of a gift may be frozen`() {
        let gift = LedgerAction.gift(receiver: other, amount: 1, memo: "")
        for (first, second) in [(true, false), (false, true)] {
            let facts = facts(AccountFacts(paid: 9, isFrozen: first), other: AccountFacts(isFrozen: second))
            #expect(Ledger.decide(facts, [item("1", gift)]).verdicts.map(code) == [.accountFrozen])
        }
    }

    // MARK: Corrections

    private func adjustment(_ amount: Int64, _ wallet: Wallet = .bonus, by name: String = "anna") -> Adjustment {
        Adjustment(id: AdjustmentID(), amount: amount, wallet: wallet, reason: "why", operatorName: name)
    }

    @Test func `a correction above what one may do alone waits for another operator`() {
        let rules = LedgerRules(loneAdjustmentKopecks: 100)
        let (small, large) = (adjustment(100), adjustment(101))
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [
                item("1", .adjust(small)), item("2", .adjust(large)),
                item("3", .decideAdjustment(id: large.id, .approve, operatorName: "anna")),
                item("4", .decideAdjustment(id: large.id, .approve, operatorName: "boris")),
                item("5", .decideAdjustment(id: large.id, .approve, operatorName: "boris")),
                item("6", .decideAdjustment(id: large.id, .reject, operatorName: "boris")),
                item("7", credit(.adjustment, 101)),
            ],
            rules: rules
        )
        #expect(verdicts.map(code) == [nil, nil, .limitExceeded, nil, nil, nil, .limitExceeded])
        let states = verdicts.map { verdict -> AdjustmentProgress? in
            switch verdict {
            case .fresh(.adjustment(let state)), .replayed(.adjustment(let state)): state.state
            default: nil
            }
        }
        #expect(states == [.applied, .proposed, nil, .applied, .applied, nil, nil])
        #expect(verdicts[5] == .mismatch)
        #expect(rows.accounts.map(\.bonusDelta) == [201])
        #expect(rows.decisions.map(\.decidedBy) == ["boris"])
    }

    @Test func `a correction is decided with its own account or not at all`() {
        let large = adjustment(101)
        let foreign = LedgerAction.decideAdjustment(id: large.id, .approve, operatorName: "boris")
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts()),
            [
                item("1", .adjust(large)), item("2", foreign, of: other), item("3", foreign),
                item("4", foreign, of: other),
            ],
            rules: LedgerRules(loneAdjustmentKopecks: 100)
        )
        #expect(verdicts.map(code) == [nil, .notFound, nil, .notFound])
        #expect(rows.accounts.map(\.userID) == [user])
        #expect(rows.decisions.count == 1)
    }

    @Test func `a correction takes no more than its wallet has free`() {
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 50, bonus: 20, held: 30)),
            [
                item("1", .adjust(adjustment(-21))), item("2", .adjust(adjustment(-41, .paid))),
                item("3", .adjust(adjustment(-40, .paid))),
            ]
        )
        #expect(verdicts.map(code) == [.insufficientFunds, .insufficientFunds, nil])
        #expect(rows.accounts.map(\.paidDelta) == [-40])
    }

    @Test func `a frozen account takes no hold, and takes one again when it is let go`() {
        let (verdicts, rows) = Ledger.decide(
            facts(AccountFacts(paid: 50)),
            [
                item("1", .freeze(operatorName: "anna", reason: "fraud?")), item("2", hold(HoldID(), 1)),
                item("3", .freeze(operatorName: "anna", reason: "again")),
                item("4", .unfreeze(operatorName: "anna", reason: "no")), item("5", hold(HoldID(), 1)),
            ]
        )
        #expect(verdicts.map(code) == [nil, .accountFrozen, nil, nil, nil])
        #expect(rows.freezes.map(\.isFrozen) == [true, false])
    }

    // MARK: Limits

    @Test func `a user spends at most so much a day, held money included`() {
        let rules = LedgerRules(dailySpendKopecks: 100)
        let day = rules.day(of: Self.now)
        let account = AccountFacts(paid: 1_000, held: 20, spent: 50, spentDay: day)
        let id = HoldID()
        let (verdicts, rows) = Ledger.decide(
            facts(account),
            [
                item("1", hold(HoldID(), 31)), item("2", hold(id, 30)), item("3", hold(HoldID(), 0)),
                item("4", charge(id, 10)),
            ],
            rules: rules
        )
        #expect(verdicts.map(code) == [.limitExceeded, nil, nil, nil])
        #expect(rows.accounts.map(\.spent) == [60])
        let yesterday = AccountFacts(paid: 1_000, spent: 90, spentDay: day - 1)
        #expect(
            Ledger.decide(facts(yesterday), [item("1", hold(HoldID(), 100))], rules: rules).verdicts.map(code) == [nil]
        )
    }

    @Test func `all users together are granted at most so much a day`() {
        var facts = facts(AccountFacts())
        facts.granted = DayGrants(day: 1, amount: 900)
        let (verdicts, rows) = Ledger.decide(
            facts,
            [
                item("1", credit(.promo, 60, "a")), item("2", credit(.bonus, 41, "b"), of: other),
                item("3", credit(.referral, 40, "c"), of: other), item("4", credit(.stars, 500, "d")),
            ],
            rules: LedgerRules(dailyGrantKopecks: 1_000)
        )
        #expect(verdicts.map(code) == [nil, .limitExceeded, nil, nil])
        #expect(rows.granted == 100)
        guard case .fresh(.refused(let problem)) = verdicts[1] else { return }
        #expect(problem.members["remaining_kopecks"] == .integer(40))
    }

    @Test func `the operator's day begins at its own midnight`() {
        let rules = LedgerRules()
        // 2026-11-28T20:59:59Z is 23:59:59 in Moscow.
        let evening = Timestamp(seconds: 1_795_899_599)
        #expect(rules.day(of: evening) == 20_785)
        #expect(rules.day(of: evening + .seconds(1)) == 20_786)
        #expect(LedgerRules(dayOffset: .zero).day(of: Timestamp(microseconds: -1)) == -1)
    }

    @Test func `what the provider took is booked in entries of its own that sum to zero`() {
        let id = HoldID()
        let (_, rows) = Ledger.decide(
            facts(AccountFacts(paid: 100)),
            [item("1", hold(id, 50)), item("2", charge(id, 50, costKopecks: 20))]
        )
        #expect(
            rows.entries.map(\.account) == [
                user, SystemAccount.revenue.rawValue, SystemAccount.providerCost.rawValue,
                SystemAccount.provider.rawValue,
            ]
        )
        #expect(rows.entries.map(\.amount) == [-50, 50, -20, 20])
    }
}
