package import Configuration
package import Contracts
internal import Cryptography
package import HTTPServer
package import Lifecycle
package import ServiceKit

/// The only public door: stores webhooks durably and once, and hands them to their consumers in order.
package struct IngressService: AtelierService {
    package static let name = ServiceName.ingress
    package static let configurationKeys: [any ConfigurationKeyDescription] = IngressConfiguration.keys

    private let webhooks: WebhookRoutes
    private let operatorRoutes: OperatorRoutes
    private let files: FileRoutes
    package let workers: [any Worker]

    package init(_ context: ServiceContext) async throws {
        let configuration = try IngressConfiguration(context.configuration)
        let metrics = IngressMetrics(context.metrics)
        // Leases belong to a process, not to a name: a container that is started again has its predecessor's host name and
        // process number, and must take its slots over with their backlog like anybody else.
        let owner = "\(context.instance)#\(Hex.encode(secureRandom(4)))"
        let events = EventStore(database: context.database, instance: owner)
        let dispatch = Dispatch(limits: Dispatcher.Limits(), clock: context.clock)
        let backlog = BacklogStore(database: context.database, instance: owner)
        let commit = CommitEvents(
            store: events,
            backlog: backlog,
            dispatch: dispatch,
            metrics: metrics,
            log: context.log
        )
        let seats = FileSeats(limits: FileGate.Limits(), clock: context.clock)
        metrics.observe(context.metrics, commit: commit, dispatch: dispatch, seats: seats)
        self.files = FileRoutes(
            configuration: configuration,
            generation: context.client(for: .generation),
            seats: seats,
            loop: context.loop,
            clock: context.clock,
            metrics: metrics,
            log: context.log
        )
        let notices = NoticeStore(database: context.database)
        let watch = WatchConversation(
            conversation: context.client(for: .conversation),
            notices: notices,
            loop: context.loop,
            metrics: metrics,
            log: context.log
        )
        self.webhooks = WebhookRoutes(
            configuration: configuration,
            commit: commit,
            notices: Notices(
                watch: watch,
                store: notices,
                clock: context.clock,
                metrics: metrics,
                log: context.log
            ),
            clock: context.clock,
            metrics: metrics
        )
        let queries = EventQueries(database: context.database)
        self.operatorRoutes = OperatorRoutes(
            queries: queries,
            deadLetters: DeadLetters(database: context.database),
            bots: Array(configuration.bots.keys)
        )

        let callees: [(Consumer, ServiceName)] = [
            (.conversation, .conversation), (.generation, .generation), (.payments, .payments),
        ]
        let callers: [any Worker] = callees.map { consumer, service in
            DispatchEvents(
                consumer: consumer,
                dispatch: dispatch,
                client: context.client(for: service),
                loop: context.loop,
                clock: context.clock,
                metrics: metrics,
                log: context.log,
                instance: owner
            )
        }
        self.workers =
            [
                watch,
                WatchBacklog(
                    dispatch: dispatch,
                    queries: queries,
                    metrics: metrics,
                    loop: context.loop,
                    clock: context.clock
                ),
                RecordOutcomes(store: events, dispatch: dispatch, loop: context.loop, log: context.log),
                KeepSlots(
                    slots: SlotStore(database: context.database, instance: owner),
                    backlog: backlog,
                    commit: commit,
                    dispatch: dispatch,
                    loop: context.loop,
                    metrics: metrics,
                    log: context.log
                ),
                KeepPartitions(
                    store: PartitionStore(database: context.database),
                    events: events,
                    loop: context.loop,
                    keepDays: (Int32(configuration.keepDays), Int32(configuration.dedupDays))
                ),
            ] + callers + [commit]
    }

    package func register(on routes: inout Routes) {
        operatorRoutes.register(on: &routes)
    }

    package func registerPublic(on router: inout Router) {
        webhooks.register(on: &router)
        files.register(on: &router)
    }
}
