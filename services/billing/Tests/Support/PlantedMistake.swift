import Contracts
import ProofKit

/// What a ledger must never do, written into what callers saw.
///
/// Each is planted where no call of unknown outcome can explain it: a gift of 40 that was never answered makes a lost
/// top-up of 40 a possible history, and then the check is right to accept it.
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
        let unknown = UnknownMoney(attempts)
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
                let view = old.view, let now = change.money, let then = old.money,
                !unknown.explains(then - now, on: read.account)
            else { continue }
            changed[index].outcome = .answer(.done(view, .none))
            return (changed, read.account)
        }
        return nil
    }

    private static func lostCredit(_ attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        let unknown = UnknownMoney(attempts)
        let credit = attempts.dropFirst(attempts.count / 3).first {
            guard case .credit(let amount, false) = $0.action, $0.view != nil else { return false }
            return !unknown.explains(-amount, on: $0.account)
        }
        guard var copy = credit else { return nil }
        copy.identity += " again"
        copy.began = copy.ended
        copy.ended += 1
        return (attempts + [copy], copy.account)
    }

    /// Without the call that asked for it a charge is one too many.
    private static func doubledCharge(_ attempts: [CallAttempt]) -> (attempts: [CallAttempt], account: UserID)? {
        let unknown = UnknownMoney(attempts)
        let charge = attempts.dropFirst(attempts.count / 3).first {
            guard case .charge(_, let amount) = $0.action, amount > 0, $0.view != nil else { return false }
            return !unknown.explains(-amount, on: $0.account)
        }
        guard let charge else { return nil }
        return (attempts.filter { $0.identity != charge.identity }, charge.account)
    }
}

/// By how much the calls that nobody had an answer to may have changed each account.
private struct UnknownMoney {
    /// Every sum of some of them, none or all.
    private var sums: [UserID: Set<Int64>] = [:]

    init(_ attempts: [CallAttempt]) {
        for calls in Dictionary(grouping: attempts, by: \.identity).values where !calls.contains(where: \.isAnswered) {
            for call in Dictionary(grouping: calls, by: \.body).values.compactMap(\.first) { add(call) }
        }
    }

    func explains(_ change: Int64, on account: UserID) -> Bool { sums[account, default: [0]].contains(change) }

    private mutating func add(_ call: CallAttempt) {
        switch call.action {
        case .credit(let amount, _), .refund(_, let amount), .receive(let amount): add(amount, to: call.account)
        case .charge(_, let amount): add(-amount, to: call.account)
        case .give(let amount):
            add(-amount, to: call.account)
            if let receiver = call.receiver { add(amount, to: receiver) }
        case .read, .place, .release, .setFrozen, .expire: break
        }
    }

    private mutating func add(_ change: Int64, to account: UserID) {
        let known = sums[account, default: [0]]
        sums[account] = known.union(known.map { $0 + change })
    }
}

extension CallAttempt {
    fileprivate var view: AccountView? {
        if case .answer(.done(let view, _)) = outcome { view } else { nil }
    }

    fileprivate var money: Int64? { view.map { $0.paid + $0.bonus } }
}
