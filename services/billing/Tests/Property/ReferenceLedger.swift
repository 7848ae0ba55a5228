import Contracts
import Time

@testable import BillingService

/// What the ledger must do, written in the simplest way: one call at a time, no batches, no stored sums, no sweeping,
/// everything added up anew whenever it is asked for.
struct ReferenceLedger {
    struct Hold {
        var amount: Int64
        var expiresAt: Timestamp
        var ended: HoldEnd?
        var chargedAtEnd: Int64 = 0
        var parts: [String: (how: HoldEnd, amount: Int64, charged: Int64)] = [:]

        var left: Int64 { amount - parts.values.map(\.amount).reduce(0, +) }
        var charged: Int64 { chargedAtEnd + parts.values.map(\.charged).reduce(0, +) }

        func end(_ now: Timestamp) -> HoldEnd? { ended ?? (expiresAt <= now ? .expired : nil) }
    }

    /// Money of one transfer, and what of it has gone back.
    struct Moved {
        let userID: UserID
        let paid: Int64
        let bonus: Int64
        var refundedPaid: Int64 = 0
        var refundedBonus: Int64 = 0

        var refunded: Int64 { refundedPaid + refundedBonus }
        var left: Int64 { paid + bonus - refunded }
    }

    struct User {
        var paid: Int64 = 0
        var bonus: Int64 = 0
        var isFrozen = false
        var spent: [Int64: Int64] = [:]
        var holds: [HoldID: Hold] = [:]
        var tombstones: Set<HoldID> = []

        var posted: Int64 { paid + bonus }

        func held(_ now: Timestamp) -> Int64 {
            holds.values.filter { $0.end(now) == nil }.map(\.left).reduce(0, +)
        }

        func available(_ now: Timestamp) -> Int64 { posted - held(now) }
        func givable(_ now: Timestamp) -> Int64 { min(paid, available(now)) }
    }

    struct Proposal {
        let userID: UserID
        let adjustment: Adjustment
        let answer: LedgerAnswer
        var decided: (decision: AdjustmentDecision, answer: LedgerAnswer)?
    }

    let rules: LedgerRules
    var users: [UserID: User] = [:]
    var moved: [RefundTarget: Moved] = [:]
    var proposals: [AdjustmentID: Proposal] = [:]
    var granted: [Int64: Int64] = [:]
    private var answers: [OperationKey: (fingerprint: [UInt8], answer: LedgerAnswer)] = [:]
    private var payments: [CreditReference: (userID: UserID, amount: Int64, answer: LedgerAnswer)] = [:]
    var now = Timestamp(seconds: 0)

    init(rules: LedgerRules) {
        self.rules = rules
    }

    var today: Int64 { rules.day(of: now) }

    /// Decides a call.
    mutating func take(_ item: LedgerItem, at now: Timestamp) -> Verdict {
        self.now = now
        if let known = answers[item.key] {
            return known.fingerprint == item.fingerprint ? .replayed(known.answer) : .mismatch
        }
        if let known = underAnotherKey(item) { return known }
        let answer = decide(item)
        answers[item.key] = (item.fingerprint, answer)
        switch (item.action, answer) {
        case (.credit(let reference, let amount, _, _), .credit):
            payments[reference] = (item.userID, amount, answer)
        case (.adjust(let adjustment), .adjustment(let state)):
            let decided = state.state == .proposed ? nil : (decision: AdjustmentDecision.approve, answer: answer)
            proposals[adjustment.id] = Proposal(
                userID: item.userID,
                adjustment: adjustment,
                answer: answer,
                decided: decided
            )
        case (.decideAdjustment(let id, let decision, _), .adjustment):
            proposals[id]?.decided = (decision, answer)
        default: break
        }
        return .fresh(answer)
    }

    private func underAnotherKey(_ item: LedgerItem) -> Verdict? {
        switch item.action {
        case .credit(let reference, let amount, _, _):
            guard let known = payments[reference] else { return nil }
            return known.userID == item.userID && known.amount == amount ? .replayed(known.answer) : .mismatch
        case .adjust(let adjustment):
            guard let known = proposals[adjustment.id] else { return nil }
            return known.userID == item.userID && known.adjustment == adjustment ? .replayed(known.answer) : .mismatch
        case .decideAdjustment(let id, let decision, _):
            guard let proposal = proposals[id], proposal.userID == item.userID, let known = proposal.decided else {
                return nil
            }
            return known.decision == decision ? .replayed(known.answer) : .mismatch
        default: return nil
        }
    }

    private mutating func decide(_ item: LedgerItem) -> LedgerAnswer {
        let userID = item.userID
        switch item.action {
        case .openAccount: return .account(balance(userID))
        case .placeHold(let id, let amount, let expiresAt, _): return place(userID, id, amount, expiresAt)
        case .extendHold(let id, let expiresAt): return extend(userID, id, expiresAt)
        case .chargeHold(let id, let amount, let part, _): return settle(userID, id, part, charging: amount)
        case .releaseHold(let id, let part, _): return settle(userID, id, part, charging: nil)
        case .refundCharge(let id, let partID, let amount, _): return refundCharge(userID, id, partID, amount)
        case .credit(let reference, let amount, _, _): return credit(userID, reference, amount)
        case .refundCredit(let reference, let amount, _): return refundCredit(userID, reference, amount)
        case .gift(let receiver, let amount, _): return give(amount, userID, receiver)
        case .adjust(let adjustment): return adjust(userID, adjustment)
        case .decideAdjustment(let id, let decision, let name): return decide(userID, id, decision, name)
        case .freeze: return setFrozen(true, userID)
        case .unfreeze: return setFrozen(false, userID)
        }
    }

    private mutating func setFrozen(_ isFrozen: Bool, _ userID: UserID) -> LedgerAnswer {
        users[userID, default: User()].isFrozen = isFrozen
        return .account(balance(userID))
    }

    // MARK: Shared by all rules

    func user(_ userID: UserID) -> User { users[userID] ?? User() }

    func balance(_ userID: UserID) -> Balance {
        let user = user(userID)
        return Balance(
            userID: userID,
            postedKopecks: user.posted,
            heldKopecks: user.held(now),
            availableKopecks: user.available(now),
            paidKopecks: user.paid,
            bonusKopecks: user.bonus,
            isFrozen: user.isFrozen
        )
    }

    func refuse(_ code: ProblemCode) -> LedgerAnswer { .refused(Problem(code)) }

    func insufficient(_ wanted: Int64, _ has: Int64) -> LedgerAnswer {
        .refused(
            Problem(
                .insufficientFunds,
                members: ["shortage_kopecks": .integer(wanted - has), "available_kopecks": .integer(has)]
            )
        )
    }

    /// - Parameter detail: The words beside the code are the ledger's own; they are told apart by the limit's name.
    func limit(_ name: String, _ limit: Int64, _ remaining: Int64) -> LedgerAnswer {
        .refused(
            Problem(
                .limitExceeded,
                members: [
                    "limit": .string(name), "limit_kopecks": .integer(limit),
                    "remaining_kopecks": .integer(max(0, remaining)),
                ]
            )
        )
    }
}
