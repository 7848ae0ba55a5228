import Contracts
import Time

/// What a batch writes, all of it in one transaction.
struct LedgerRows: Sendable, Equatable {
    struct Operation: Sendable, Equatable {
        var id: Int64
        var key: OperationKey
        var fingerprint: [UInt8]
        var kind: OperationKind
        var userID: UserID
        var answer: LedgerAnswer
    }

    struct Hold: Sendable, Equatable {
        var key: HoldKey
        var amount: Int64
        var expiresAt: Timestamp
        var memo: String
        var operation: Int64
    }

    struct Extension: Sendable, Equatable {
        var key: HoldKey
        var expiresAt: Timestamp
        var operation: Int64
    }

    /// A part of a hold that was settled.
    struct Part: Sendable, Equatable {
        var key: HoldKey
        var part: HoldPart
        var how: HoldEnd
        var charged: Int64
        var reason: String
        var operation: Int64
    }

    struct Ending: Sendable, Equatable {
        var key: HoldKey
        var how: HoldEnd
        var charged: Int64
        var reason: String
        /// nil for an expiry, which nobody asked for.
        var operation: Int64?
    }

    struct Credit: Sendable, Equatable {
        var reference: CreditReference
        var userID: UserID
        var amount: Int64
        var key: OperationKey
        var operation: Int64
    }

    /// Which money of which transfer went back.
    struct Refund: Sendable, Equatable {
        var userID: UserID
        /// The transfer that is refunded.
        var of: Int64
        var paid: Int64
        var bonus: Int64
        var operation: Int64
    }

    struct Proposal: Sendable, Equatable {
        var userID: UserID
        var adjustment: Adjustment
        /// Whether another operator has to decide.
        var isPending: Bool
        var key: OperationKey
        var operation: Int64
    }

    struct Decision: Sendable, Equatable {
        var adjustmentID: AdjustmentID
        var proposedBy: String
        var decidedBy: String
        var decision: AdjustmentDecision
        var key: OperationKey
        var operation: Int64
    }

    struct Freeze: Sendable, Equatable {
        var userID: UserID
        var isFrozen: Bool
        var operatorName: String
        var reason: String
        var operation: Int64
    }

    struct Entry: Sendable, Equatable {
        var transfer: Int64
        var account: Int64
        var kind: EntryKind
        var amount: Int64
        var bonusAmount: Int64
        /// What the account has then, nil on system accounts.
        var balanceAfter: Int64?
        /// The granted part of it.
        var bonusAfter: Int64?
        var memo: String
        var orderID: OrderID?
        var holdID: HoldID?
        var partID: String?
        var charge: ChargeDetail?

        /// What the account had before.
        var balanceBefore: Int64? { balanceAfter.map { $0 - amount } }
    }

    /// An account whose sums change: how much, and what it has afterwards where sums say nothing.
    struct Account: Sendable, Equatable {
        var userID: UserID
        var paidDelta: Int64
        var bonusDelta: Int64
        var heldDelta: Int64
        var spent: Int64
        var spentDay: Int64
    }

    var operations: [Operation] = []
    var holds: [Hold] = []
    var extensions: [Extension] = []
    var parts: [Part] = []
    var endings: [Ending] = []
    var credits: [Credit] = []
    var refunds: [Refund] = []
    var proposals: [Proposal] = []
    var decisions: [Decision] = []
    var freezes: [Freeze] = []
    var entries: [Entry] = []
    var accounts: [Account] = []
    /// What was granted by this batch, on the day of the facts.
    var granted: Int64 = 0

    /// Whether there is nothing to write: all items were replays or mismatches.
    var isEmpty: Bool { operations.isEmpty && endings.isEmpty }
}
