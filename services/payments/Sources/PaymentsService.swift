package import Configuration
package import Contracts
internal import Jobs
package import Lifecycle
package import ServiceKit
internal import Time

/// Takes money in: orders, payments at YooKassa and in Stars, and their credits in billing.
package struct PaymentsService: AtelierService {
    package static let name = ServiceName.payments
    package static let configurationKeys = PaymentsConfiguration.Key.all

    private let configuration: PaymentsConfiguration
    private let provider: YooKassaClient?
    private let orders: OrderOperations
    private let events: EventOperations
    private let store: OrderStore
    private let follower: FollowOrders
    private let sender: OutboxSender
    private let reconciler: ReconcilePayments?

    package init(_ context: ServiceContext) async throws {
        let configuration = try PaymentsConfiguration(context.configuration)
        let metrics = PaymentsMetrics(context.metrics)
        let provider = configuration.shop.map { shop in
            YooKassaClient(shop: shop, http: context.http, loop: context.loop, metrics: metrics, log: context.log)
        }
        let answers = CommandAnswers(metrics: metrics, log: context.log, clock: context.clock)
        let sender = OutboxSender(context) { answer, transaction in
            try await answers.handle(answer, in: transaction)
        }
        let store = OrderStore(database: context.database)
        let settlement = Settlement(
            database: context.database,
            shop: configuration.shop,
            metrics: metrics,
            log: context.log,
            clock: context.clock
        ) { sender.wake() }
        // What nobody waits for must not keep calls waiting.
        let patientStore = OrderStore(database: context.background)
        let follower = FollowOrders(
            provider: provider,
            store: patientStore,
            settlement: settlement,
            loop: context.loop,
            clock: context.clock,
            log: context.log
        )
        self.configuration = configuration
        self.provider = provider
        self.store = store
        self.sender = sender
        self.follower = follower
        self.orders = OrderOperations(
            configuration: configuration,
            provider: provider,
            store: store,
            settlement: settlement,
            metrics: metrics,
            clock: context.clock
        ) { follower.wake() }
        self.events = EventOperations(
            provider: provider,
            store: store,
            settlement: settlement,
            delivery: context.client(for: .delivery),
            metrics: metrics,
            log: context.log,
            clock: context.clock
        )
        self.reconciler = provider.map { provider in
            ReconcilePayments(
                provider: provider,
                orders: patientStore,
                settlement: settlement,
                billing: context.client(for: .billing),
                interval: configuration.reconcileEvery,
                metrics: metrics,
                loop: context.loop,
                clock: context.clock,
                log: context.log
            )
        }
    }

    package func register(on routes: inout Routes) {
        let (orders, events) = (orders, events)
        routes.serve(GetPaymentOptions.self) { _, _ -> GetPaymentOptions.Output in orders.options() }
        routes.serve(CreateOrder.self) { input, call -> Answer<Order> in try await orders.create(input, call) }
        routes.serve(GetOrder.self) { _, call -> Order in try await orders.get(call.parameters.orderID) }
        routes.serve(CheckOrder.self) { _, call -> Order in
            try await orders.check(call.parameters.orderID, deadline: call.deadline)
        }
        routes.serve(HandlePaymentEvents.self) { batch, call -> EventVerdicts in
            try await events.handle(batch, deadline: call.deadline)
        }
    }

    package var workers: [any Worker] {
        [sender, follower] + (reconciler.map { [$0] } ?? [])
    }

    package func health() async -> [String: JSONValue] {
        var report: [String: JSONValue] = ["yookassa": .string(providerMode)]
        // A database that does not answer is reported by its own check.
        if let open = try? await store.openCounts() {
            report["open_orders"] = .object(open.mapValues { .integer($0) })
        }
        if let strays = try? await StrayStore(database: store.database).openCount() {
            report["unresolved_strays"] = .integer(strays)
        }
        if let done = try? await ReconciliationStore(database: store.database).doneAt() {
            report["reconciled_at"] = .string(done.description)
        }
        return report
    }

    private var providerMode: String {
        guard let shop = configuration.shop, let provider else { return "absent" }
        if provider.areCredentialsRejected { return "credentials_rejected" }
        return shop.isStandIn ? "stand-in" : "real"
    }
}
