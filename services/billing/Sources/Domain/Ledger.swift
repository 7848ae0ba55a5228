import Contracts
import Time

/// The ledger's rules. Pure: facts and items in, verdicts and rows out.
///
/// Items are decided in the order of their arrival, each seeing the ones before it: a refused hold of 1,000 does not
/// refuse a later hold of 1. Bonus money is spent before paid money. A hold that has expired by `facts.now` is ended
/// first and can't be charged.
enum Ledger {
    /// - Returns: A verdict for each item, in the same order, and everything to be written.
    static func decide(
        _ facts: LedgerFacts,
        _ items: [LedgerItem],
        rules: LedgerRules = LedgerRules()
    ) -> (verdicts: [Verdict], rows: LedgerRows) {
        var book = Book(facts, rules)
        book.endExpired()
        let verdicts = items.map { book.take($0) }
        return (verdicts, book.finish())
    }
}

/// The facts as they change while a batch is decided, and the rows that come of it.
///
/// The rules themselves are in extensions: holds, credits and what gives money back, corrections.
struct Book {
    let facts: LedgerFacts
    let rules: LedgerRules
    /// The operator's day.
    let today: Int64
    var accounts: [UserID: AccountFacts]
    var operations: [OperationKey: StoredOperation]
    var holds: [HoldKey: HoldFacts]
    var credits: [CreditReference: StoredCredit]
    var refundables: [RefundTarget: Refundable]
    var adjustments: [AdjustmentID: StoredAdjustment]
    var rows = LedgerRows()
    private var usedIDs = 0

    init(_ facts: LedgerFacts, _ rules: LedgerRules) {
        self.facts = facts
        self.rules = rules
        self.today = rules.day(of: facts.now)
        self.accounts = facts.accounts
        self.operations = facts.operations
        self.holds = facts.holds
        self.credits = facts.credits
        self.refundables = facts.refundables
        self.adjustments = facts.adjustments
    }

    mutating func endExpired() {
        for hold in facts.expired {
            accounts[hold.key.userID, default: AccountFacts()].held -= hold.amount
            end(hold.key, how: .expired)
        }
    }

    /// Decides one item.
    mutating func take(_ item: LedgerItem) -> Verdict {
        if let known = known(item) { return known }
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
        remember(item, answer, id)
        return .fresh(answer)
    }

    /// The rows, each account netted into one.
    mutating func finish() -> LedgerRows {
        for (userID, after) in accounts.sorted(by: { $0.key < $1.key }) {
            let before = facts.accounts[userID] ?? AccountFacts()
            guard after != before else { continue }
            rows.accounts.append(
                LedgerRows.Account(
                    userID: userID,
                    paidDelta: after.paid - before.paid,
                    bonusDelta: after.bonus - before.bonus,
                    heldDelta: after.held - before.held,
                    spent: after.spent,
                    spentDay: after.spentDay
                )
            )
        }
        return rows
    }

    private mutating func decide(_ item: LedgerItem, _ operation: Int64) -> LedgerAnswer {
        let userID = item.userID
        switch item.action {
        case .openAccount:
            return .account(account(userID).balance(of: userID))
        case .placeHold(let id, let amount, let expiresAt, let memo):
            return place(
                LedgerRows.Hold(
                    key: HoldKey(userID: userID, id: id),
                    amount: amount,
                    expiresAt: expiresAt,
                    memo: memo,
                    operation: operation
                )
            )
        case .extendHold(let id, let expiresAt):
            return extend(HoldKey(userID: userID, id: id), to: expiresAt, operation)
        case .chargeHold(let id, let amount, let part, let detail):
            return charge(HoldKey(userID: userID, id: id), amount, part, detail, operation)
        case .releaseHold(let id, let part, let reason):
            return release(HoldKey(userID: userID, id: id), part, reason, operation)
        case .refundCharge(let id, let partID, let amount, let reason):
            return refundCharge(HoldKey(userID: userID, id: id), partID, amount, reason, operation)
        case .credit(let reference, let amount, let orderID, let memo):
            return credit(userID, reference, amount, orderID, memo, operation)
        case .refundCredit(let reference, let amount, let reason):
            return refundCredit(userID, reference, amount, reason, operation)
        case .gift(let receiver, let amount, let memo):
            return give(amount, from: userID, to: receiver, memo, operation)
        case .adjust(let adjustment):
            return adjust(userID, adjustment, operation)
        case .decideAdjustment(let id, let decision, let name):
            // Only the item's own account is locked: another one's proposal must not be applied with it.
            guard let proposal = adjustments[id], proposal.userID == userID else {
                return .refused(Problem(.notFound))
            }
            return decide(proposal, decision, name, operation)
        case .freeze(let name, let reason):
            return setFrozen(true, userID, name, reason, operation)
        case .unfreeze(let name, let reason):
            return setFrozen(false, userID, name, reason, operation)
        }
    }

    // MARK: For all rules

    func account(_ userID: UserID) -> AccountFacts {
        accounts[userID] ?? AccountFacts()
    }

    /// Writes the entry and its opposite. A transfer of nothing leaves none, but a charge of nothing keeps its trail.
    mutating func transfer(_ entry: LedgerRows.Entry, with system: SystemAccount) {
        if entry.amount == 0 && entry.kind != .charge { return }
        rows.entries.append(entry)
        if entry.amount == 0 { return }
        var opposite = entry
        opposite.account = system.rawValue
        opposite.amount = -entry.amount
        opposite.bonusAmount = 0
        opposite.balanceAfter = nil
        opposite.bonusAfter = nil
        rows.entries.append(opposite)
    }
}
