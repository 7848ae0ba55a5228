package import Contracts

/// What a call asks of one account, as far as it matters there. Holds are numbered within their account.
package enum AccountAction: Sendable, Hashable {
    case read
    case credit(Int64, isBonus: Bool)
    case place(hold: Int, Int64)
    case charge(hold: Int, Int64)
    case release(hold: Int)
    /// Of a charge.
    case refund(hold: Int, Int64)
    /// Paid money to another account, whose side of it is `receive`.
    case give(Int64)
    case receive(Int64)
    case setFrozen(Bool)
    /// A hold's end comes; nobody calls for it.
    case expire(hold: Int)
}

/// An account's sums in kopecks, as every answer shows them.
package struct AccountView: Sendable, Hashable {
    package var paid: Int64
    package var bonus: Int64
    package var held: Int64
    package var isFrozen: Bool

    package init(paid: Int64 = 0, bonus: Int64 = 0, held: Int64 = 0, isFrozen: Bool = false) {
        self.paid = paid
        self.bonus = bonus
        self.held = held
        self.isFrozen = isFrozen
    }

    var available: Int64 { paid + bonus - held }
}

/// What a caller was told.
package enum AccountAnswer: Sendable, Hashable {
    /// What an answer says beside the account's sums, in kopecks.
    package enum Detail: Sendable, Hashable {
        case none
        case hold(charged: Int64, released: Int64)
        case refund(bonus: Int64, left: Int64)
    }

    case done(AccountView, Detail)
    /// `available`: what the refusal says is there, if it says so.
    case refused(ProblemCode, available: Int64?)
}

/// One logical call on an account, whatever number of attempts it took.
package struct AccountCall: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case answered(AccountAnswer)
        /// It was decided before its end, nobody knows how.
        case decided
        /// It may take effect at any time after its beginning, or never.
        case unknown
    }

    /// For people who look for a mistake.
    package var name: String
    package var action: AccountAction
    package var outcome: Outcome
    /// When it began, on any clock that all calls of a history share.
    package var began: UInt64
    /// When its first answer arrived; `UInt64.max` if none did.
    package var ended: UInt64
    /// Of a read: holds whose ends it may show, though changes may come after it that do not know of them
    /// (`CallHistory.add(endOf:at:slack:to:)`).
    package var endingHolds: [Int] = []
    /// Holds that had ended before it began, though changes may come after it that do not know of it.
    package var endedHolds: [Int] = []

    package init(_ name: String, _ action: AccountAction, _ outcome: Outcome, began: UInt64, ended: UInt64 = .max) {
        self.name = name
        self.action = action
        self.outcome = outcome
        self.began = began
        self.ended = ended
    }

    /// Whether it changes nothing wherever its answer is right: then taking it as early as it fits loses no order.
    var changesNothing: Bool {
        switch (action, outcome) {
        case (_, .decided), (_, .unknown): false
        case (.read, _): true
        // These leave a tombstone.
        case (.charge, .answered(.refused(.holdNotFound, _))), (.release, .answered(.refused(.holdNotFound, _))): false
        case (_, .answered(.refused)): true
        case (_, .answered(.done)): false
        }
    }
}
