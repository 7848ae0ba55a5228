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
    var swept = Timestamp(microseconds: 0)

    var posted: Int64 { paid + bonus }
    var available: Int64 { posted - held }

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

/// A hold as it is stored; without `placed` a tombstone.
struct HoldFacts: Sendable, Equatable {
    struct Placed: Sendable, Equatable {
        var amount: Int64
        var expiresAt: Timestamp
    }

    struct End: Sendable, Equatable {
        var how: HoldEnd
        var charged: Int64
    }

    var placed: Placed?
    var end: End?
}

struct ExpiredHold: Sendable, Equatable {
    var key: HoldKey
    var amount: Int64
}

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
    }

    struct Entry: Sendable, Equatable {
        var transfer: Int64
        var account: Int64
        var kind: EntryKind
        var amount: Int64
        var bonusAmount: Int64
        /// nil on system accounts.
        var balanceAfter: Int64?
        var memo: String
        var orderID: OrderID?
        var holdID: HoldID?
        var charge: ChargeDetail?
    }

    /// An account whose sums change, as it is afterwards.
    struct Account: Sendable, Equatable {
        var userID: UserID
        var paidDelta: Int64
        var bonusDelta: Int64
        var heldDelta: Int64
        var swept: Timestamp
    }

    var operations: [Operation] = []
    var holds: [Hold] = []
    var endings: [Ending] = []
    var credits: [Credit] = []
    var entries: [Entry] = []
    var accounts: [Account] = []

    /// Whether there is nothing to write: all items were replays or mismatches.
    var isEmpty: Bool { operations.isEmpty && endings.isEmpty }
}
