import Contracts
import ProofKit

/// What a ledger must never do, written into what callers saw.
enum PlantedMistake: CaseIterable {
    /// A read shows the account as it was before a change that its caller could know of.
    case staleRead
    /// A top-up is acknowledged and has no effect.
    case lostCredit
    /// A charge takes effect twice: its second effect belongs to no call.
    case doubledCharge

    /// - Returns: The attempts with the mistake, and whose account it is on; nil if they have no place for it.
    func plant(in attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        switch self {
        case .staleRead: Self.staleRead(attempts)
        case .lostCredit: Self.lostCredit(attempts)
        case .doubledCharge: Self.doubledCharge(attempts)
        }
    }

    /// Of the reads in the second half one that shows what was true before two changes, the second of them answered
    /// before the read began.
    private static func staleRead(_ attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        var changed = attempts
        for index in attempts.indices.dropFirst(attempts.count / 2) {
            let read = attempts[index]
            guard read.action == .read, read.view != nil else { continue }
            let earlier = attempts.filter {
                $0.account == read.account && $0.view != nil && $0.action != .read && $0.ended < read.began
            }.sorted { $0.ended < $1.ended }
            guard let change = earlier.last,
                let old = earlier.last(where: { $0.ended < change.began && $0.money != change.money }),
                // What it shows must not come back: that would make it right.
                !attempts.contains(where: {
                    $0.ended > old.ended && $0.account == read.account && $0.money == old.money
                }),
                let view = old.view
            else { continue }
            changed[index].outcome = .answer(.done(view, .none))
            return (changed, read.account)
        }
        return nil
    }

    private static func lostCredit(_ attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        guard
            var copy = attempts.dropFirst(attempts.count / 3).first(where: {
                if case .credit(_, false) = $0.action { $0.view != nil } else { false }
            })
        else { return nil }
        copy.identity += " again"
        copy.began = copy.ended
        copy.ended += 1
        return (attempts + [copy], copy.account)
    }

    /// Without the call that asked for it a charge is one too many.
    private static func doubledCharge(_ attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        let charge = attempts.dropFirst(attempts.count / 3).first {
            if case .charge(_, let amount) = $0.action { amount > 0 && $0.view != nil } else { false }
        }
        guard let charge else { return nil }
        return (attempts.filter { $0.identity != charge.identity }, charge.account)
    }
}

extension CallAttempt {
    fileprivate var view: AccountView? {
        if case .answer(.done(let view, _)) = outcome { view } else { nil }
    }

    fileprivate var money: Int64? { view.map { $0.paid + $0.bonus } }
}
