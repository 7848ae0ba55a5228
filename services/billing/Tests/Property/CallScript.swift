import Contracts
import Foundation
import ProofKit
import Time

@testable import BillingService

/// Makes calls of every kind: mostly sensible ones, many repeats, some nonsense; few users, so that they meet.
struct CallScript {
    static let users: ClosedRange<UserID> = 1...4
    /// Limits that are low enough to be met.
    static let rules = LedgerRules(dailySpendKopecks: 180, dailyGrantKopecks: 250, loneAdjustmentKopecks: 60)

    private var items: [LedgerItem] = []
    private var holds: [HoldKey] = []
    private var references: [CreditReference] = []
    private var adjustments: [(id: AdjustmentID, userID: UserID, adjustment: Adjustment)] = []
    /// Charges that were tried, to be refunded.
    private var charges: [(key: HoldKey, partID: String?)] = []
    private var number: UInt64 = 0

    mutating func next(_ now: Timestamp, _ random: inout SeededGenerator) -> LedgerItem {
        if !items.isEmpty, random.isOne(in: 9) {
            var old = random.element(of: items)
            if random.isOne(in: 4) { old.fingerprint = [255] }
            return old
        }
        let user = random.number(Self.users)
        var item = LedgerItem(
            key: OperationKey(caller: random.isOne(in: 2) ? "generation" : "payments", key: "\(items.count)"),
            fingerprint: [0],
            userID: user,
            action: action(user, now, &random)
        )
        switch item.action {
        // As the API does, which looks up whose adjustment it is.
        case .decideAdjustment(let id, _, _): item.userID = adjustments.first { $0.id == id }?.userID ?? user
        case .adjust(let adjustment) where !adjustments.contains { $0.id == adjustment.id }:
            adjustments.append((adjustment.id, user, adjustment))
        default: break
        }
        items.append(item)
        return item
    }

    private mutating func action(_ user: UserID, _ now: Timestamp, _ random: inout SeededGenerator) -> LedgerAction {
        switch random.number(0...31) {
        case 0...7: return place(user, now, &random)
        case 8...12:
            let id = hold(of: user, &random)
            let part = random.isOne(in: 3) ? part(&random) : nil
            charges.append((HoldKey(userID: user, id: id), part?.partID))
            return .chargeHold(
                id: id,
                amount: random.isOne(in: 3) ? 0 : random.number(0...60),
                part: part,
                detail: ChargeDetail(
                    jobID: JobID(uuid(&random)),
                    model: "m",
                    variant: "v",
                    providerCostMicrodollars: 1,
                    providerCostKopecks: random.number(0...2)
                )
            )
        case 13...14:
            return .releaseHold(
                id: hold(of: user, &random),
                part: random.isOne(in: 3) ? part(&random) : nil,
                reason: ""
            )
        case 15:
            return .extendHold(id: hold(of: user, &random), expiresAt: now + .seconds(random.number(-20...300)))
        case 16...17:
            let known = charges.suffix(30).filter { $0.key.userID == user }
            guard !random.isOne(in: 4), let charge = random.anyElement(of: known) else {
                let partID = random.isOne(in: 3) ? random.anyElement(of: Self.parts) : nil
                return .refundCharge(id: hold(of: user, &random), partID: partID, amount: 1, reason: "")
            }
            return .refundCharge(id: charge.key.id, partID: charge.partID, amount: random.number(1...15), reason: "")
        case 18...22: return credit(&random)
        case 23:
            let reference = random.anyElement(of: references) ?? fresh(&random)
            return .refundCredit(reference, amount: random.number(1...60), reason: "")
        case 24:
            let others = Self.users.filter { $0 != user }
            return .gift(receiver: random.element(of: others), amount: random.number(1...60), memo: "")
        case 25: return adjust(&random)
        case 26:
            let id = random.anyElement(of: adjustments)?.id ?? AdjustmentID(uuid(&random))
            let decision: AdjustmentDecision = random.isOne(in: 3) ? .reject : .approve
            return .decideAdjustment(id: id, decision, operatorName: random.element(of: Self.operators))
        case 27: return random.isOne(in: 2) ? .freeze(operatorName: "ann", reason: "") : .openAccount
        case 28...29:
            return .refundCredit(
                random.anyElement(of: references.suffix(8)) ?? fresh(&random),
                amount: random.number(1...60),
                reason: ""
            )
        default: return random.isOne(in: 2) ? .unfreeze(operatorName: "bob", reason: "") : place(user, now, &random)
        }
    }

    private static let parts = ["1", "2", "3"]
    private static let operators = ["ann", "bob"]

    private mutating func place(_ user: UserID, _ now: Timestamp, _ random: inout SeededGenerator) -> LedgerAction {
        let id = random.isOne(in: 15) ? hold(of: user, &random) : HoldID(uuid(&random))
        holds.append(HoldKey(userID: user, id: id))
        let amount: Int64 = random.isOne(in: 8) ? 0 : random.number(1...70)
        return .placeHold(id: id, amount: amount, expiresAt: now + .seconds(random.number(-5...300)), memo: "")
    }

    /// One of the user's latest holds, or one that nobody knows.
    private mutating func hold(of user: UserID, _ random: inout SeededGenerator) -> HoldID {
        let mine = holds.suffix(40).filter { $0.userID == user }
        guard !random.isOne(in: 14), let known = random.anyElement(of: mine.suffix(6)) else {
            let unknown = HoldID(uuid(&random))
            // Sometimes it is placed later, when it must not land any more.
            if random.isOne(in: 3) { holds.append(HoldKey(userID: user, id: unknown)) }
            return unknown
        }
        return known.id
    }

    private func part(_ random: inout SeededGenerator) -> HoldPart {
        HoldPart(partID: random.element(of: Self.parts), amountKopecks: random.number(0...50))
    }

    private mutating func fresh(_ random: inout SeededGenerator) -> CreditReference {
        let reference = CreditReference(
            source: random.isOne(in: 2) ? .yookassa : random.element(of: CreditSource.allCases),
            reference: "\(references.count)"
        )
        references.append(reference)
        return reference
    }

    private mutating func credit(_ random: inout SeededGenerator) -> LedgerAction {
        let known = random.isOne(in: 5) ? random.anyElement(of: references) : nil
        let amount: Int64 = random.isOne(in: 16) ? LedgerLimits.maximumBalanceKopecks - 80 : random.number(1...150)
        return .credit(known ?? fresh(&random), amount: amount, orderID: nil, memo: "")
    }

    private mutating func adjust(_ random: inout SeededGenerator) -> LedgerAction {
        if random.isOne(in: 5), let known = random.anyElement(of: adjustments) { return .adjust(known.adjustment) }
        let amount: Int64 = random.number(1...90)
        let adjustment = Adjustment(
            id: AdjustmentID(uuid(&random)),
            amount: random.isOne(in: 2) ? amount : -amount,
            wallet: random.isOne(in: 2) ? .paid : .bonus,
            reason: "",
            operatorName: random.element(of: Self.operators)
        )
        return .adjust(adjustment)
    }

    /// From the seed and not from the system, so that a run can be repeated.
    private mutating func uuid(_ random: inout SeededGenerator) -> UUID {
        number += 1
        let high = number.bigEndian
        let low = random.next()
        return UUID(uuid: unsafe unsafeBitCast((high, low), to: uuid_t.self))
    }
}
