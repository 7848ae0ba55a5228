package import Contracts
internal import Cryptography
internal import Jobs
package import Lifecycle
internal import Postgres
package import ServiceKit
internal import Time

/// Accounts, the double-entry ledger and holds. Calls nobody.
package struct BillingService: AtelierService {
    package static let name = ServiceName.billing

    private let batcher: LedgerBatcher
    private let auditor: LedgerAuditor
    private let sealer: LedgerSealer
    private let queries: LedgerQueries
    private let clock: WallClock

    package init(_ context: ServiceContext) async throws {
        let metrics = BillingMetrics(context.metrics)
        self.batcher = LedgerBatcher(store: LedgerStore(database: context.database), metrics: metrics, log: context.log)
        self.queries = LedgerQueries(database: context.database)
        self.auditor = LedgerAuditor(queries: queries, metrics: metrics, log: context.log)
        self.sealer = LedgerSealer(store: SealStore(database: context.background), metrics: metrics)
        self.clock = context.clock
    }

    package var workers: [any Worker] { [batcher, sealer, auditor] }

    /// The queue, and the head of the hash chain: whoever writes it down elsewhere can prove later that nothing before it
    /// was changed.
    package func health() async -> [String: JSONValue] {
        var report: [String: JSONValue] = ["queued_operations": .integer(Int64(batcher.queuedItems))]
        // A database that does not answer shows in the report's own part about it.
        if let head = try? await sealer.store.head(deadline: .after(.milliseconds(500))) {
            report["seal_number"] = .integer(head.number)
            report["seal_hash"] = .string(Hex.encode(head.hash))
        }
        return report
    }

    package func register(on routes: inout Routes) {
        routes.serve(PlaceHold.self) { input, call in try await placeHold(input, call) }
        routes.serve(ChargeHold.self) { input, call in try await chargeHold(input, call) }
        routes.serve(ReleaseHold.self) { input, call in try await releaseHold(input, call) }
        routes.serve(Credit.self) { input, call in try await credit(input, call) }
        routes.serve(GetBalance.self) { _, call -> Balance in
            try CallChecks.user(call.parameters.userID)
            return try await queries.balance(of: call.parameters.userID, deadline: call.deadline)
        }
        routes.serve(ListEntries.self) { _, call -> ListEntries.Output in
            try CallChecks.user(call.parameters.userID)
            return try await queries.entries(
                of: call.parameters.userID,
                before: call.parameters.before,
                limit: try CallChecks.limit(call.parameters.limit),
                deadline: call.deadline
            )
        }
        routes.serve(GetTrialBalance.self) { _, call -> GetTrialBalance.Output in
            try await queries.trialBalance(deadline: call.deadline)
        }
    }

    // MARK: Calls that move money

    private func placeHold(_ input: PlaceHold.Input, _ call: Call<PlaceHold>) async throws -> Answer<HoldState> {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 0)
        try CallChecks.text(input.memo, "memo")
        try CallChecks.expiry(input.expiresAt, now: clock.now)
        return try await hold(
            .placeHold(id: input.holdID, amount: input.amountKopecks, expiresAt: input.expiresAt, memo: input.memo),
            of: input.userID,
            call
        )
    }

    private func chargeHold(_ input: ChargeHold.Input, _ call: Call<ChargeHold>) async throws -> Answer<HoldState> {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 0)
        try CallChecks.text(input.model, "model")
        try CallChecks.text(input.variant, "variant")
        try CallChecks.cost(input.providerCostMicrodollars)
        let detail = ChargeDetail(
            jobID: input.jobID,
            model: input.model,
            variant: input.variant,
            providerCostMicrodollars: input.providerCostMicrodollars
        )
        return try await hold(
            .chargeHold(id: call.parameters.holdID, amount: input.amountKopecks, detail: detail),
            of: input.userID,
            call
        )
    }

    private func releaseHold(_ input: ReleaseHold.Input, _ call: Call<ReleaseHold>) async throws -> Answer<HoldState> {
        try CallChecks.user(input.userID)
        try CallChecks.text(input.reason, "reason")
        return try await hold(.releaseHold(id: call.parameters.holdID, reason: input.reason), of: input.userID, call)
    }

    private func credit(_ input: Credit.Input, _ call: Call<Credit>) async throws -> Answer<CreditState> {
        try CallChecks.user(input.userID)
        try CallChecks.amount(input.amountKopecks, from: 1)
        try CallChecks.text(input.reference, "reference", isRequired: true)
        try CallChecks.text(input.memo, "memo")
        let reference = CreditReference(source: input.source, reference: input.reference)
        let action = LedgerAction.credit(
            reference,
            amount: input.amountKopecks,
            orderID: input.orderID,
            memo: input.memo
        )
        return try await answer(action, of: input.userID, call) { answer in
            if case .credit(let state) = answer { state } else { nil }
        }
    }

    private func hold<O: Operation>(
        _ action: LedgerAction,
        of userID: UserID,
        _ call: Call<O>
    ) async throws -> Answer<HoldState> {
        try await answer(action, of: userID, call) { answer in
            if case .hold(let state) = answer { state } else { nil }
        }
    }

    /// - Throws: `Problem`: the ledger's refusal, first or stored, or `idempotency_mismatch`.
    private func answer<O: Operation, Output: Sendable>(
        _ action: LedgerAction,
        of userID: UserID,
        _ call: Call<O>,
        _ read: (LedgerAnswer) -> Output?
    ) async throws -> Answer<Output> {
        let item = LedgerItem(
            key: OperationKey(caller: call.caller.rawValue, key: call.idempotencyKey),
            fingerprint: call.fingerprint,
            userID: userID,
            action: action
        )
        let (answer, isReplayed): (LedgerAnswer, Bool)
        switch try await batcher.submit(item, deadline: call.deadline) {
        case .fresh(let first): (answer, isReplayed) = (first, false)
        case .replayed(let first): (answer, isReplayed) = (first, true)
        case .mismatch: throw Problem(.idempotencyMismatch, "the key or payment was used for something else")
        }
        if case .refused(let problem) = answer { throw problem }
        guard let output = read(answer) else { throw Problem(.internalError) }
        return isReplayed ? .replayed(output) : .fresh(output)
    }
}
