import Contracts
import Time

@testable import BillingService

/// The tables in memory, as the store reads and writes them, with what the database checks by itself.
///
/// A value: a copy is a snapshot, so a transaction that does not commit leaves nothing.
struct SimulatedTables {
    /// Rows that break a constraint, and sums that do not fit; the first one is kept.
    private(set) var violation: String?
    private(set) var accounts: [UserID: AccountFacts] = [:]
    private(set) var operations: [OperationKey: LedgerRows.Operation] = [:]
    private(set) var lastID: Int64 = 0
    private var holds: [HoldKey: LedgerRows.Hold] = [:]
    private var extensions: [HoldKey: Timestamp] = [:]
    private var parts: [HoldKey: [String: LedgerRows.Part]] = [:]
    private var endings: [HoldKey: LedgerRows.Ending] = [:]
    private var credits: [CreditReference: LedgerRows.Credit] = [:]
    private var proposals: [AdjustmentID: LedgerRows.Proposal] = [:]
    private var decisions: [AdjustmentID: LedgerRows.Decision] = [:]
    private var grants: [Int64: Int64] = [:]
    /// The user's own entry of a transfer, of each user one.
    private var moves: [Int64: [LedgerRows.Entry]] = [:]
    private var refunds: [Int64: (paid: Int64, bonus: Int64)] = [:]
    private var holdsOf: [UserID: Set<HoldKey>] = [:]

    /// What the entries alone say; kept apart from `accounts`, to be compared with it.
    private(set) var entrySums: [Int64: (amount: Int64, bonus: Int64, balance: Int64)] = [:]
    private(set) var entryCount = 0

    // MARK: Reading

    mutating func facts(for items: [LedgerItem], at now: Timestamp, _ rules: LedgerRules) -> LedgerFacts {
        var facts = LedgerFacts(now: now)
        for item in items {
            lastID += 1
            facts.operationIDs.append(lastID)
            for userID in [item.userID, item.otherUserID].compactMap(\.self) {
                facts.accounts[userID] = accounts[userID] ?? AccountFacts()
            }
            if let known = operations[item.key] {
                facts.operations[item.key] = StoredOperation(fingerprint: known.fingerprint, answer: known.answer)
            }
            if let key = item.hold { facts.holds[key] = holdFacts(key) }
            read(item.action, item.userID, &facts)
        }
        for userID in facts.accounts.keys { facts.expired += expired(of: userID, now) }
        let hasGrant = items.contains {
            if case .credit(let reference, _, _, _) = $0.action { reference.source.isGranted } else { false }
        }
        if hasGrant {
            let day = rules.day(of: now)
            facts.granted = DayGrants(day: day, amount: grants[day] ?? 0)
        }
        return facts
    }

    private func read(_ action: LedgerAction, _ userID: UserID, _ facts: inout LedgerFacts) {
        switch action {
        case .credit(let reference, _, _, _):
            guard let credit = credits[reference], let operation = operations[credit.key] else { return }
            facts.credits[reference] = StoredCredit(
                userID: credit.userID,
                amount: credit.amount,
                answer: operation.answer
            )
        case .refundCharge(let id, let partID, _, _):
            let key = HoldKey(userID: userID, id: id)
            let ending = endings[key].flatMap { $0.how == .charged ? $0.operation : nil }
            let part = partID.flatMap { parts[key]?[$0] }.flatMap { $0.how == .charged ? $0.operation : nil }
            guard let transfer = partID == nil ? ending : part,
                let entry = moves[transfer]?.first(where: { $0.account == userID && $0.partID == partID })
            else { return }
            facts.refundables[.charge(key, partID: partID)] = Refundable(
                userID: userID,
                transfer: transfer,
                paid: entry.bonusAmount - entry.amount,
                bonus: -entry.bonusAmount,
                refundedPaid: refunds[transfer]?.paid ?? 0,
                refundedBonus: refunds[transfer]?.bonus ?? 0,
                charge: entry.charge
            )
        case .refundCredit(let reference, _, _):
            guard let credit = credits[reference],
                let entry = moves[credit.operation]?.first(where: { $0.account == credit.userID && $0.kind == .topUp })
            else { return }
            facts.refundables[.credit(reference)] = Refundable(
                userID: credit.userID,
                transfer: credit.operation,
                paid: entry.amount,
                bonus: 0,
                refundedPaid: refunds[credit.operation]?.paid ?? 0,
                orderID: entry.orderID
            )
        case .adjust(let adjustment): facts.adjustments[adjustment.id] = stored(adjustment.id)
        case .decideAdjustment(let id, _, _): facts.adjustments[id] = stored(id)
        default: break
        }
    }

    private func stored(_ id: AdjustmentID) -> StoredAdjustment? {
        guard let proposal = proposals[id], let made = operations[proposal.key] else { return nil }
        var stored = StoredAdjustment(
            userID: proposal.userID,
            adjustment: proposal.adjustment,
            answer: made.answer
        )
        if let decision = decisions[id], let operation = operations[decision.key] {
            stored.decided = StoredAdjustment.Decided(decision: decision.decision, answer: operation.answer)
        } else if !proposal.isPending {
            stored.decided = StoredAdjustment.Decided(decision: .approve, answer: made.answer)
        }
        return stored
    }

    private func holdFacts(_ key: HoldKey) -> HoldFacts? {
        guard holds[key] != nil || endings[key] != nil else { return nil }
        var facts = HoldFacts()
        if let hold = holds[key] {
            facts.placed = HoldFacts.Placed(amount: hold.amount, expiresAt: expiry(of: hold))
        }
        if let ending = endings[key] { facts.end = HoldFacts.End(how: ending.how, charged: ending.charged) }
        for (name, part) in parts[key] ?? [:] {
            facts.settled += part.part.amountKopecks
            facts.partlyCharged += part.charged
            facts.parts[name] = part.how
        }
        return facts
    }

    private func expiry(of hold: LedgerRows.Hold) -> Timestamp {
        extensions[hold.key].map { max($0, hold.expiresAt) } ?? hold.expiresAt
    }

    private func expired(of userID: UserID, _ now: Timestamp) -> [ExpiredHold] {
        (holdsOf[userID] ?? []).compactMap { key in
            guard let hold = holds[key], endings[key] == nil else { return nil }
            guard expiry(of: hold) <= now else { return nil }
            return ExpiredHold(key: key, amount: left(of: hold))
        }
    }

    private func left(of hold: LedgerRows.Hold) -> Int64 {
        hold.amount - (parts[hold.key]?.values.map(\.part.amountKopecks).reduce(0, +) ?? 0)
    }

    func owner(of reference: CreditReference) -> UserID? { credits[reference]?.userID }
    func owner(of id: AdjustmentID) -> UserID? { proposals[id]?.userID }
    func hasDecision(_ id: AdjustmentID) -> Bool { decisions[id] != nil }

    // MARK: Writing

    mutating func apply(_ rows: LedgerRows, _ facts: LedgerFacts) {
        for row in rows.operations { unique(operations.updateValue(row, forKey: row.key) == nil, "operation") }
        for row in rows.holds {
            unique(holds.updateValue(row, forKey: row.key) == nil, "hold")
            holdsOf[row.key.userID, default: []].insert(row.key)
        }
        for row in rows.extensions { extensions[row.key] = max(extensions[row.key] ?? row.expiresAt, row.expiresAt) }
        for row in rows.parts { insert(row) }
        for row in rows.endings {
            unique(endings.updateValue(row, forKey: row.key) == nil, "hold_end")
            demand(row.charged == 0 || row.how == .charged, "only_a_charge_takes")
        }
        for row in rows.credits { unique(credits.updateValue(row, forKey: row.reference) == nil, "credit") }
        for row in rows.proposals {
            unique(proposals.updateValue(row, forKey: row.adjustment.id) == nil, "adjustment")
        }
        for row in rows.decisions {
            unique(decisions.updateValue(row, forKey: row.adjustmentID) == nil, "adjustment_decision")
            demand(row.decidedBy != row.proposedBy, "two_persons")
        }
        for row in rows.freezes { accounts[row.userID, default: AccountFacts()].isFrozen = row.isFrozen }
        insert(rows.entries)
        for row in rows.refunds { insert(row) }
        for row in rows.accounts { update(row) }
        if let granted = facts.granted { grants[granted.day, default: 0] += rows.granted }
    }

    private mutating func insert(_ row: LedgerRows.Part) {
        unique(parts[row.key, default: [:]].updateValue(row, forKey: row.part.partID) == nil, "hold_part")
        demand(row.charged >= 0 && row.charged <= row.part.amountKopecks, "hold_part_charged_check")
        demand(holds[row.key].map { left(of: $0) >= 0 } ?? false, "parts_fit_the_hold")
    }

    private mutating func insert(_ entries: [LedgerRows.Entry]) {
        var sums: [Int64: Int64] = [:]
        for entry in entries {
            entryCount += 1
            sums[entry.transfer, default: 0] += entry.amount
            demand(entry.amount != 0 || entry.kind == .charge && entry.account > 0, "entry_amount_check")
            demand((entry.account > 0) == (entry.balanceAfter != nil), "users_have_balances")
            if entry.account > 0 { moves[entry.transfer, default: []].append(entry) }
            let before = entrySums[entry.account] ?? (0, 0, 0)
            if let balance = entry.balanceAfter {
                demand(entry.balanceBefore == before.balance, "balances follow each other")
                demand(entry.bonusAfter.map { $0 >= 0 && $0 <= balance } ?? false, "bonus_is_covered")
            }
            entrySums[entry.account] = (
                before.amount + entry.amount, before.bonus + entry.bonusAmount, entry.balanceAfter ?? 0
            )
        }
        demand(sums.values.allSatisfy { $0 == 0 }, "transfer_sums_to_zero")
    }

    private mutating func insert(_ row: LedgerRows.Refund) {
        var given = refunds[row.of] ?? (0, 0)
        given.paid += row.paid
        given.bonus += row.bonus
        refunds[row.of] = given
        let entry = moves[row.of]?.first { $0.account == row.userID }
        let paid = entry.map { abs($0.amount - $0.bonusAmount) } ?? -1
        demand(given.paid <= paid && given.bonus <= abs(entry?.bonusAmount ?? 0), "refunds_fit_the_transfer")
        demand(row.paid + row.bonus > 0, "refunds_something")
    }

    private mutating func update(_ row: LedgerRows.Account) {
        var account = accounts[row.userID] ?? AccountFacts()
        account.paid += row.paidDelta
        account.bonus += row.bonusDelta
        account.held += row.heldDelta
        account.spent = row.spent
        account.spentDay = row.spentDay
        accounts[row.userID] = account
        demand(account.paid >= 0 && account.bonus >= 0 && account.held >= 0, "account_check")
        demand(account.held <= account.posted, "held_is_covered")
    }

    // MARK: Invariants

    /// What the auditor compares, for the users of a batch: stored sums against entries and holds.
    func difference(of users: some Sequence<UserID>) -> String? {
        if let violation { return violation }
        for userID in users {
            let account = accounts[userID] ?? AccountFacts()
            let sum = entrySums[userID] ?? (0, 0, 0)
            let held = (holdsOf[userID] ?? []).filter { endings[$0] == nil }.compactMap { holds[$0] }
                .map { left(of: $0) }.reduce(0, +)
            if account.posted != sum.amount { return "posted of \(userID): \(account.posted), entries \(sum.amount)" }
            if account.bonus != sum.bonus { return "bonus of \(userID): \(account.bonus), entries \(sum.bonus)" }
            if account.posted != sum.balance { return "balance of \(userID): \(account.posted), last \(sum.balance)" }
            if account.held != held { return "held of \(userID): \(account.held), holds \(held)" }
        }
        return entrySums.values.map(\.amount).reduce(0, +) == 0 ? nil : "the entries do not sum to zero"
    }

    private mutating func unique(_ isNew: Bool, _ table: String) { demand(isNew, "\(table) has a row twice") }

    private mutating func demand(_ holds: Bool, _ constraint: @autoclosure () -> String) {
        if !holds, violation == nil { violation = constraint() }
    }
}
