import Contracts
import Time

extension Credit: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 1)
        try CallChecks.text(input.reference, "reference", isRequired: true)
        try CallChecks.text(input.memo, "memo")
        let reference = CreditReference(source: input.source, reference: input.reference)
        return (
            input.userID, .credit(reference, amount: input.amountKopecks, orderID: input.orderID, memo: input.memo)
        )
    }

    static func output(_ answer: LedgerAnswer) -> CreditState? {
        if case .credit(let state) = answer { state } else { nil }
    }
}

extension RefundCredit: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 1)
        try CallChecks.text(input.reference, "reference", isRequired: true)
        try CallChecks.text(input.reason, "reason")
        let reference = CreditReference(source: input.source, reference: input.reference)
        return (input.userID, .refundCredit(reference, amount: input.amountKopecks, reason: input.reason))
    }
}

extension Gift: LedgerCall {
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction) {
        try CallChecks.user(input.userID)
        try CallChecks.receiver(input.receiverID, of: input.userID)
        try CallChecks.amount(input.amountKopecks, from: 1)
        try CallChecks.text(input.memo, "memo")
        return (input.userID, .gift(receiver: input.receiverID, amount: input.amountKopecks, memo: input.memo))
    }

    static func output(_ answer: LedgerAnswer) -> GiftState? {
        if case .gift(let state) = answer { state } else { nil }
    }
}
