import Contracts
import Time

extension OpenAccount: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        return (input.userID, .openAccount)
    }
}

extension FreezeAccount: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(parameters.userID)
        try CallChecks.name(input.operatorName, "operator_name")
        try CallChecks.text(input.reason, "reason", isRequired: true)
        return (parameters.userID, .freeze(operatorName: input.operatorName, reason: input.reason))
    }
}

extension UnfreezeAccount: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(parameters.userID)
        try CallChecks.name(input.operatorName, "operator_name")
        try CallChecks.text(input.reason, "reason", isRequired: true)
        return (parameters.userID, .unfreeze(operatorName: input.operatorName, reason: input.reason))
    }
}

extension Adjust: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.correction(input.amountKopecks)
        try CallChecks.name(input.operatorName, "operator_name")
        try CallChecks.text(input.reason, "reason", isRequired: true)
        let adjustment = Adjustment(
            id: input.adjustmentID,
            amount: input.amountKopecks,
            wallet: input.wallet,
            reason: input.reason,
            operatorName: input.operatorName
        )
        return (input.userID, .adjust(adjustment))
    }

    static func output(_ answer: LedgerAnswer) -> AdjustmentState? {
        if case .adjustment(let state) = answer { state } else { nil }
    }
}
