import Contracts

/// What operators do by hand.
extension Book {
    /// Above the sum that one operator may correct alone it is only proposed.
    mutating func adjust(_ userID: UserID, _ adjustment: Adjustment, _ operation: Int64) -> LedgerAnswer {
        if let limit = rules.loneAdjustmentKopecks, abs(adjustment.amount) > limit {
            return state(of: adjustment, .proposed, userID)
        }
        return apply(adjustment, to: userID, operation)
    }

    mutating func decide(
        _ proposal: StoredAdjustment,
        _ decision: AdjustmentDecision,
        _ operatorName: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        guard proposal.adjustment.operatorName != operatorName else {
            return Self.limit(
                .loneAdjustment,
                rules.loneAdjustmentKopecks ?? 0,
                remaining: rules.loneAdjustmentKopecks ?? 0,
                "another operator has to decide"
            )
        }
        switch decision {
        case .approve: return apply(proposal.adjustment, to: proposal.userID, operation)
        case .reject: return state(of: proposal.adjustment, .rejected, proposal.userID)
        }
    }

    mutating func setFrozen(
        _ isFrozen: Bool,
        _ userID: UserID,
        _ operatorName: String,
        _ reason: String,
        _ operation: Int64
    ) -> LedgerAnswer {
        if account(userID).isFrozen != isFrozen {
            accounts[userID, default: AccountFacts()].isFrozen = isFrozen
            rows.freezes.append(
                LedgerRows.Freeze(
                    userID: userID,
                    isFrozen: isFrozen,
                    operatorName: operatorName,
                    reason: reason,
                    operation: operation
                )
            )
        }
        return .account(account(userID).balance(of: userID))
    }

    private mutating func apply(_ adjustment: Adjustment, to userID: UserID, _ operation: Int64) -> LedgerAnswer {
        var account = self.account(userID)
        let amount = adjustment.amount
        let has = min(adjustment.wallet == .paid ? account.paid : account.bonus, account.available)
        guard -amount <= max(0, has) else { return Self.insufficient(-amount, has) }
        let room = LedgerLimits.maximumBalanceKopecks - account.posted
        guard amount <= max(0, room) else { return Self.fullAccount(room) }
        switch adjustment.wallet {
        case .paid: account.paid += amount
        case .bonus: account.bonus += amount
        }
        accounts[userID] = account
        let bonus = adjustment.wallet == .bonus ? amount : 0
        transfer(
            entry(operation, userID, .adjust, amount, bonus: bonus, adjustment.reason, orderID: nil),
            with: .adjustment
        )
        return state(of: adjustment, .applied, userID)
    }

    private func state(
        of adjustment: Adjustment,
        _ progress: AdjustmentProgress,
        _ userID: UserID
    ) -> LedgerAnswer {
        .adjustment(
            AdjustmentState(
                adjustmentID: adjustment.id,
                amountKopecks: adjustment.amount,
                state: progress,
                balance: account(userID).balance(of: userID)
            )
        )
    }
}
