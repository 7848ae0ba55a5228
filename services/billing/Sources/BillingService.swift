package import Configuration
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
    package static let configurationKeys: [any ConfigurationKeyDescription] = LedgerRules.keys

    private let batcher: LedgerBatcher
    private let auditor: LedgerAuditor
    private let sealer: LedgerSealer
    let queries: LedgerQueries
    let reports: LedgerReports
    let rules: LedgerRules
    let clock: WallClock

    package init(_ context: ServiceContext) async throws {
        let metrics = BillingMetrics(context.metrics)
        self.rules = try LedgerRules(context.configuration)
        let store = LedgerStore(database: context.database, rules: rules)
        self.batcher = LedgerBatcher(store: store, metrics: metrics, log: context.log)
        self.queries = LedgerQueries(database: context.database)
        self.reports = LedgerReports(database: context.background)
        self.auditor = LedgerAuditor(
            audits: LedgerAudits(database: context.background),
            metrics: metrics,
            log: context.log
        )
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
        serve(OpenAccount.self, on: &routes)
        serve(PlaceHold.self, on: &routes)
        serve(ExtendHold.self, on: &routes)
        serve(ChargeHold.self, on: &routes)
        serve(ReleaseHold.self, on: &routes)
        serve(RefundCharge.self, on: &routes)
        serve(Credit.self, on: &routes)
        serve(RefundCredit.self, on: &routes)
        serve(Gift.self, on: &routes)
        serve(Adjust.self, on: &routes)
        serve(FreezeAccount.self, on: &routes)
        serve(UnfreezeAccount.self, on: &routes)
        routes.serve(DecideAdjustment.self) { input, call in try await decideAdjustment(input, call) }
        routes.serve(ApplyOperations.self) { input, call in try await applyOperations(input, call) }
        registerReads(on: &routes)
    }

    /// Serves a call that becomes one item of the next batch.
    private func serve<O: LedgerCall>(_ operation: O.Type, on routes: inout Routes) {
        let (batcher, clock) = (batcher, clock)
        routes.serve(operation) { input, call -> Answer<O.Output> in
            let item = try O.item(input, call, now: clock.now)
            let verdict = try await batcher.submit(item, deadline: call.deadline)
            return try Self.answer(verdict) { O.output($0) }
        }
    }

    /// All items that can be decided share a batch.
    private func applyOperations(
        _ input: ApplyOperations.Input,
        _ call: Call<ApplyOperations>
    ) async throws -> ApplyOperations.Output {
        try CallChecks.group(input.items.count)
        let group = OperationGroup(caller: call.caller, deadline: call.deadline, now: clock.now)
        let items = input.items.map { group.item($0) }
        let good = items.compactMap { item in try? item.get() }
        var verdicts = good.isEmpty ? [][...] : try await batcher.submit(good, deadline: call.deadline)[...]
        return ApplyOperations.Output(
            results: items.map { item in
                switch item {
                case .success: OperationGroup.result(verdicts.removeFirst())
                case .failure(let problem): OperationGroup.result(problem)
                }
            }
        )
    }

    /// The adjustment says whose account it is about.
    private func decideAdjustment(
        _ input: DecideAdjustment.Input,
        _ call: Call<DecideAdjustment>
    ) async throws -> Answer<AdjustmentState> {
        try CallChecks.name(input.operatorName, "operator_name")
        let id = call.parameters.adjustmentID
        guard let userID = try await queries.account(of: id, deadline: call.deadline) else {
            throw Problem(.notFound, "no adjustment has this id")
        }
        let item = LedgerItem(
            key: OperationKey(caller: call.caller.rawValue, key: call.idempotencyKey),
            fingerprint: call.fingerprint,
            userID: userID,
            action: .decideAdjustment(id: id, input.decision, operatorName: input.operatorName)
        )
        return try Self.answer(try await batcher.submit(item, deadline: call.deadline)) { Adjust.output($0) }
    }

    /// - Throws: `Problem`: the ledger's refusal, first or stored, or `idempotency_mismatch`.
    private static func answer<Output: Sendable>(
        _ verdict: Verdict,
        _ read: (LedgerAnswer) -> Output?
    ) throws(Problem) -> Answer<Output> {
        let (answer, isReplayed): (LedgerAnswer, Bool)
        switch verdict {
        case .fresh(let first): (answer, isReplayed) = (first, false)
        case .replayed(let first): (answer, isReplayed) = (first, true)
        case .mismatch: throw Problem(.idempotencyMismatch, "the key or payment was used for something else")
        }
        if case .refused(let problem) = answer { throw problem }
        guard let output = read(answer) else { throw Problem(.internalError) }
        return isReplayed ? .replayed(output) : .fresh(output)
    }
}
