import Contracts
import Time

@testable import BillingService

/// A batch on its way: between any two of its steps the process, the connection or the database may die.
struct SimulatedFlight {
    enum Step {
        /// Waits for its accounts' locks.
        case waiting
        /// Has the locks; nothing was read yet.
        case locked
        /// Has read its facts.
        case read(LedgerFacts)
        /// Has decided; rows and COMMIT are about to be sent.
        case decided([Verdict], LedgerRows, LedgerFacts)
        /// Only by blunder: rows that were decided under locks which are lost are about to be sent again.
        case repeating([Verdict], LedgerRows, LedgerFacts)
        /// COMMIT has been sent: from here on only the database knows.
        case committing([Verdict], LedgerRows, LedgerFacts)
        /// Committed; its callers were not told yet.
        case committed([Verdict])
    }

    let number: Int
    /// nil once the instance that sent it is gone; the database goes on for a while.
    var instance: Int?
    var calls: [SimulatedCall]
    var step = Step.waiting

    var items: [LedgerItem] { calls.map(\.item) }

    /// What it locks: accounts, and the day's grants as account 0.
    var locks: Set<UserID> {
        var locks = Set(items.flatMap { [$0.userID, $0.otherUserID].compactMap(\.self) })
        let hasGrant = items.contains {
            if case .credit(let reference, _, _, _) = $0.action { reference.source.isGranted } else { false }
        }
        if hasGrant { locks.insert(0) }
        return locks
    }

    var holdsLocks: Bool {
        switch step {
        case .waiting, .repeating, .committed: false
        case .locked, .read, .decided, .committing: true
        }
    }

    var isCommitting: Bool { if case .committing = step { true } else { false } }
}

/// An attempt of a client to have a call answered.
struct SimulatedCall {
    let client: Int
    let attempt: Int
    let item: LedgerItem
}

/// Ways to get the protocol wrong; the simulator must notice each.
enum Blunder: CaseIterable, Sendable {
    /// Callers are told before COMMIT was answered.
    case answersBeforeCommit
    /// Facts are read before the locks are had.
    case readsBeforeLocks
    /// After an unknown commit the same rows are sent again instead of being decided anew.
    case repeatsRows
    /// After an unknown commit callers are told that nothing happened, and ask under new keys.
    case takesUnknownForNo
}
