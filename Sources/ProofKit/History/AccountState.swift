internal import Contracts

/// An account of the ledger, taking one call at a time: what every concurrent history must be explained by.
///
/// The rules are written anew here and not taken from the service.
package struct AccountState: Sendable {
    struct Hold: Sendable, Hashable {
        enum Progress: Sendable, Hashable { case unknown, live, charged, released, expired, tombstone }

        var progress = Progress.unknown
        /// Its end has come, whether it was placed before or not.
        var isOver = false
        var amount: Int64 = 0
        var chargedPaid: Int64 = 0
        var chargedBonus: Int64 = 0
        var refundedPaid: Int64 = 0
        var refundedBonus: Int64 = 0

        var charged: Int64 { chargedPaid + chargedBonus }
        var refundable: Int64 { charged - refundedPaid - refundedBonus }
    }

    /// What a call would be told now, and what it would change.
    struct Effect {
        var answer: AccountAnswer
        var view: AccountView
        var hold: (number: Int, after: Hold)?
    }

    /// What brings back the state before an effect.
    struct Undo {
        let view: AccountView
        let hold: (number: Int, before: Hold)?
    }

    package private(set) var view = AccountView()
    private var holds: [Hold] = []
    /// Stands for all holds: states with the same digest have the same ones.
    private(set) var digest = Digest()

    package init() {}

    /// - Returns: Whether anything changes.
    func changes(_ effect: Effect) -> Bool {
        effect.view != view || effect.hold.map { hold($0.number) != $0.after } ?? false
    }

    mutating func take(_ effect: Effect) -> Undo {
        let undo = Undo(view: view, hold: effect.hold.map { ($0.number, hold($0.number)) })
        view = effect.view
        if let (number, after) = effect.hold { set(number, after) }
        return undo
    }

    mutating func take(back undo: Undo) {
        view = undo.view
        if let (number, before) = undo.hold { set(number, before) }
    }

    /// Whether the account would answer so now.
    func answers(_ call: AccountCall, with answer: AccountAnswer, _ effect: Effect) -> Bool {
        let ended = live(call.endedHolds)
        guard call.action == .read, case .done(var shown, .none) = answer else {
            return effect.answer == answer && ended.isEmpty
        }
        let missing = view.held - ended.reduce(0, +) - shown.held
        shown.held = view.held
        return shown == view && Self.isSum(missing, of: live(call.endingHolds)[...])
    }

    /// The amounts of those that still count.
    private func live(_ numbers: [Int]) -> [Int64] {
        numbers.map { hold($0) }.filter { $0.progress == .live }.map(\.amount)
    }

    /// Whether some of the amounts, none or all, have this sum.
    private static func isSum(_ sum: Int64, of amounts: ArraySlice<Int64>) -> Bool {
        guard sum >= 0, let first = amounts.first else { return sum == 0 }
        return isSum(sum - first, of: amounts.dropFirst()) || isSum(sum, of: amounts.dropFirst())
    }

    func effect(of action: AccountAction) -> Effect {
        switch action {
        case .read: return done(view)
        case .credit(let amount, let isBonus): return credit(amount, isBonus)
        case .place(let number, let amount): return place(number, amount)
        case .charge(let number, let amount): return settle(number, charging: amount)
        case .release(let number): return settle(number, charging: nil)
        case .refund(let number, let amount): return refund(number, amount)
        case .give(let amount): return give(amount)
        case .receive(let amount):
            var after = view
            after.bonus += amount
            return done(after)
        case .setFrozen(let isFrozen):
            var after = view
            after.isFrozen = isFrozen
            return done(after)
        case .expire(let number): return expire(number)
        }
    }

    // MARK: Rules

    private func credit(_ amount: Int64, _ isBonus: Bool) -> Effect {
        if view.isFrozen && isBonus { return refused(.accountFrozen) }
        var after = view
        if isBonus { after.bonus += amount } else { after.paid += amount }
        return done(after)
    }

    private func place(_ number: Int, _ amount: Int64) -> Effect {
        var hold = hold(number)
        switch hold.progress {
        case .tombstone: return refused(.holdAlreadyReleased)
        case .live, .charged, .released, .expired: return refused(.idempotencyMismatch)
        case .unknown: break
        }
        if hold.isOver { return refused(.holdExpired) }
        if view.isFrozen { return refused(.accountFrozen) }
        if amount > view.available { return refused(.insufficientFunds, view.available) }
        hold.progress = .live
        hold.amount = amount
        var after = view
        after.held += amount
        return done(after, .hold(charged: 0, released: 0), (number, hold))
    }

    /// - Parameter amount: nil for a release.
    private func settle(_ number: Int, charging amount: Int64?) -> Effect {
        var hold = hold(number)
        switch hold.progress {
        case .unknown:
            hold.progress = .tombstone
            return refused(.holdNotFound, nil, (number, hold))
        case .tombstone: return refused(.holdNotFound)
        case .charged: return refused(.holdAlreadyCharged)
        case .released: return refused(.holdAlreadyReleased)
        case .expired: return refused(.holdExpired)
        case .live: break
        }
        let taken = amount ?? 0
        if taken > hold.amount { return refused(.exceedsHold) }
        var after = view
        after.held -= hold.amount
        hold.chargedBonus = min(taken, view.bonus)
        hold.chargedPaid = taken - hold.chargedBonus
        after.bonus -= hold.chargedBonus
        after.paid -= hold.chargedPaid
        hold.progress = amount == nil ? .released : .charged
        return done(after, .hold(charged: taken, released: hold.amount - taken), (number, hold))
    }

    private func refund(_ number: Int, _ amount: Int64) -> Effect {
        var hold = hold(number)
        switch hold.progress {
        case .unknown, .tombstone: return refused(.holdNotFound)
        case .released: return refused(.holdAlreadyReleased)
        case .expired: return refused(.holdExpired)
        case .live: return refused(.limitExceeded, 0)
        case .charged: break
        }
        if amount > hold.refundable { return refused(.limitExceeded, hold.refundable) }
        let paid = min(amount, hold.chargedPaid - hold.refundedPaid)
        hold.refundedPaid += paid
        hold.refundedBonus += amount - paid
        var after = view
        after.paid += paid
        after.bonus += amount - paid
        return done(after, .refund(bonus: amount - paid, left: hold.refundable), (number, hold))
    }

    private func give(_ amount: Int64) -> Effect {
        if view.isFrozen { return refused(.accountFrozen) }
        let givable = min(view.paid, view.available)
        if amount > givable { return refused(.insufficientFunds, givable) }
        var after = view
        after.paid -= amount
        return done(after)
    }

    private func expire(_ number: Int) -> Effect {
        var hold = hold(number)
        var after = view
        hold.isOver = true
        if hold.progress == .live {
            hold.progress = .expired
            after.held -= hold.amount
        }
        return done(after, .none, (number, hold))
    }

    // MARK: Small words

    private func done(
        _ view: AccountView,
        _ detail: AccountAnswer.Detail = .none,
        _ hold: (Int, Hold)? = nil
    ) -> Effect {
        Effect(answer: .done(view, detail), view: view, hold: hold)
    }

    private func refused(_ code: ProblemCode, _ available: Int64? = nil, _ hold: (Int, Hold)? = nil) -> Effect {
        Effect(answer: .refused(code, available: available), view: view, hold: hold)
    }

    private func hold(_ number: Int) -> Hold { number < holds.count ? holds[number] : Hold() }

    private mutating func set(_ number: Int, _ hold: Hold) {
        while holds.count <= number { holds.append(Hold()) }
        if holds[number] != Hold() { digest.toggle(Digest(number, holds[number])) }
        holds[number] = hold
        if hold != Hold() { digest.toggle(Digest(number, hold)) }
    }
}

/// 128 bits that stand for a set of things: each is mixed in once and, by the same step, out again.
struct Digest: Sendable, Hashable {
    private var low = 0
    private var high = 0

    init() {}

    init(_ number: Int, _ value: some Hashable) {
        low = Self.hash(0, number, value)
        high = Self.hash(1, number, value)
    }

    mutating func toggle(_ other: Digest) {
        low ^= other.low
        high ^= other.high
    }

    private static func hash(_ salt: Int, _ number: Int, _ value: some Hashable) -> Int {
        var hasher = Hasher()
        hasher.combine(salt)
        hasher.combine(number)
        hasher.combine(value)
        return hasher.finalize()
    }
}
