import Contracts

@testable import BillingService

extension ReferenceLedger {
    mutating func credit(_ userID: UserID, _ reference: CreditReference, _ amount: Int64) -> LedgerAnswer {
        let user = user(userID)
        let isPaid = [.yookassa, .stars].contains(reference.source)
        let isGift = [.bonus, .promo, .referral].contains(reference.source)
        if user.isFrozen && isGift { return refuse(.accountFrozen) }
        let most = LedgerLimits.maximumBalanceKopecks
        if user.posted + amount > most { return limit("balance", most, most - user.posted) }
        if isGift, let most = rules.dailyGrantKopecks {
            let left = most - (granted[today] ?? 0)
            if amount > left { return limit("daily_grant", most, left) }
        }
        if reference.source == .adjustment, let most = rules.loneAdjustmentKopecks, amount > most {
            return limit("lone_adjustment", most, most)
        }
        if isPaid {
            users[userID, default: User()].paid += amount
            moved[.credit(reference)] = Moved(userID: userID, paid: amount, bonus: 0)
        } else {
            users[userID, default: User()].bonus += amount
        }
        if isGift { granted[today, default: 0] += amount }
        return .credit(CreditState(amountKopecks: amount, balance: balance(userID)))
    }

    mutating func refundCharge(_ userID: UserID, _ id: HoldID, _ partID: String?, _ amount: Int64) -> LedgerAnswer {
        let target = RefundTarget.charge(HoldKey(userID: userID, id: id), partID: partID)
        guard let charge = moved[target] else {
            guard let hold = user(userID).holds[id] else { return refuse(.holdNotFound) }
            switch partID.flatMap({ hold.parts[$0]?.how }) ?? hold.end(now) {
            case .released: return refuse(.holdAlreadyReleased)
            case .expired: return refuse(.holdExpired)
            case .charged, .live, nil: return limit("refundable", 0, 0)
            }
        }
        if amount > charge.left { return limit("refundable", charge.paid + charge.bonus, charge.left) }
        let paid = min(amount, charge.paid - charge.refundedPaid)
        users[userID, default: User()].paid += paid
        users[userID, default: User()].bonus += amount - paid
        return refunded(target, paid: paid, bonus: amount - paid)
    }

    mutating func refundCredit(_ userID: UserID, _ reference: CreditReference, _ amount: Int64) -> LedgerAnswer {
        let target = RefundTarget.credit(reference)
        guard let credit = moved[target], credit.userID == userID else { return limit("refundable", 0, 0) }
        if amount > credit.left { return limit("refundable", credit.paid, credit.left) }
        let user = user(userID)
        if user.isFrozen { return refuse(.accountFrozen) }
        if amount > user.givable(now) { return insufficient(amount, user.givable(now)) }
        users[userID]?.paid -= amount
        return refunded(target, paid: amount, bonus: 0)
    }

    private mutating func refunded(_ target: RefundTarget, paid: Int64, bonus: Int64) -> LedgerAnswer {
        guard var moved = self.moved[target] else { return refuse(.internalError) }
        moved.refundedPaid += paid
        moved.refundedBonus += bonus
        self.moved[target] = moved
        return .refund(
            RefundState(
                amountKopecks: paid + bonus,
                bonusKopecks: bonus,
                refundedKopecks: moved.refunded,
                refundableKopecks: moved.left,
                balance: balance(moved.userID)
            )
        )
    }

    mutating func give(_ amount: Int64, _ giver: UserID, _ receiver: UserID) -> LedgerAnswer {
        if user(giver).isFrozen || user(receiver).isFrozen { return refuse(.accountFrozen) }
        let has = user(giver).givable(now)
        if amount > has { return insufficient(amount, has) }
        let most = LedgerLimits.maximumBalanceKopecks
        let room = most - user(receiver).posted
        if amount > room { return limit("balance", most, room) }
        users[giver, default: User()].paid -= amount
        users[receiver, default: User()].bonus += amount
        return .gift(GiftState(amountKopecks: amount, receiverID: receiver, balance: balance(giver)))
    }

    // MARK: Corrections

    mutating func adjust(_ userID: UserID, _ adjustment: Adjustment) -> LedgerAnswer {
        if let most = rules.loneAdjustmentKopecks, abs(adjustment.amount) > most {
            return state(adjustment, .proposed, userID)
        }
        return apply(adjustment, userID)
    }

    mutating func decide(
        _ userID: UserID,
        _ id: AdjustmentID,
        _ decision: AdjustmentDecision,
        _ name: String
    ) -> LedgerAnswer {
        guard let proposal = proposals[id], proposal.userID == userID else { return refuse(.notFound) }
        let most = rules.loneAdjustmentKopecks ?? 0
        if proposal.adjustment.operatorName == name { return limit("lone_adjustment", most, most) }
        if decision == .reject { return state(proposal.adjustment, .rejected, proposal.userID) }
        return apply(proposal.adjustment, proposal.userID)
    }

    private mutating func apply(_ adjustment: Adjustment, _ userID: UserID) -> LedgerAnswer {
        let user = user(userID)
        let has = min(adjustment.wallet == .paid ? user.paid : user.bonus, user.available(now))
        if -adjustment.amount > max(0, has) { return insufficient(-adjustment.amount, has) }
        let most = LedgerLimits.maximumBalanceKopecks
        if adjustment.amount > max(0, most - user.posted) { return limit("balance", most, most - user.posted) }
        switch adjustment.wallet {
        case .paid: users[userID, default: User()].paid += adjustment.amount
        case .bonus: users[userID, default: User()].bonus += adjustment.amount
        }
        return state(adjustment, .applied, userID)
    }

    private func state(
        _ adjustment: Adjustment,
        _ progress: AdjustmentProgress,
        _ userID: UserID
    ) -> LedgerAnswer {
        .adjustment(
            AdjustmentState(
                adjustmentID: adjustment.id,
                amountKopecks: adjustment.amount,
                state: progress,
                balance: balance(userID)
            )
        )
    }
}
