package import Contracts
package import Lifecycle
package import Postgres
internal import ServiceKit
package import Telemetry
package import Time

/// The ledger without HTTP: the service's own batcher, store and sealer, for whoever measures them alone.
package struct InProcessLedger: Sendable {
    /// A call that moves money, as contracts have it.
    package enum Order: Sendable {
        case placeHold(PlaceHold.Input)
        case chargeHold(HoldID, ChargeHold.Input)
        case releaseHold(HoldID, ReleaseHold.Input)
        case credit(Credit.Input)
    }

    /// What became of an order.
    package struct Outcome: Sendable, Equatable {
        /// `ok`, `mismatch` or the problem's code.
        package var verdict: String
        package var isReplayed: Bool

        package init(verdict: String, isReplayed: Bool = false) {
            self.verdict = verdict
            self.isReplayed = isReplayed
        }
    }

    private let batcher: LedgerBatcher
    private let sealer: LedgerSealer

    package init(database: Database, metrics: Metrics, log: Log) {
        let own = BillingMetrics(metrics)
        self.batcher = LedgerBatcher(store: LedgerStore(database: database), metrics: own, log: log)
        self.sealer = LedgerSealer(store: SealStore(database: database), metrics: own)
    }

    /// To be run while orders are submitted.
    package var workers: [any Worker] { [batcher, sealer] }

    /// Decides orders together in one batch, in their order.
    ///
    /// - Throws: As the service's calls do, if none of them was decided.
    package func submit(
        _ orders: [(key: String, order: Order)],
        by caller: ServiceName,
        deadline: Deadline
    ) async throws -> [Outcome] {
        let items = orders.map { Self.item($0.order, $0.key, caller, deadline) }
        return try await batcher.submit(items, deadline: deadline).map { Self.outcome(try $0.get()) }
    }

    private static func outcome(_ verdict: Verdict) -> Outcome {
        switch verdict {
        case .fresh(let answer): Outcome(verdict: answer.verdict)
        case .replayed(let answer): Outcome(verdict: answer.verdict, isReplayed: true)
        case .mismatch: Outcome(verdict: "mismatch")
        }
    }

    private static func item(_ order: Order, _ key: String, _ caller: ServiceName, _ deadline: Deadline) -> LedgerItem {
        /// With the fingerprint that the same call has over HTTP.
        func item<O: Operation>(
            _: O.Type,
            _ parameters: O.Parameters,
            _ input: O.Input,
            _ userID: UserID,
            _ action: LedgerAction
        ) -> LedgerItem {
            let call = Call<O>(
                caller: caller,
                idempotencyKey: key,
                parameters: parameters,
                deadline: deadline,
                input: input
            )
            let key = OperationKey(caller: caller.rawValue, key: key)
            return LedgerItem(key: key, fingerprint: call.fingerprint, userID: userID, action: action)
        }
        switch order {
        case .placeHold(let input):
            return item(
                PlaceHold.self,
                NoParameters(),
                input,
                input.userID,
                .placeHold(
                    id: input.holdID,
                    amount: input.amountKopecks,
                    expiresAt: input.expiresAt,
                    memo: input.memo
                )
            )
        case .chargeHold(let id, let input):
            let detail = ChargeDetail(
                jobID: input.jobID,
                model: input.model,
                variant: input.variant,
                providerCostMicrodollars: input.providerCostMicrodollars
            )
            return item(
                ChargeHold.self,
                HoldParameters(holdID: id),
                input,
                input.userID,
                .chargeHold(id: id, amount: input.amountKopecks, detail: detail)
            )
        case .releaseHold(let id, let input):
            return item(
                ReleaseHold.self,
                HoldParameters(holdID: id),
                input,
                input.userID,
                .releaseHold(id: id, reason: input.reason)
            )
        case .credit(let input):
            return item(
                Credit.self,
                NoParameters(),
                input,
                input.userID,
                .credit(
                    CreditReference(source: input.source, reference: input.reference),
                    amount: input.amountKopecks,
                    orderID: input.orderID,
                    memo: input.memo
                )
            )
        }
    }
}
