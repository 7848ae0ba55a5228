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
    case placeHold(id: HoldID, amount: Int64, expiresAt: Timestamp, memo: String)
    case chargeHold(id: HoldID, amount: Int64, detail: ChargeDetail)
    case releaseHold(id: HoldID, reason: String)
    case credit(CreditReference, amount: Int64, orderID: OrderID?, memo: String)

    var kind: OperationKind {
        switch self {
        case .placeHold: .placeHold
        case .chargeHold: .chargeHold
        case .releaseHold: .releaseHold
        case .credit: .credit
        }
    }

    fileprivate var holdID: HoldID? {
        switch self {
        case .placeHold(let id, _, _, _), .chargeHold(let id, _, _), .releaseHold(let id, _): id
        case .credit: nil
        }
    }
}

/// The `kind` column of operations, and the `operation` label of metrics.
enum OperationKind: String, Sendable, CaseIterable {
    case placeHold = "place_hold"
    case chargeHold = "charge_hold"
    case releaseHold = "release_hold"
    case credit
}

/// What a charge was for, for the statement and margin reports.
struct ChargeDetail: Sendable, Equatable {
    var jobID: JobID
    var model: String
    var variant: String
    var providerCostMicrodollars: Int64
}

/// A payment at its source; credited once, whatever keys are used.
struct CreditReference: Sendable, Hashable {
    var source: CreditSource
    var reference: String
}

/// What the caller of an operation is told; stored with the operation and never changed.
enum LedgerAnswer: Sendable, Equatable {
    case hold(HoldState)
    case credit(CreditState)
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
    var systemAccount: Int64 {
        switch self {
        case .yookassa: -1
        case .stars: -2
        case .bonus: -3
        case .promo: -4
        case .referral: -5
        case .adjustment: -6
        }
    }

    /// Whether it is money that was paid in. An operator's correction is not: it must not become refundable.
    var isPaid: Bool { self == .yookassa || self == .stars }

    var entryKind: EntryKind {
        switch self {
        case .yookassa, .stars: .topUp
        case .bonus, .promo, .referral: .grant
        case .adjustment: .adjust
        }
    }
}

/// Where charged money goes.
let revenueAccount: Int64 = -7
