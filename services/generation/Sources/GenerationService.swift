package import Configuration
package import Contracts
internal import Foundation
internal import HTTP
internal import Jobs
package import Lifecycle
internal import ModelCatalogue
internal import ObjectStorage
internal import Postgres
package import ServiceKit
internal import Telemetry
internal import Time

/// Turns quotes into jobs and jobs into stored results: catalogue and prices, the provider, the asset store, and the end
/// of every hold that it placed.
package struct GenerationService: AtelierService {
    package static let name = ServiceName.generation
    package static let configurationKeys = GenerationConfiguration.Key.all

    private let tools: Toolbox
    private let jobWorker: JobWorker
    private let housekeeper: Housekeeper
    private let sender: OutboxSender
    private let watcher: CatalogueWatcher
    private let templates: TemplateWatcher
    private let credit: CreditWatch
    private let keeper: AssetKeeper
    private let statistics: StatisticsKeeper
    private let sync: ProviderSync

    package init(_ context: ServiceContext) async throws {
        let configuration = try GenerationConfiguration(context.configuration)
        let sender = Self.sender(context)
        let tools = try Self.toolbox(context, configuration) { sender.wake() }
        self.tools = tools
        self.sender = sender
        self.jobWorker = JobWorker(tools, instance: context.instance)
        self.housekeeper = Housekeeper(tools, loop: context.loop)
        self.watcher = CatalogueWatcher(tools, loop: context.loop)
        self.templates = TemplateWatcher(tools, loop: context.loop)
        self.credit = CreditWatch(tools, loop: context.loop)
        self.keeper = AssetKeeper(tools, loop: context.loop)
        self.statistics = StatisticsKeeper(tools, loop: context.loop)
        self.sync = ProviderSync(tools, loop: context.loop)
        for refusal in tools.catalogue.refused {
            context.log.error("model file refused", [.file: .string(refusal.text)])
        }
    }

    package func register(on routes: inout Routes) {
        let tools = tools
        let (quotes, jobs) = (QuoteHandler(tools: tools), JobHandler(tools: tools))
        let groups = GroupHandler(tools: tools)
        let (callbacks, assets) = (CallbackHandler(tools: tools), AssetHandler(tools: tools))
        routes.serve(ListModels.self) { _, _ -> ListModels.Output in
            let (catalogue, control) = tools.models.current
            var list = tools.models.statistics.measured(catalogue.published(tools.configuration.pricing, control))
            list.translatesPrompts = tools.assistant != nil
            return list
        }
        routes.serve(ListTemplates.self) { _, _ -> ListTemplates.Output in tools.templates.current }
        routes.serve(CreateQuote.self) { input, call -> Answer<Quote> in try await quotes.create(input, call) }
        routes.serve(CreateJob.self) { input, call -> Answer<Job> in try await jobs.create(input, call) }
        routes.serve(GetJob.self) { _, call -> Job in try await jobs.get(call) }
        routes.serve(ListJobs.self) { _, call -> ListJobs.Output in try await jobs.list(call) }
        routes.serve(CancelJob.self) { _, call -> Job in try await jobs.cancel(call) }
        routes.serve(CreateGroup.self) { input, call -> Answer<JobGroup> in try await groups.create(input, call) }
        routes.serve(GetGroup.self) { _, call -> JobGroup in try await groups.get(call) }
        routes.serve(CancelGroup.self) { _, call -> JobGroup in try await groups.cancel(call) }
        routes.serve(HandleCallbacks.self) { batch, _ -> EventVerdicts in try await callbacks.handle(batch) }
        routes.serve(GetAssetLink.self) { _, call -> GetAssetLink.Output in
            try await assets.link(call.parameters.assetID)
        }
        routes.serve(ListModelStatistics.self) { _, _ -> ListModelStatistics.Output in
            tools.models.statistics.published(tools.catalogue)
        }
        let drift = DriftHandler(tools: tools)
        routes.serve(ListDrift.self) { _, _ -> ListDrift.Output in try await drift.list() }
        routes.serve(ApproveDrift.self) { input, _ -> ApproveDrift.Output in try await drift.approve(input) }
        let prompts = PromptHelpHandler(tools: tools)
        routes.serve(HelpPrompt.self) { input, call -> Answer<HelpPrompt.Output> in try await prompts.help(input, call)
        }
        routes.serve(EraseUser.self) { _, call -> EraseUser.Output in
            let erased = try await tools.assets.erase(call.parameters.userID)
            if erased.erasedAssets > 0 { tools.metrics.removedAssets.add(UInt64(erased.erasedAssets), "erased") }
            return erased
        }
        routes.raw(.get, RawRoute.asset, callers: RawRoute.assetCallers) { request, _ in try await assets.get(request) }
    }

    package func prepare() async throws {
        try await tools.keys.register()
        try FileManager.default.createDirectory(
            atPath: tools.configuration.assetDirectory,
            withIntermediateDirectories: true
        )
    }

    package var workers: [any Worker] {
        [jobWorker, sender, housekeeper, watcher, templates, credit, keeper, statistics, sync]
    }

    package func health() async -> [String: JSONValue] {
        var report: [String: JSONValue] = [
            "provider": .string(tools.configuration.kieURL.contains("kie.ai") ? "real" : "stand-in"),
            "models": .integer(Int64(tools.catalogue.entries.count)),
            "refused_model_files": .array(tools.catalogue.refused.map { .string($0.text) }),
        ]
        // Without the database there is nothing to say about the queue; readiness tells that it is missing.
        guard let backlog = try? await tools.jobs.backlog(),
            let (pool, now) = try? await tools.keys.pool()
        else { return report }
        report["queue_depth"] = .integer(Int64(backlog.due))
        report["queue_lag_seconds"] = .number(backlog.lag.inSeconds)
        report["settle_lag_seconds"] = .number(backlog.settleLag.inSeconds)
        report["unreported_jobs"] = .integer(Int64(backlog.unreported))
        report["provider_keys"] = .array(
            pool.keys.map { key in
                let account = pool.accounts[key.account]
                return [
                    "name": .string(key.key), "account": .string(key.account),
                    "free_slots": .integer(Int64(account?.free(now: now) ?? 0)),
                    "is_resting": .bool(max(key.readyAt(now: now), account?.pausedUntil ?? now) > now),
                    "spent_today_microdollars": .integer(key.spentMicrodollars),
                ]
            }
        )
        return report
    }

    /// Facts are sent until conversation has answered; the last one of a job closes it.
    private static func sender(_ context: ServiceContext) -> OutboxSender {
        let log = context.log
        return OutboxSender(context) { answer, transaction in
            let fact = try answer.input(of: ReportFact.self)
            if let problem = answer.problem {
                log.error(
                    "fact refused",
                    [.reason: .string(problem.code.rawValue), .operation: .string(fact.kind.rawValue)]
                )
                // Thrown, the fact stays in the outbox and is sent again.
                if problem.isAtTheDoor { throw problem }
            }
            guard let job = fact.job, [.jobSucceeded, .jobFailed, .jobCancelled].contains(fact.kind) else { return }
            try await transaction.execute(JobStore.reported(job.jobID))
        }
    }

    private static func toolbox(
        _ context: ServiceContext,
        _ configuration: GenerationConfiguration,
        wakeOutbox: @escaping @Sendable () -> Void
    ) throws -> Toolbox {
        let catalogue: Catalogue
        do {
            catalogue = try Catalogue.load(configuration.modelsDirectory)
        } catch {
            throw ConfigurationError(
                key: GenerationConfiguration.Key.models.name,
                reason: "names a folder that can't be read"
            )
        }
        let metrics = GenerationMetrics(context.metrics)
        let keys = KeyStore(database: context.database, keys: configuration.kieKeys)
        let kie = KIEClient(
            http: context.http,
            baseURL: configuration.kieURL,
            uploadURL: configuration.kieUploadURL,
            keys: configuration.kieKeys,
            calls: metrics.providerCalls,
            submitTimeout: configuration.submitTimeout
        )
        return Toolbox(
            configuration: configuration,
            models: LiveCatalogue(
                catalogue,
                SalesControl(
                    switchedOff: configuration.disabledModels,
                    sellsUntried: configuration.sellsUntriedModels,
                    sellsSpares: configuration.sellsUntriedModels
                )
            ),
            jobs: JobStore(database: context.database),
            attempts: AttemptStore(
                database: context.database,
                keys: keys,
                maximumRunningJobs: configuration.maximumRunningJobs
            ),
            quotes: QuoteStore(database: context.database),
            credits: TrialCreditStore(database: context.database),
            assets: AssetStore(database: context.database),
            keys: keys,
            health: HealthStore(database: context.database),
            stops: SalesStopStore(database: context.database),
            statistics: StatisticsStore(database: context.background),
            provider: ProviderViewStore(database: context.background),
            promptHelp: PromptHelpStore(database: context.database),
            assistant: configuration.assistant.map { PromptAssistant(configuration: $0, http: context.http) },
            files: AssetFiles(
                root: configuration.assetDirectory,
                bucket: configuration.bucket.map { ObjectBucket($0, http: context.http, clock: context.clock) }
            ),
            kie: kie,
            billing: context.client(for: .billing),
            delivery: context.client(for: .delivery),
            http: context.http,
            metrics: metrics,
            log: context.log,
            clock: context.clock,
            loop: context.loop,
            stopGrace: try context.configuration.value(StandardKey.stopWithin) / 2,
            wake: WakeSignal(loop: context.loop),
            wakeOutbox: wakeOutbox
        )
    }
}
