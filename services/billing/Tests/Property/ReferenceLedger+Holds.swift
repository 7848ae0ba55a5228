import Contracts
import Time

@testable import BillingService

extension ReferenceLedger {
    mutating func place(_ userID: UserID, _ id: HoldID, _ amount: Int64, _ expiresAt: Timestamp) -> LedgerAnswer {
        let user = user(userID)
        if user.tombstones.contains(id) { return refuse(.holdAlreadyReleased) }
        if user.holds[id] != nil { return refuse(.idempotencyMismatch) }
        if expiresAt <= now { return refuse(.holdExpired) }
        if user.isFrozen { return refuse(.accountFrozen) }
        if amount > user.available(now) { return insufficient(amount, user.available(now)) }
        if let most = rules.dailySpendKopecks {
            let left = most - (user.spent[today] ?? 0) - user.held(now)
            if amount > max(0, left) { return limit("daily_spend", most, left) }
        }
        users[userID, default: User()].holds[id] = Hold(amount: amount, expiresAt: expiresAt)
        return state(userID, id)
    }

    mutating func extend(_ userID: UserID, _ id: HoldID, _ expiresAt: Timestamp) -> LedgerAnswer {
        guard let hold = user(userID).holds[id] else { return refuse(.holdNotFound) }
        if let end = hold.end(now) { return refuse(Self.code(end)) }
        let later = max(hold.expiresAt, expiresAt)
        users[userID]?.holds[id]?.expiresAt = later
        guard case .hold(var state) = state(userID, id) else { return refuse(.internalError) }
        state.expiresAt = later
        return .hold(state)
    }

    /// - Parameter charging: nil for a release.
    mutating func settle(_ userID: UserID, _ id: HoldID, _ part: HoldPart?, charging: Int64?) -> LedgerAnswer {
        guard var hold = user(userID).holds[id] else {
            users[userID, default: User()].tombstones.insert(id)
            return refuse(.holdNotFound)
        }
        if let end = hold.end(now) { return refuse(Self.code(end)) }
        if let known = part.flatMap({ hold.parts[$0.partID] }) { return refuse(Self.code(known.how)) }
        let share = part?.amountKopecks ?? hold.left
        let amount = charging ?? 0
        if share > hold.left || amount > share { return refuse(.exceedsHold) }
        let how = charging == nil ? HoldEnd.released : .charged
        if let part {
            hold.parts[part.partID] = (how, share, amount)
            if hold.amount > 0 && hold.left == 0 { hold.ended = how }
        } else {
            hold.ended = how
            hold.chargedAtEnd = amount
        }
        users[userID]?.holds[id] = hold
        if charging != nil { spend(amount, userID, .charge(HoldKey(userID: userID, id: id), partID: part?.partID)) }
        return state(userID, id)
    }

    /// Bonus money first.
    private mutating func spend(_ amount: Int64, _ userID: UserID, _ target: RefundTarget) {
        var user = user(userID)
        let bonus = min(amount, user.bonus)
        user.bonus -= bonus
        user.paid -= amount - bonus
        user.spent[today, default: 0] += amount
        users[userID] = user
        moved[target] = Moved(userID: userID, paid: amount - bonus, bonus: bonus)
    }

    static func code(_ end: HoldEnd) -> ProblemCode {
        switch end {
        case .charged: .holdAlreadyCharged
        case .released: .holdAlreadyReleased
        case .expired, .live: .holdExpired
        }
    }

    private func state(_ userID: UserID, _ id: HoldID) -> LedgerAnswer {
        guard let hold = user(userID).holds[id] else { return refuse(.internalError) }
        let settled = hold.amount - hold.left
        let charged = hold.charged
        return .hold(
            HoldState(
                holdID: id,
                amountKopecks: hold.amount,
                chargedKopecks: charged,
                releasedKopecks: hold.ended == nil ? settled - charged : hold.amount - charged,
                state: hold.ended ?? .live,
                balance: balance(userID)
            )
        )
    }
}
