import Contracts

/// Money that comes, goes back and is given.
extension Book {
    mutating func credit(
        _ userID: UserID,
        _ reference: CreditReference,
        _ amount: Int64,
        _ orderID: OrderID?,
        _ memo: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        let source = reference.source
        var account = self.account(userID)
        // Money that was paid has arrived whether the account is frozen or not; a gift can be refused.
        guard !account.isFrozen || !source.isGranted else { return .refused(Problem(.accountFrozen)) }
        if let refusal = refusal(of: amount, to: account, from: source) { return refusal }
        let bonus = source.isPaid ? 0 : amount
        account.bonus += bonus
        account.paid += amount - bonus
        accounts[userID] = account
        if source.isGranted { rows.granted += amount }
        if source.isPaid {
            refundables[.credit(reference)] = Refundable(
                userID: userID,
                transfer: operation,
                paid: amount,
                bonus: 0,
                orderID: orderID
            )
        }
        transfer(
            entry(operation, userID, source.entryKind, amount, bonus: bonus, memo, orderID: orderID),
            with: source.systemAccount
        )
        return .credit(CreditState(amountKopecks: amount, balance: account.balance(of: userID)))
    }

    /// Limits of an account, of the operator's day, and of what one operator may do alone.
    private func refusal(of amount: Int64, to account: AccountFacts, from source: CreditSource) -> LedgerAnswer? {
        let room = LedgerLimits.maximumBalanceKopecks - account.posted
        guard amount <= room else { return Self.fullAccount(room) }
        if source.isGranted, let limit = rules.dailyGrantKopecks {
            let left = limit - (facts.granted?.amount ?? 0) - rows.granted
            guard amount <= left else {
                return Self.limit(.dailyGrant, limit, remaining: left, "too much has been granted today")
            }
        }
        if source == .adjustment, let limit = rules.loneAdjustmentKopecks, amount > limit {
            return Self.limit(.loneAdjustment, limit, remaining: limit, "a correction of this size has to be approved")
        }
        return nil
    }

    static func fullAccount(_ room: Int64) -> LedgerAnswer {
        limit(.balance, LedgerLimits.maximumBalanceKopecks, remaining: room, "the account would hold too much")
    }

    // MARK: Refunds

    /// Paid money first: it was spent last.
    mutating func refundCharge(
        _ key: HoldKey,
        _ partID: String?,
        _ amount: Int64,
        _ reason: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        let target = RefundTarget.charge(key, partID: partID)
        guard let charge = refundables[target] else { return .refused(whyNotRefundable(key, partID)) }
        guard amount <= charge.left else { return Self.nothingLeft(charge) }
        let paid = min(amount, charge.paid - charge.refundedPaid)
        var account = self.account(key.userID)
        account.paid += paid
        account.bonus += amount - paid
        accounts[key.userID] = account
        var entry = entry(operation, key.userID, .refund, amount, bonus: amount - paid, reason, orderID: nil)
        entry.holdID = key.id
        entry.partID = partID
        // What the provider took is not given back.
        entry.charge = charge.charge.map {
            ChargeDetail(jobID: $0.jobID, model: $0.model, variant: $0.variant, providerCostMicrodollars: 0)
        }
        transfer(entry, with: .refund)
        return refunded(target, charge, paid: paid, bonus: amount - paid, operation)
    }

    /// Back to the payer: from paid money that is not held.
    mutating func refundCredit(
        _ userID: UserID,
        _ reference: CreditReference,
        _ amount: Int64,
        _ reason: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        let target = RefundTarget.credit(reference)
        guard let credit = refundables[target], credit.userID == userID else {
            return Self.limit(.refundable, 0, remaining: 0, "nothing was paid in under this reference")
        }
        guard amount <= credit.left else { return Self.nothingLeft(credit) }
        var account = self.account(userID)
        guard !account.isFrozen else { return .refused(Problem(.accountFrozen)) }
        guard amount <= account.givable else { return Self.insufficient(amount, account.givable) }
        account.paid -= amount
        accounts[userID] = account
        transfer(
            entry(operation, userID, .refund, -amount, bonus: 0, reason, orderID: credit.orderID),
            with: reference.source.systemAccount
        )
        return refunded(target, credit, paid: amount, bonus: 0, operation)
    }

    private mutating func refunded(
        _ target: RefundTarget,
        _ before: Refundable,
        paid: Int64,
        bonus: Int64,
        _ operation: Int64
    ) -> LedgerAnswer {
        var after = before
        after.refundedPaid += paid
        after.refundedBonus += bonus
        refundables[target] = after
        rows.refunds.append(
            LedgerRows.Refund(userID: after.userID, of: after.transfer, paid: paid, bonus: bonus, operation: operation)
        )
        return .refund(
            RefundState(
                amountKopecks: paid + bonus,
                bonusKopecks: bonus,
                refundedKopecks: after.refunded,
                refundableKopecks: after.left,
                balance: account(after.userID).balance(of: after.userID)
            )
        )
    }

    private static func nothingLeft(_ refundable: Refundable) -> LedgerAnswer {
        limit(
            .refundable,
            refundable.paid + refundable.bonus,
            remaining: refundable.left,
            "more than what is left to refund"
        )
    }

    private func whyNotRefundable(_ key: HoldKey, _ partID: String?) -> Problem {
        guard let hold = holds[key], hold.placed != nil else { return Problem(.holdNotFound) }
        switch partID.flatMap({ hold.parts[$0] }) ?? hold.end?.how {
        case .released: return Problem(.holdAlreadyReleased)
        case .expired: return Problem(.holdExpired)
        case .charged, .live, nil:
            guard case .refused(let problem) = Self.limit(.refundable, 0, remaining: 0, "nothing was charged so")
            else { return Problem(.internalError) }
            return problem
        }
    }

    // MARK: Gifts

    mutating func give(
        _ amount: Int64,
        from giver: UserID,
        to receiver: UserID,
        _ memo: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        guard !account(giver).isFrozen, !account(receiver).isFrozen else { return .refused(Problem(.accountFrozen)) }
        guard amount <= account(giver).givable else { return Self.insufficient(amount, account(giver).givable) }
        let room = LedgerLimits.maximumBalanceKopecks - account(receiver).posted
        guard amount <= room else { return Self.fullAccount(room) }
        accounts[giver, default: AccountFacts()].paid -= amount
        rows.entries.append(entry(operation, giver, .gift, -amount, bonus: 0, memo, orderID: nil))
        accounts[receiver, default: AccountFacts()].bonus += amount
        rows.entries.append(entry(operation, receiver, .gift, amount, bonus: amount, memo, orderID: nil))
        return .gift(
            GiftState(amountKopecks: amount, receiverID: receiver, balance: account(giver).balance(of: giver))
        )
    }

    /// A movement on a user's account, after the account was changed.
    func entry(
        _ transfer: Int64,
        _ userID: UserID,
        _ kind: EntryKind,
        _ amount: Int64,
        bonus: Int64,
        _ memo: String,
        orderID: OrderID?
    ) -> LedgerRows.Entry {
        let account = account(userID)
        return LedgerRows.Entry(
            transfer: transfer,
            account: userID,
            kind: kind,
            amount: amount,
            bonusAmount: bonus,
            balanceAfter: account.posted,
            bonusAfter: account.bonus,
            memo: memo,
            orderID: orderID
        )
    }
}
