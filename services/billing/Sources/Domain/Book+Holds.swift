import Contracts
import Time

/// Holds: placed, extended, settled part by part or at once, ended.
extension Book {
    mutating func place(_ hold: LedgerRows.Hold) -> LedgerAnswer {
        let userID = hold.key.userID
        var account = self.account(userID)
        if let known = holds[hold.key] {
            // Ended before it came, or its id was taken by a hold under another key.
            return .refused(Problem(known.placed == nil ? .holdAlreadyReleased : .idempotencyMismatch))
        }
        guard hold.expiresAt > facts.now else { return .refused(Problem(.holdExpired)) }
        guard !account.isFrozen else { return .refused(Problem(.accountFrozen)) }
        guard hold.amount <= account.available else { return Self.insufficient(hold.amount, account.available) }
        if let limit = rules.dailySpendKopecks {
            let left = limit - account.spent(on: today) - account.held
            guard hold.amount <= max(0, left) else {
                return Self.limit(.dailySpend, limit, remaining: left, "the user would spend too much today")
            }
        }
        account.held += hold.amount
        accounts[userID] = account
        let facts = HoldFacts(placed: HoldFacts.Placed(amount: hold.amount, expiresAt: hold.expiresAt))
        holds[hold.key] = facts
        rows.holds.append(hold)
        return .hold(state(hold.key, facts))
    }

    mutating func extend(_ key: HoldKey, to expiresAt: Timestamp, _ operation: Int64) -> LedgerAnswer {
        switch liveHold(key) {
        case .failure(let problem):
            return .refused(problem)
        case .success(var hold):
            let later = max(hold.facts.placed?.expiresAt ?? expiresAt, expiresAt)
            if later != hold.facts.placed?.expiresAt {
                hold.facts.placed?.expiresAt = later
                holds[key] = hold.facts
                rows.extensions.append(LedgerRows.Extension(key: key, expiresAt: later, operation: operation))
            }
            var state = state(key, hold.facts)
            state.expiresAt = later
            return .hold(state)
        }
    }

    mutating func charge(
        _ key: HoldKey,
        _ amount: Int64,
        _ part: HoldPart?,
        _ detail: ChargeDetail,
        _ operation: Int64
    ) -> LedgerAnswer {
        switch share(of: key, for: part, operation) {
        case .failure(let problem):
            return .refused(problem)
        case .success(let share):
            guard amount <= share else { return .refused(Problem(.exceedsHold)) }
            let (paid, bonus) = spend(amount, of: share, from: key.userID)
            refundables[.charge(key, partID: part?.partID)] = Refundable(
                userID: key.userID,
                transfer: operation,
                paid: paid,
                bonus: bonus,
                charge: detail
            )
            settle(key, part, how: .charged, charged: amount, operation)
            book(
                LedgerRows.Entry(
                    transfer: operation,
                    account: key.userID,
                    kind: .charge,
                    amount: -amount,
                    bonusAmount: -bonus,
                    balanceAfter: account(key.userID).posted,
                    bonusAfter: account(key.userID).bonus,
                    memo: detail.model,
                    holdID: key.id,
                    partID: part?.partID,
                    charge: detail
                ),
                detail
            )
            return .hold(state(key, holds[key] ?? HoldFacts()))
        }
    }

    mutating func release(
        _ key: HoldKey,
        _ part: HoldPart?,
        _ reason: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        switch share(of: key, for: part, operation) {
        case .failure(let problem):
            return .refused(problem)
        case .success(let share):
            accounts[key.userID, default: AccountFacts()].held -= share
            settle(key, part, how: .released, reason: reason, operation)
            return .hold(state(key, holds[key] ?? HoldFacts()))
        }
    }

    /// Writes that a hold has ended.
    mutating func end(
        _ key: HoldKey,
        how: HoldEnd,
        charged: Int64 = 0,
        reason: String = "",
        operation: Int64? = nil
    ) {
        holds[key, default: HoldFacts()].end = HoldFacts.End(how: how, charged: charged)
        rows.endings.append(
            LedgerRows.Ending(key: key, how: how, charged: charged, reason: reason, operation: operation)
        )
    }

    // MARK: Settling

    /// How much of the hold is settled: the part's amount, or all that is left. An unknown hold is ended now, so that it
    /// can't be placed any more.
    private mutating func share(
        of key: HoldKey,
        for part: HoldPart?,
        _ operation: Int64
    ) -> Result<Int64, Problem> {
        switch liveHold(key) {
        case .failure(let problem):
            if holds[key] == nil { end(key, how: .released, reason: "not found", operation: operation) }
            return .failure(problem)
        case .success(let hold):
            guard let part else { return .success(hold.left) }
            if let how = hold.facts.parts[part.partID] {
                return .failure(Problem(how == .charged ? .holdAlreadyCharged : .holdAlreadyReleased))
            }
            return part.amountKopecks <= hold.left ? .success(part.amountKopecks) : .failure(Problem(.exceedsHold))
        }
    }

    /// Takes the share out of what is held and the amount out of the account, bonus money first.
    private mutating func spend(_ amount: Int64, of share: Int64, from userID: UserID) -> (paid: Int64, bonus: Int64) {
        var account = self.account(userID)
        let bonus = min(account.bonus, amount)
        account.held -= share
        account.bonus -= bonus
        account.paid -= amount - bonus
        account.spent = account.spent(on: today) + amount
        account.spentDay = today
        accounts[userID] = account
        return (amount - bonus, bonus)
    }

    /// Ends the part, and the hold with it if nothing is left; without a part the hold.
    private mutating func settle(
        _ key: HoldKey,
        _ part: HoldPart?,
        how: HoldEnd,
        charged: Int64 = 0,
        reason: String = "",
        _ operation: Int64
    ) {
        guard let part, var hold = holds[key], let placed = hold.placed else {
            return end(key, how: how, charged: charged, reason: reason, operation: operation)
        }
        hold.settled += part.amountKopecks
        hold.partlyCharged += charged
        hold.parts[part.partID] = how
        holds[key] = hold
        rows.parts.append(
            LedgerRows.Part(key: key, part: part, how: how, charged: charged, reason: reason, operation: operation)
        )
        // A hold of nothing is never used up by its parts; it ends by a call of its own or by itself.
        if placed.amount > 0 && hold.settled == placed.amount {
            end(key, how: how, reason: "all parts settled", operation: operation)
        }
    }

    /// The charge's own entries, and what the provider took for it.
    private mutating func book(_ entry: LedgerRows.Entry, _ detail: ChargeDetail) {
        transfer(entry, with: .revenue)
        guard detail.providerCostKopecks > 0 else { return }
        var cost = entry
        cost.account = SystemAccount.providerCost.rawValue
        cost.amount = -detail.providerCostKopecks
        cost.bonusAmount = 0
        cost.balanceAfter = nil
        cost.bonusAfter = nil
        transfer(cost, with: .provider)
    }

    /// The hold if it still counts, and what is left of it.
    private func liveHold(_ key: HoldKey) -> Result<(facts: HoldFacts, left: Int64), Problem> {
        guard let hold = holds[key], let placed = hold.placed else { return .failure(Problem(.holdNotFound)) }
        switch hold.end?.how {
        case .charged: return .failure(Problem(.holdAlreadyCharged))
        case .released: return .failure(Problem(.holdAlreadyReleased))
        case .expired: return .failure(Problem(.holdExpired))
        case .live, nil:
            guard placed.expiresAt > facts.now else { return .failure(Problem(.holdExpired)) }
            return .success((hold, placed.amount - hold.settled))
        }
    }

    private func state(_ key: HoldKey, _ hold: HoldFacts) -> HoldState {
        let amount = hold.placed?.amount ?? 0
        let charged = hold.partlyCharged + (hold.end?.charged ?? 0)
        let released = hold.end == nil ? hold.settled - hold.partlyCharged : amount - charged
        return HoldState(
            holdID: key.id,
            amountKopecks: amount,
            chargedKopecks: charged,
            releasedKopecks: released,
            state: hold.end?.how ?? .live,
            balance: account(key.userID).balance(of: key.userID)
        )
    }
}
