import Contracts
import Time

/// What the database holds about the items of a batch, read after their accounts were locked.
struct LedgerFacts: Sendable, Equatable {
    /// The database's clock, read after the locks: what has expired by then is ended by this batch.
    var now: Timestamp
    /// Every account that an item names.
    var accounts: [UserID: AccountFacts] = [:]
    /// The operations that the items' keys already have.
    var operations: [OperationKey: StoredOperation] = [:]
    /// The holds and tombstones that items name.
    var holds: [HoldKey: HoldFacts] = [:]
    /// The credits that items name.
    var credits: [CreditReference: StoredCredit] = [:]
    /// The charges and credits that items want to refund.
    var refundables: [RefundTarget: Refundable] = [:]
    /// The adjustments that items name.
    var adjustments: [AdjustmentID: StoredAdjustment] = [:]
    /// What has been granted today, its row locked; only if an item grants.
    var granted: DayGrants?
    /// Holds of the accounts that have expired by `now` and were not ended.
    var expired: [ExpiredHold] = []
    /// Numbers for new operations, one for each item.
    var operationIDs: [Int64] = []
}

struct AccountFacts: Sendable, Equatable {
    var paid: Int64 = 0
    var bonus: Int64 = 0
    var held: Int64 = 0
    var isFrozen = false
    /// What was charged on the day `spentDay`.
    var spent: Int64 = 0
    var spentDay: Int64 = 0

    var posted: Int64 { paid + bonus }
    var available: Int64 { posted - held }
    /// Paid money that may leave the account otherwise than by a charge.
    var givable: Int64 { min(paid, available) }

    func spent(on day: Int64) -> Int64 { day == spentDay ? spent : 0 }

    func balance(of userID: UserID) -> Balance {
        Balance(
            userID: userID,
            postedKopecks: posted,
            heldKopecks: held,
            availableKopecks: available,
            paidKopecks: paid,
            bonusKopecks: bonus,
            isFrozen: isFrozen
        )
    }
}

struct StoredOperation: Sendable, Equatable {
    var fingerprint: [UInt8]
    var answer: LedgerAnswer
}

struct StoredCredit: Sendable, Equatable {
    var userID: UserID
    var amount: Int64
    /// What its first call was answered.
    var answer: LedgerAnswer
}

struct StoredAdjustment: Sendable, Equatable {
    struct Decided: Sendable, Equatable {
        var decision: AdjustmentDecision
        var answer: LedgerAnswer
    }

    var userID: UserID
    var adjustment: Adjustment
    /// What its first call was answered.
    var answer: LedgerAnswer
    /// nil while it waits for another operator.
    var decided: Decided?
}

/// A charge or credit, and what of it has been refunded so far.
struct Refundable: Sendable, Equatable {
    var userID: UserID
    /// The transfer that moved it.
    var transfer: Int64
    var paid: Int64
    var bonus: Int64
    var refundedPaid: Int64 = 0
    var refundedBonus: Int64 = 0
    /// What was charged, so that a refund stands beside it in margin reports.
    var charge: ChargeDetail?
    var orderID: OrderID?

    var refunded: Int64 { refundedPaid + refundedBonus }
    var left: Int64 { paid + bonus - refunded }
}

struct DayGrants: Sendable, Equatable {
    /// As `LedgerRules.day(of:)` counts.
    var day: Int64
    var amount: Int64
}

/// A hold as it is stored; without `placed` a tombstone.
struct HoldFacts: Sendable, Equatable {
    struct Placed: Sendable, Equatable {
        var amount: Int64
        /// Extensions included.
        var expiresAt: Timestamp
    }

    struct End: Sendable, Equatable {
        var how: HoldEnd
        /// By the ending itself, without parts.
        var charged: Int64
    }

    var placed: Placed?
    var end: End?
    /// What the parts that were settled have taken from the hold, …
    var settled: Int64 = 0
    /// … and what of that was charged.
    var partlyCharged: Int64 = 0
    /// How parts were settled, as far as items name them.
    var parts: [String: HoldEnd] = [:]
}

struct ExpiredHold: Sendable, Equatable {
    var key: HoldKey
    /// What was left of it.
    var amount: Int64
}
