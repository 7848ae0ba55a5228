package import Contracts
package import ServiceKit
internal import Time

/// A call of the race with all that its attempts need: what it is for the history, and how it is made over HTTP.
struct RaceCall: Sendable {
    enum Form: Sendable {
        case read
        case credit(Credit.Input)
        case place(PlaceHold.Input)
        case charge(HoldID, ChargeHold.Input)
        case release(HoldID, ReleaseHold.Input)
        case refund(HoldID, RefundCharge.Input)
        case gift(Gift.Input)
        case freeze(isFrozen: Bool)
    }

    var identity: String
    var body = 0
    var key: String
    var account: UserID
    var action: AccountAction
    var form: Form

    /// Makes one attempt.
    func perform(_ door: RaceDoor, timeout: Duration) async -> CallAttempt.Outcome {
        do {
            return .answer(try await send(door, timeout))
        } catch {
            return outcome(of: error)
        }
    }

    private func send(_ door: RaceDoor, _ timeout: Duration) async throws(CallError) -> AccountAnswer {
        switch form {
        case .read:
            return .done(
                AccountView(
                    try await door.generation.call(
                        GetBalance.self,
                        parameters: .init(userID: account),
                        timeout: timeout
                    )
                ),
                .none
            )
        case .credit(let input):
            let state = try await door.payments.call(Credit.self, input, key: key, timeout: timeout)
            return .done(AccountView(state.balance), .none)
        case .place(let input):
            return Self.answer(try await door.generation.call(PlaceHold.self, input, key: key, timeout: timeout))
        case .charge(let id, let input):
            let hold = HoldParameters(holdID: id)
            return Self.answer(
                try await door.generation.call(ChargeHold.self, input, parameters: hold, key: key, timeout: timeout)
            )
        case .release(let id, let input):
            let hold = HoldParameters(holdID: id)
            return Self.answer(
                try await door.generation.call(ReleaseHold.self, input, parameters: hold, key: key, timeout: timeout)
            )
        case .refund(let id, let input):
            let hold = HoldParameters(holdID: id)
            let state = try await door.generation.call(
                RefundCharge.self,
                input,
                parameters: hold,
                key: key,
                timeout: timeout
            )
            return .done(
                AccountView(state.balance),
                .refund(bonus: state.bonusKopecks, left: state.refundableKopecks)
            )
        case .gift(let input):
            let state = try await door.conversation.call(Gift.self, input, key: key, timeout: timeout)
            return .done(AccountView(state.balance), .none)
        case .freeze(let isFrozen):
            return .done(AccountView(try await setFrozen(isFrozen, door, timeout)), .none)
        }
    }

    private func setFrozen(_ isFrozen: Bool, _ door: RaceDoor, _ timeout: Duration) async throws(CallError) -> Balance {
        let parameters = AccountParameters(userID: account)
        let input = FreezeInput(operatorName: "ann", reason: "race")
        if isFrozen {
            return try await door.desk.call(
                FreezeAccount.self,
                input,
                parameters: parameters,
                key: key,
                timeout: timeout
            )
        }
        return try await door.desk.call(UnfreezeAccount.self, input, parameters: parameters, key: key, timeout: timeout)
    }

    private static func answer(_ state: HoldState) -> AccountAnswer {
        .done(
            AccountView(state.balance),
            .hold(charged: state.chargedKopecks, released: state.releasedKopecks)
        )
    }

    private func outcome(of error: CallError) -> CallAttempt.Outcome {
        guard let problem = error.problem else { return .nothing }
        switch problem.code {
        case .idempotencyMismatch:
            // Only holds are placed under an id that another call has taken; no other call's verdict is this one.
            if case .place = action { return .answer(.refused(.idempotencyMismatch, available: nil)) }
            return .mismatch
        case .insufficientFunds:
            return .answer(.refused(problem.code, available: problem.members["available_kopecks"]?.integer))
        case .limitExceeded:
            return .answer(.refused(problem.code, available: problem.members["remaining_kopecks"]?.integer))
        case .holdNotFound, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired, .exceedsHold, .accountFrozen:
            return .answer(.refused(problem.code, available: nil))
        default:
            return .nothing
        }
    }
}

/// One instance of billing, as its callers reach it.
package struct RaceDoor: Sendable {
    let generation: InternalClient
    let payments: InternalClient
    let conversation: InternalClient
    let desk: InternalClient

    /// - Parameter client: Of a caller.
    package init(_ client: (ServiceName) -> InternalClient) {
        generation = client(.generation)
        payments = client(.payments)
        conversation = client(.conversation)
        desk = client(.operator)
    }
}

extension AccountView {
    init(_ balance: Balance) {
        self.init(
            paid: balance.paidKopecks,
            bonus: balance.bonusKopecks,
            held: balance.heldKopecks,
            isFrozen: balance.isFrozen
        )
    }
}
