import Contracts
import ServiceKit
import Time

/// An operation that becomes one item of a batch, alone or among others.
protocol LedgerCall: Contracts.Operation {
    /// The account and the action, with every value in range.
    ///
    /// - Throws: `malformed_request`; nothing of it is stored.
    static func action(
        _ input: Input,
        _ parameters: Parameters,
        now: Timestamp
    ) throws(Problem) -> (UserID, LedgerAction)

    /// The input without what only describes it, and may differ in a repeat: a rate that has changed, a member that an
    /// older release did not send.
    static func asked(_ input: Input) -> Input

    /// The operation's own form of the answer; nil for another kind's.
    static func output(_ answer: LedgerAnswer) -> Output?
}

extension LedgerCall {
    static func asked(_ input: Input) -> Input { input }

    /// The item that a call asks for. The fingerprint is the same whether it came alone or among others.
    static func item(_ input: Input, _ call: Call<Self>, now: Timestamp) throws(Problem) -> LedgerItem {
        let (userID, action) = try action(input, call.parameters, now: now)
        let canonical = Call<Self>(
            caller: call.caller,
            idempotencyKey: call.idempotencyKey,
            parameters: call.parameters,
            deadline: call.deadline,
            input: asked(input)
        )
        return LedgerItem(
            key: OperationKey(caller: call.caller.rawValue, key: call.idempotencyKey),
            fingerprint: canonical.fingerprint,
            userID: userID,
            action: action
        )
    }
}

extension LedgerCall where Output == HoldState {
    static func output(_ answer: LedgerAnswer) -> HoldState? {
        if case .hold(let state) = answer { state } else { nil }
    }
}

extension LedgerCall where Output == RefundState {
    static func output(_ answer: LedgerAnswer) -> RefundState? {
        if case .refund(let state) = answer { state } else { nil }
    }
}

extension LedgerCall where Output == Balance {
    static func output(_ answer: LedgerAnswer) -> Balance? {
        if case .account(let balance) = answer { balance } else { nil }
    }
}
