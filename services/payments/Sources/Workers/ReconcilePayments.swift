internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Compares YooKassa's list of succeeded payments with our orders, once an hour: finds money whose notification was
/// lost and whose sweep had ended, and money that belongs to nobody. Then compares the orders with billing's ledger.
final class ReconcilePayments: Worker {
    let name = "payments.reconcile"
    /// How far back the list is read: a day and what two missed hours could hide.
    static let window = Duration.seconds(26 * 3_600)
    private static let overlap = Duration.seconds(2 * 3_600)
    /// Pages of 100; more than that in a day needs another shape.
    static let maximumPages = 200
    private static let lease = Duration.seconds(600)

    private let provider: YooKassaClient
    private let orders: OrderStore
    private let marks: ReconciliationStore
    private let settlement: Settlement
    private let billing: InternalClient
    private let interval: Duration
    private let metrics: PaymentsMetrics
    private let loop: EventLoop
    private let clock: WallClock
    private let log: Log

    init(
        provider: YooKassaClient,
        orders: OrderStore,
        settlement: Settlement,
        billing: InternalClient,
        interval: Duration,
        metrics: PaymentsMetrics,
        loop: EventLoop,
        clock: WallClock,
        log: Log
    ) {
        self.provider = provider
        self.orders = orders
        self.marks = ReconciliationStore(database: orders.database)
        self.settlement = settlement
        self.billing = billing
        self.interval = interval
        self.metrics = metrics
        self.loop = loop
        self.clock = clock
        self.log = log
    }

    func run() async throws {
        while true {
            if try await marks.claim(now: clock.now, leaseEnd: clock.now + Self.lease) {
                let isComplete = try await compare()
                if isComplete { try await compareLedger() }
                let now = clock.now
                try await marks.finish(
                    nextAt: now + (isComplete ? interval : .seconds(60)),
                    doneAt: isComplete ? now : nil
                )
            }
            try await loop.sleep(for: .seconds(5))
        }
    }

    /// - Returns: Whether the whole list was read.
    private func compare() async throws -> Bool {
        // After a longer outage from where the last whole comparison ended; a payment is captured some time before it is listed.
        let usual = clock.now - Self.window
        let since = try await marks.doneAt().map { min(usual, $0 - Self.overlap) } ?? usual
        var cursor: String?
        for _ in 0..<Self.maximumPages {
            guard case .object(let page) = await provider.list(capturedSince: since, cursor: cursor),
                let items = page["items"]?.array
            else { return false }
            try await settle(items)
            guard let next = page["next_cursor"]?.string else { return true }
            cursor = next
        }
        log.error("the list of payments is too long to compare", [.count: .int(Self.maximumPages)])
        return true
    }

    private func settle(_ items: [JSONValue]) async throws {
        let readings = items.compactMap { item in PaymentReading(item).map { ($0, item) } }
        let settled = try await orders.settled(readings.map(\.0.id))
        for (reading, item) in readings where !settled.contains(reading.id) {
            guard case .order(let order) = try await settlement.apply(reading, content: item) else { continue }
            if order.state.hasMoney {
                metrics.reconciled.increment()
                log.warning("payment found by reconciliation", [.orderID: .describing(order.orderID)])
            }
        }
    }

    /// Orders ↔ ledger. A billing that does not answer now is compared the next time.
    private func compareLedger() async throws {
        let before = try await orders.sums(.yookassa)
        let balance: GetTrialBalance.Output
        do throws(CallError) {
            balance = try await billing.call(GetTrialBalance.self)
        } catch {
            return log.warning("the ledger can't be compared", [.error: .describing(error)])
        }
        let after = try await orders.sums(.yookassa)
        // The account on the other side of credits: what came in is negative there.
        let ledger = -(balance.accounts[CreditSource.yookassa.rawValue] ?? 0)
        let difference = LedgerComparison.difference(ledger: ledger, before: before, after: after)
        metrics.ledgerDifference.set(Double(difference))
        if difference != 0 { log.error("ledger and orders differ", [.count: .int(difference)]) }
    }
}
