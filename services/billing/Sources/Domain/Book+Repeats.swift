import Contracts

/// What was decided before is not decided again.
extension Book {
    /// The first answer, if the key is known, or what is asked was done under another key.
    func known(_ item: LedgerItem) -> Verdict? {
        if let known = operations[item.key] {
            return known.fingerprint == item.fingerprint ? .replayed(known.answer) : .mismatch
        }
        switch item.action {
        case .credit(let reference, let amount, _, _):
            // Another key for a payment that has been credited: the same answer, unless it is for something else.
            guard let known = credits[reference] else { return nil }
            return known.userID == item.userID && known.amount == amount ? .replayed(known.answer) : .mismatch
        case .adjust(let adjustment):
            guard let known = adjustments[adjustment.id] else { return nil }
            return known.userID == item.userID && known.adjustment == adjustment ? .replayed(known.answer) : .mismatch
        case .decideAdjustment(let id, let decision, _):
            guard let proposal = adjustments[id], proposal.userID == item.userID, let known = proposal.decided else {
                return nil
            }
            return known.decision == decision ? .replayed(known.answer) : .mismatch
        default:
            return nil
        }
    }

    /// Keeps what makes a repeat under another key known.
    mutating func remember(_ item: LedgerItem, _ answer: LedgerAnswer, _ operation: Int64) {
        switch (item.action, answer) {
        case (.credit(let reference, let amount, _, _), .credit):
            credits[reference] = StoredCredit(userID: item.userID, amount: amount, answer: answer)
            rows.credits.append(
                LedgerRows.Credit(
                    reference: reference,
                    userID: item.userID,
                    amount: amount,
                    key: item.key,
                    operation: operation
                )
            )
        case (.adjust(let adjustment), .adjustment(let state)):
            let isPending = state.state == .proposed
            adjustments[adjustment.id] = StoredAdjustment(
                userID: item.userID,
                adjustment: adjustment,
                answer: answer,
                decided: isPending ? nil : StoredAdjustment.Decided(decision: .approve, answer: answer)
            )
            rows.proposals.append(
                LedgerRows.Proposal(
                    userID: item.userID,
                    adjustment: adjustment,
                    isPending: isPending,
                    key: item.key,
                    operation: operation
                )
            )
        case (.decideAdjustment(let id, let decision, let name), .adjustment):
            adjustments[id]?.decided = StoredAdjustment.Decided(decision: decision, answer: answer)
            rows.decisions.append(
                LedgerRows.Decision(
                    adjustmentID: id,
                    proposedBy: adjustments[id]?.adjustment.operatorName ?? "",
                    decidedBy: name,
                    decision: decision,
                    key: item.key,
                    operation: operation
                )
            )
        default: break
        }
    }
}
