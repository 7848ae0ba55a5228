internal import Concurrency
package import Configuration
package import Contracts
internal import Jobs
package import Lifecycle
package import ServiceKit

/// Owner of every text and screen that a user sees: takes Telegram updates and facts, decides, and sends cards, messages,
/// jobs and orders from its outbox.
package struct ConversationService: AtelierService {
    package static let name = ServiceName.conversation
    package static let configurationKeys: [any ConfigurationKeyDescription] = ConversationConfiguration.keys
    package let workers: [any Worker]

    private let updates: HandleUpdatesHandler
    private let facts: ReportFactHandler
    private let cache: CatalogueCache
    private let answers: AnswerStore
    private let erasure: ErasureStore

    package init(_ context: ServiceContext) async throws {
        let metrics = ConversationMetrics(context.metrics)
        let cache = CatalogueCache(context)
        let callbacks = CallbackAnswers(context)
        let answered = Wakeup()
        let results = CommandResults(metrics: metrics, log: context.log, wakeup: answered)
        let sender = OutboxSender(context) { answer, transaction in
            try await results.take(answer, in: transaction)
        }
        let taker = TurnTaker(
            store: ConversationStore(database: context.database),
            reader: Reader(context, cache: cache),
            callbacks: callbacks,
            house: try ConversationConfiguration.house(context.configuration),
            clock: context.clock,
            metrics: metrics,
            log: context.log,
            wakeSender: { sender.wake() }
        )
        let answers = AnswerStore(database: context.database)
        self.cache = cache
        self.answers = answers
        erasure = ErasureStore(database: context.database)
        updates = HandleUpdatesHandler(taker: taker, metrics: metrics, log: context.log)
        facts = ReportFactHandler(taker: taker, metrics: metrics)
        workers = [
            callbacks, sender, cache,
            AnswerTaker(store: answers, taker: taker, loop: context.loop, log: context.log, wakeup: answered),
            SeenSweeper(store: SeenStore(database: context.background), loop: context.loop),
        ]
    }

    package func register(on routes: inout Routes) {
        let updates = updates
        let facts = facts
        let erasure = erasure
        routes.serve(HandleUpdates.self) { batch, _ -> EventVerdicts in await updates.handle(batch) }
        routes.serve(ReportFact.self) { fact, _ -> Answer<Empty> in try await facts.handle(fact) }
        routes.serve(EraseConversation.self) { _, call -> EraseConversation.Output in
            try await erasure.erase(call.parameters.userID)
        }
    }

    /// Waits a moment for the lists, so that the first user does not see an empty shop; without them screens say that
    /// they are being refreshed.
    package func prepare() async throws {
        try await cache.waitForLists()
    }

    package func health() async -> [String: JSONValue] {
        var health: [String: JSONValue] = [
            "models": .integer(Int64(cache.catalogue.models.count)),
            "payment_options_known": .bool(cache.paymentOptions != nil),
        ]
        // Health that can't be read is left out; the database has a check of its own.
        if let backlog = try? await answers.backlog() {
            health["waiting_answers"] = .integer(backlog.count)
            health["oldest_answer_seconds"] = .number(backlog.oldestSeconds)
        }
        return health
    }
}
