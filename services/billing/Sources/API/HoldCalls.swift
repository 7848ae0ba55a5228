import Contracts
import Time

extension PlaceHold: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 0)
        try CallChecks.text(input.memo, "memo")
        try CallChecks.expiry(input.expiresAt, now: now)
        return (
            input.userID,
            .placeHold(id: input.holdID, amount: input.amountKopecks, expiresAt: input.expiresAt, memo: input.memo)
        )
    }
}

extension ExtendHold: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.expiry(input.expiresAt, now: now)
        return (input.userID, .extendHold(id: parameters.holdID, expiresAt: input.expiresAt))
    }
}

extension ChargeHold: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 0)
        try CallChecks.text(input.model, "model")
        try CallChecks.text(input.variant, "variant")
        try CallChecks.cost(input.providerCostMicrodollars, "provider_cost_microdollars")
        try CallChecks.cost(input.providerCostKopecks ?? 0, "provider_cost_kopecks")
        try CallChecks.part(input.part)
        let detail = ChargeDetail(
            jobID: input.jobID,
            model: input.model,
            variant: input.variant,
            providerCostMicrodollars: input.providerCostMicrodollars,
            providerCostKopecks: input.providerCostKopecks ?? 0
        )
        return (
            input.userID,
            .chargeHold(id: parameters.holdID, amount: input.amountKopecks, part: input.part, detail: detail)
        )
    }

    /// The provider's cost at a rate of the moment is no part of what is asked.
    static func asked(_ input: Input) -> Input {
        var input = input
        input.providerCostKopecks = nil
        return input
    }
}

extension ReleaseHold: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.text(input.reason, "reason")
        try CallChecks.part(input.part)
        return (input.userID, .releaseHold(id: parameters.holdID, part: input.part, reason: input.reason))
    }
}

extension RefundCharge: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 1)
        try CallChecks.text(input.reason, "reason")
        if let partID = input.partID { try CallChecks.name(partID, "part_id") }
        return (
            input.userID,
            .refundCharge(
                id: parameters.holdID,
                partID: input.partID,
                amount: input.amountKopecks,
                reason: input.reason
            )
        )
    }
}
