internal import Concurrency
package import Configuration
internal import Contracts
package import EventLoop
internal import HTTP
internal import HTTPClient
internal import HTTPServer
internal import Lifecycle
internal import Postgres
package import Telemetry
package import Time

/// A service that runs in this process: `ServiceMain` starts one, tests start several beside each other.
package final class ServiceRunner<Service: AtelierService>: Sendable {
    package let service: Service
    package let context: ServiceContext
    /// The port of the internal API.
    package let internalPort: Int
    /// The port of the public listener, if the service has one.
    package let publicPort: Int?
    private let group: ServiceGroup

    private init(service: Service, context: ServiceContext, internalPort: Int, publicPort: Int?, group: ServiceGroup) {
        self.service = service
        self.context = context
        self.internalPort = internalPort
        self.publicPort = publicPort
        self.group = group
    }

    /// Starts a service; returns when its ports are open, which doesn't wait for the database.
    ///
    /// - Throws: `ConfigurationError` with everything that is wrong, or why a port can't be opened.
    package static func start(
        configuration: ConfigurationReader,
        loop: EventLoop,
        log: Log,
        clock: WallClock = .system
    ) async throws -> ServiceRunner {
        try configuration.check(StandardKey.all(for: Service.name) + Service.configurationKeys)
        let metrics = Metrics(service: Service.name.rawValue)
        ProcessMetrics.register(in: metrics)
        BuildInfo.register(in: metrics)
        metrics.gauge("atelier_loop_lag_seconds", "How late the event loop was of late.") { loop.lag.inSeconds }
        metrics.counter("atelier_log_lines_dropped_total", "Log lines dropped because their reader was too slow.") {
            Double(LogWriter.standardError.droppedLines)
        }
        let context = try makeContext(
            configuration: configuration,
            loop: loop,
            metrics: metrics,
            log: log,
            clock: clock
        )
        let service = try await Service(context)
        return try await start(service, context)
    }

    /// Waits until the service is ready; for tests and for `atelier up` in one process.
    ///
    /// - Returns: What is still missing when the time is over; empty if ready.
    package func waitUntilReady(within: Duration) async -> [String] {
        let deadline = Deadline.after(within)
        while true {
            let missing = await context.readiness.missing()
            if missing.isEmpty || deadline.isExpired { return missing.map { "\($0.check): \($0.reason)" } }
            // Polling a state of this process that has no signal of its own; a cancelled wait ends at the deadline.
            try? await context.loop.sleep(for: .milliseconds(10))
        }
    }

    /// Stops listeners, workers and connections in this order, within `ATELIER_STOP_WITHIN`. May be called twice.
    package func stop() async {
        context.readiness.set("service", missing: "is stopping")
        await group.stop()
    }

    private static func makeContext(
        configuration: ConfigurationReader,
        loop: EventLoop,
        metrics: Metrics,
        log: Log,
        clock: WallClock
    ) throws -> ServiceContext {
        let instance = try configuration.value(StandardKey.instance)
        var calls = DatabaseConfiguration(
            url: try configuration.value(StandardKey.databaseURL),
            applicationName: "\(Service.name.rawValue) \(instance)"
        )
        calls.maximumConnections = try configuration.value(StandardKey.databaseConnections(Service.name))
        var background = calls
        background.poolName = "background"
        background.maximumConnections = try configuration.value(StandardKey.backgroundConnections)
        background.acquireTimeout = .seconds(10)
        let outgoing = HTTPClientConfiguration(
            proxy: configuration.optional(StandardKey.proxy),
            certificateAuthorityFile: configuration.optional(StandardKey.certificateAuthorityFile)
        )
        let http = HTTPClient(loop: loop, configuration: outgoing, metrics: metrics, log: log)
        return try ServiceContext(
            name: Service.name,
            configuration: configuration,
            loop: loop,
            database: Database(calls, loop: loop, metrics: metrics, log: log),
            background: Database(background, loop: loop, metrics: metrics, log: log),
            http: http,
            calls: try secureCalls(configuration, loop: loop, metrics: metrics, log: log),
            log: log,
            metrics: metrics,
            clock: clock,
            instance: instance,
            readiness: ReadinessChecks()
        )
    }

    /// A client that trusts and shows what calls to other services need; nil if they need nothing of their own.
    private static func secureCalls(
        _ configuration: ConfigurationReader,
        loop: EventLoop,
        metrics: Metrics,
        log: Log
    ) throws(ConfigurationError) -> HTTPClient? {
        let authority = configuration.optional(StandardKey.callAuthority)
        let certificate = configuration.optional(StandardKey.callCertificate)
        let key = configuration.optional(StandardKey.callKey)
        guard (certificate == nil) == (key == nil) else {
            throw ConfigurationError(key: StandardKey.callKey.name, reason: "certificate and key come together")
        }
        guard authority != nil || certificate != nil else { return nil }
        var settings = HTTPClientConfiguration(certificateAuthorityFile: authority)
        settings.certificateFile = certificate
        settings.keyFile = key
        return HTTPClient(loop: loop, configuration: settings, metrics: metrics, log: log)
    }

    private static func start(_ service: Service, _ context: ServiceContext) async throws -> ServiceRunner {
        let configuration = context.configuration
        let gate = StartGate()
        let migrator = Migrator(
            directory: try configuration.value(StandardKey.migrations(Service.name)),
            loop: context.loop,
            metrics: context.metrics,
            log: context.log
        )
        let startup = Startup(context: context, migrator: migrator, gate: gate)
        let workers = WorkerGroup(
            service.workers,
            loop: context.loop,
            readiness: context.readiness,
            metrics: context.metrics,
            log: context.log
        )
        let internalServer = try internalServer(service, context, gate, startup)
        let publicListener = try publicListener(service, context, gate)

        let ports = Locked<(internalPort: Int, publicPort: Int?)>((0, nil))
        let stages = [
            Stage(
                "database",
                stop: { _ in
                    await context.database.shutdown()
                    await context.background.shutdown()
                }
            ),
            Stage(
                "http client",
                stop: { _ in
                    await context.http.shutdown()
                    await context.calls.shutdown()  // The same one, or another; a second shutdown does nothing.
                }
            ),
            Stage("workers", stop: { _ in await workers.stop() }),
            Stage(
                "internal listener",
                start: {
                    let port = try await internalServer.start()
                    ports.withLock { $0.internalPort = port }
                },
                stop: { await internalServer.stop(within: $0) }
            ),
            Stage(
                "public listener",
                start: {
                    guard let port = try await publicListener?.server.start() else { return }
                    ports.withLock { $0.publicPort = port }
                },
                stop: { await publicListener?.stop(within: $0) }
            ),
            Stage(
                "startup",
                start: { startup.start(prepare: { try await service.prepare() }, onReady: { workers.start() }) },
                stop: { _ in await startup.stop() }
            ),
        ]
        let group = ServiceGroup(
            stages,
            stopWithin: try configuration.value(StandardKey.stopWithin),
            loop: context.loop,
            log: context.log
        )
        try await group.start()
        let (internalPort, publicPort) = ports.withLock { $0 }
        context.log.info(
            "listening",
            [LogKey(rawValue: "port"): .int(internalPort), .version: .string(BuildInfo.version)]
        )
        return ServiceRunner(
            service: service,
            context: context,
            internalPort: internalPort,
            publicPort: publicPort,
            group: group
        )
    }
}
