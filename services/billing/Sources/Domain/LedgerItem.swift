import Contracts
import Foundation
import Time

/// One mutating call on its way into the ledger.
struct LedgerItem: Sendable, Equatable {
    var key: OperationKey
    /// SHA-256 of what is asked.
    var fingerprint: [UInt8]
    var userID: UserID
    var action: LedgerAction

    /// The hold that it is about, if it is about one.
    var hold: HoldKey? { action.holdID.map { HoldKey(userID: userID, id: $0) } }

    /// The account beside `userID` that it changes too, if there is one.
    var otherUserID: UserID? {
        if case .gift(let receiver, _, _) = action { receiver } else { nil }
    }
}

/// A hold is known by its account and its id: another user's hold with the same id is another hold.
struct HoldKey: Sendable, Hashable {
    var userID: UserID
    var id: HoldID
}

/// The idempotency key of a call; each caller has keys of its own.
struct OperationKey: Sendable, Hashable, Comparable {
    var caller: String
    var key: String

    static func < (left: Self, right: Self) -> Bool { (left.caller, left.key) < (right.caller, right.key) }
}

/// What a call wants, its values already in range.
enum LedgerAction: Sendable, Equatable {
    case openAccount
    case placeHold(id: HoldID, amount: Int64, expiresAt: Timestamp, memo: String)
    case extendHold(id: HoldID, expiresAt: Timestamp)
    /// Without a part the whole rest of the hold is settled.
    case chargeHold(id: HoldID, amount: Int64, part: HoldPart? = nil, detail: ChargeDetail)
    case releaseHold(id: HoldID, part: HoldPart? = nil, reason: String)
    /// The charge of a part, or the one that ended the hold.
    case refundCharge(id: HoldID, partID: String?, amount: Int64, reason: String)
    case credit(CreditReference, amount: Int64, orderID: OrderID?, memo: String)
    case refundCredit(CreditReference, amount: Int64, reason: String)
    case gift(receiver: UserID, amount: Int64, memo: String)
    case adjust(Adjustment)
    case decideAdjustment(id: AdjustmentID, AdjustmentDecision, operatorName: String)
    case freeze(operatorName: String, reason: String)
    case unfreeze(operatorName: String, reason: String)

    var kind: OperationKind {
        switch self {
        case .openAccount: .openAccount
        case .placeHold: .placeHold
        case .extendHold: .extendHold
        case .chargeHold: .chargeHold
        case .releaseHold: .releaseHold
        case .refundCharge: .refundCharge
        case .credit: .credit
        case .refundCredit: .refundCredit
        case .gift: .gift
        case .adjust: .adjust
        case .decideAdjustment: .decideAdjustment
        case .freeze: .freezeAccount
        case .unfreeze: .unfreezeAccount
        }
    }

    fileprivate var holdID: HoldID? {
        switch self {
        case .placeHold(let id, _, _, _), .extendHold(let id, _), .chargeHold(let id, _, _, _),
            .releaseHold(let id, _, _), .refundCharge(let id, _, _, _):
            id
        default: nil
        }
    }
}

/// The `kind` column of operations, and the `operation` label of metrics.
enum OperationKind: String, Sendable, CaseIterable {
    case openAccount = "open_account"
    case placeHold = "place_hold"
    case extendHold = "extend_hold"
    case chargeHold = "charge_hold"
    case releaseHold = "release_hold"
    case refundCharge = "refund_charge"
    case credit
    case refundCredit = "refund_credit"
    case gift
    case adjust
    case decideAdjustment = "decide_adjustment"
    case freezeAccount = "freeze_account"
    case unfreezeAccount = "unfreeze_account"
}

/// What a charge was for, for the statement and margin reports.
struct ChargeDetail: Sendable, Equatable {
    var jobID: JobID
    var model: String
    var variant: String
    var providerCostMicrodollars: Int64
    /// The same in kopecks, to be booked; 0 books nothing.
    var providerCostKopecks: Int64 = 0
}

/// A payment at its source; credited once, whatever keys are used.
struct CreditReference: Sendable, Hashable {
    var source: CreditSource
    var reference: String
}

/// An operator's correction.
struct Adjustment: Sendable, Equatable {
    var id: AdjustmentID
    /// Positive into the account.
    var amount: Int64
    var wallet: Wallet
    var reason: String
    var operatorName: String
}

/// What a refund is of: a charge, by its hold and part, or a credit.
enum RefundTarget: Sendable, Hashable {
    case charge(HoldKey, partID: String?)
    case credit(CreditReference)
}

/// What the caller of an operation is told; stored with the operation and never changed.
enum LedgerAnswer: Sendable, Equatable {
    case account(Balance)
    case hold(HoldState)
    case credit(CreditState)
    case refund(RefundState)
    case gift(GiftState)
    case adjustment(AdjustmentState)
    case refused(Problem)

    /// `ok` or the problem's code: the `verdict` column and label.
    var verdict: String {
        if case .refused(let problem) = self { problem.code.rawValue } else { "ok" }
    }
}

/// What becomes of one item.
enum Verdict: Sendable, Equatable {
    /// Decided now.
    case fresh(LedgerAnswer)
    /// Decided before under the same key: the first answer.
    case replayed(LedgerAnswer)
    /// The key was used for something else.
    case mismatch
}

extension CreditSource {
    /// The account on the other side.
    var systemAccount: SystemAccount {
        switch self {
        case .yookassa: .yookassa
        case .stars: .stars
        case .bonus: .bonus
        case .promo: .promo
        case .referral: .referral
        case .adjustment: .adjustment
        }
    }

    /// Whether it is money that was paid in. An operator's correction is not: it must not become refundable.
    var isPaid: Bool { self == .yookassa || self == .stars }

    /// Whether it is the operator's free money, of which each day has only so much.
    var isGranted: Bool { entryKind == .grant }

    var entryKind: EntryKind {
        switch self {
        case .yookassa, .stars: .topUp
        case .bonus, .promo, .referral: .grant
        case .adjustment: .adjust
        }
    }
}
