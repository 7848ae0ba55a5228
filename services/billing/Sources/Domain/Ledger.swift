import Contracts
import Time

/// The ledger's rules. Pure: facts and items in, verdicts and rows out.
///
/// Items are decided in the order of their arrival, each seeing the ones before it: a refused hold of 1,000 does not
/// refuse a later hold of 1. Bonus money is spent before paid money. A hold that has expired by `facts.now` is ended
/// first and can't be charged.
enum Ledger {
    /// - Returns: A verdict for each item, in the same order, and everything to be written.
    static func decide(_ facts: LedgerFacts, _ items: [LedgerItem]) -> (verdicts: [Verdict], rows: LedgerRows) {
        var book = Book(facts)
        book.endExpired()
        let verdicts = items.map { book.take($0) }
        return (verdicts, book.finish())
    }
}

/// The facts as they change while a batch is decided, and the rows that come of it.
struct Book {
    let facts: LedgerFacts
    private var accounts: [UserID: AccountFacts]
    private var operations: [OperationKey: StoredOperation]
    private var holds: [HoldKey: HoldFacts]
    private var credits: [CreditReference: StoredCredit]
    private var rows = LedgerRows()
    private var usedIDs = 0
    /// Accounts whose expired holds were ended.
    private var swept: Set<UserID> = []

    init(_ facts: LedgerFacts) {
        self.facts = facts
        self.accounts = facts.accounts
        self.operations = facts.operations
        self.holds = facts.holds
        self.credits = facts.credits
    }

    mutating func endExpired() {
        for hold in facts.expired {
            accounts[hold.key.userID, default: AccountFacts()].held -= hold.amount
            swept.insert(hold.key.userID)
            end(hold.key, how: .expired)
        }
    }

    /// Decides one item.
    mutating func take(_ item: LedgerItem) -> Verdict {
        if let known = operations[item.key] {
            return known.fingerprint == item.fingerprint ? .replayed(known.answer) : .mismatch
        }
        if case .credit(let reference, let amount, _, _) = item.action, let known = credits[reference] {
            // Another key for a payment that has been credited: the same answer, unless it is for something else.
            return known.userID == item.userID && known.amount == amount ? .replayed(known.answer) : .mismatch
        }
        let id = facts.operationIDs[usedIDs]
        usedIDs += 1
        let answer = decide(item, id)
        operations[item.key] = StoredOperation(fingerprint: item.fingerprint, answer: answer)
        rows.operations.append(
            LedgerRows.Operation(
                id: id,
                key: item.key,
                fingerprint: item.fingerprint,
                kind: item.action.kind,
                userID: item.userID,
                answer: answer
            )
        )
        if case .credit(let reference, let amount, _, _) = item.action, case .credit = answer {
            credits[reference] = StoredCredit(userID: item.userID, amount: amount, answer: answer)
            rows.credits.append(
                LedgerRows.Credit(reference: reference, userID: item.userID, amount: amount, key: item.key)
            )
        }
        return .fresh(answer)
    }

    /// The rows, each account netted into one.
    mutating func finish() -> LedgerRows {
        for (userID, after) in accounts.sorted(by: { $0.key < $1.key }) {
            let before = facts.accounts[userID] ?? AccountFacts()
            guard after != before || swept.contains(userID) else { continue }
            rows.accounts.append(
                LedgerRows.Account(
                    userID: userID,
                    paidDelta: after.paid - before.paid,
                    bonusDelta: after.bonus - before.bonus,
                    heldDelta: after.held - before.held,
                    swept: max(before.swept, facts.now)
                )
            )
        }
        return rows
    }

    private mutating func decide(_ item: LedgerItem, _ operation: Int64) -> LedgerAnswer {
        switch item.action {
        case .placeHold(let id, let amount, let expiresAt, let memo):
            place(
                LedgerRows.Hold(
                    key: HoldKey(userID: item.userID, id: id),
                    amount: amount,
                    expiresAt: expiresAt,
                    memo: memo,
                    operation: operation
                )
            )
        case .chargeHold(let id, let amount, let detail):
            charge(HoldKey(userID: item.userID, id: id), amount, detail, operation)
        case .releaseHold(let id, let reason):
            release(HoldKey(userID: item.userID, id: id), reason, operation)
        case .credit(let reference, let amount, let orderID, let memo):
            credit(item.userID, reference, amount, orderID, memo, operation)
        }
    }

    // MARK: Holds

    private mutating func place(_ hold: LedgerRows.Hold) -> LedgerAnswer {
        let userID = hold.key.userID
        var account = self.account(userID)
        if let known = holds[hold.key] {
            // Ended before it came, or its id was taken by a hold under another key.
            return .refused(Problem(known.placed == nil ? .holdAlreadyReleased : .idempotencyMismatch))
        }
        // A hold that ended before the account was swept would never be found again.
        guard hold.expiresAt > max(facts.now, account.swept) else { return .refused(Problem(.holdExpired)) }
        guard !account.isFrozen else { return .refused(Problem(.accountFrozen)) }
        guard hold.amount <= account.available else {
            return .refused(
                Problem(
                    .insufficientFunds,
                    members: [
                        "shortage_kopecks": .integer(hold.amount - account.available),
                        "available_kopecks": .integer(account.available),
                    ]
                )
            )
        }
        account.held += hold.amount
        accounts[userID] = account
        let placed = HoldFacts.Placed(amount: hold.amount, expiresAt: hold.expiresAt)
        holds[hold.key] = HoldFacts(placed: placed)
        rows.holds.append(hold)
        return .hold(state(hold.key, placed, charged: 0, .live))
    }

    private mutating func charge(
        _ key: HoldKey,
        _ amount: Int64,
        _ detail: ChargeDetail,
        _ operation: Int64
    ) -> LedgerAnswer {
        switch liveHold(key, operation) {
        case .failure(let problem):
            return .refused(problem)
        case .success(let placed):
            guard amount <= placed.amount else { return .refused(Problem(.exceedsHold)) }
            var account = self.account(key.userID)
            let bonus = min(account.bonus, amount)
            account.held -= placed.amount
            account.bonus -= bonus
            account.paid -= amount - bonus
            accounts[key.userID] = account
            end(key, how: .charged, charged: amount, operation: operation)
            transfer(
                LedgerRows.Entry(
                    transfer: operation,
                    account: key.userID,
                    kind: .charge,
                    amount: -amount,
                    bonusAmount: -bonus,
                    balanceAfter: account.posted,
                    memo: detail.model,
                    orderID: nil,
                    holdID: key.id,
                    charge: detail
                ),
                with: revenueAccount
            )
            return .hold(state(key, placed, charged: amount, .charged))
        }
    }

    private mutating func release(_ key: HoldKey, _ reason: String, _ operation: Int64) -> LedgerAnswer {
        switch liveHold(key, operation) {
        case .failure(let problem):
            return .refused(problem)
        case .success(let placed):
            accounts[key.userID, default: AccountFacts()].held -= placed.amount
            end(key, how: .released, reason: reason, operation: operation)
            return .hold(state(key, placed, charged: 0, .released))
        }
    }

    /// The hold if it still counts. One that is not known is ended now, so that it can't be placed any more.
    private mutating func liveHold(_ key: HoldKey, _ operation: Int64) -> Result<HoldFacts.Placed, Problem> {
        guard let hold = holds[key] else {
            end(key, how: .released, reason: "not found", operation: operation)
            return .failure(Problem(.holdNotFound))
        }
        guard let placed = hold.placed else { return .failure(Problem(.holdNotFound)) }
        switch hold.end?.how {
        case .charged: return .failure(Problem(.holdAlreadyCharged))
        case .released: return .failure(Problem(.holdAlreadyReleased))
        case .expired: return .failure(Problem(.holdExpired))
        case .live, nil:
            return placed.expiresAt > facts.now ? .success(placed) : .failure(Problem(.holdExpired))
        }
    }

    private mutating func end(
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

    private func state(_ key: HoldKey, _ placed: HoldFacts.Placed, charged: Int64, _ end: HoldEnd) -> HoldState {
        HoldState(
            holdID: key.id,
            amountKopecks: placed.amount,
            chargedKopecks: charged,
            releasedKopecks: end == .live ? 0 : placed.amount - charged,
            state: end,
            balance: account(key.userID).balance(of: key.userID)
        )
    }

    // MARK: Credits

    private mutating func credit(
        _ userID: UserID,
        _ reference: CreditReference,
        _ amount: Int64,
        _ orderID: OrderID?,
        _ memo: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        var account = self.account(userID)
        // Money that was paid has arrived whether the account is frozen or not; a gift can be refused.
        guard !account.isFrozen || reference.source.entryKind != .grant else {
            return .refused(Problem(.accountFrozen))
        }
        guard account.posted + amount <= LedgerLimits.maximumBalanceKopecks else {
            return .refused(Problem(.limitExceeded, "the account would hold too much"))
        }
        let bonus = reference.source.isPaid ? 0 : amount
        account.bonus += bonus
        account.paid += amount - bonus
        accounts[userID] = account
        transfer(
            LedgerRows.Entry(
                transfer: operation,
                account: userID,
                kind: reference.source.entryKind,
                amount: amount,
                bonusAmount: bonus,
                balanceAfter: account.posted,
                memo: memo,
                orderID: orderID,
                holdID: nil,
                charge: nil
            ),
            with: reference.source.systemAccount
        )
        return .credit(CreditState(amountKopecks: amount, balance: account.balance(of: userID)))
    }

    /// Writes the entry and its opposite; a transfer of nothing leaves none.
    private mutating func transfer(_ entry: LedgerRows.Entry, with system: Int64) {
        guard entry.amount != 0 else { return }
        var opposite = entry
        opposite.account = system
        opposite.amount = -entry.amount
        opposite.bonusAmount = 0
        opposite.balanceAfter = nil
        rows.entries += [entry, opposite]
    }

    private func account(_ userID: UserID) -> AccountFacts {
        accounts[userID] ?? AccountFacts()
    }
}
