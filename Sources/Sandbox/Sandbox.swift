internal import Concurrency
internal import Configuration
package import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPClient
internal import HTTPServer
internal import Lifecycle
package import Telemetry
internal import Time

/// The sandbox: stand-ins for Telegram, KIE and YooKassa, the chat page and the control API, on one listener.
///
/// Everything is strict where the providers are: their limits, their errors, their retries. See README.md for what can
/// be ordered to go wrong.
package final class Sandbox: Sendable {
    private let tools: Tools
    private let telegram: TelegramDesk
    private let kie: KieDesk
    private let yookassa: YooKassaDesk
    private let server: HTTPServer
    private let metrics: Metrics
    private let running = Locked<Task<Void, Never>?>(nil)

    /// Reads the state folder, if there is one, and the resources.
    ///
    /// - Throws: If either cannot be read or written.
    package init(_ configuration: SandboxConfiguration, loop: EventLoop, log: Log) throws {
        metrics = Metrics(service: "sandbox")
        var settings = Settings()
        settings.kieDelay = configuration.kieDelay.inSeconds
        tools = Tools(
            loop: loop,
            http: HTTPClient(loop: loop, metrics: metrics, log: log),
            clock: .system,
            log: log,
            journal: try Journal(folder: configuration.stateFolder),
            blobs: try BlobStore(folder: configuration.stateFolder.map { $0 + "/files" }),
            faults: FaultBook(),
            calls: CallLog(),
            feed: ChangeFeed(loop: loop),
            errands: Errands(),
            settings: Locked(settings),
            configuration: configuration,
            resources: try Resources()
        )
        telegram = TelegramDesk(tools: tools)
        kie = KieDesk(tools: tools)
        yookassa = YooKassaDesk(tools: tools)
        let control = ControlDesk(tools: tools, telegram: telegram, kie: kie, yookassa: yookassa)
        let routes = SandboxRoutes(
            tools: tools,
            telegram: telegram,
            kie: kie,
            yookassa: yookassa,
            control: control,
            metrics: metrics
        )
        server = HTTPServer(
            HTTPServerConfiguration(
                host: configuration.address.host,
                port: configuration.address.port,
                name: "sandbox"
            ),
            router: routes.router(),
            loop: loop,
            metrics: metrics,
            log: log
        )
        describe(metrics)
    }

    private func describe(_ metrics: Metrics) {
        metrics.gauge("atelier_sandbox_errands", "Callbacks, notifications and webhooks under way.") { [tools] in
            Double(tools.errands.count)
        }
        metrics.counter("atelier_sandbox_errands_refused_total", "Errands that were one too many.") { [tools] in
            Double(tools.errands.refusedCount)
        }
        metrics.counter("atelier_sandbox_journal_lost_total", "Changes that could not be written.") { [tools] in
            Double(tools.journal.lostWrites)
        }
        metrics.gauge("atelier_sandbox_pending_updates", "Updates that wait for the bot.") { [telegram] in
            Double(telegram.read { $0.queue.count })
        }
    }

    /// Opens the listener and takes up what was under way.
    ///
    /// - Returns: The port.
    package func start() async throws -> Int {
        let port = try await server.start()
        running.withLock { running in
            // The one task of its own: it lives from start to stop and holds all errands as children.
            running = Task(executorPreference: tools.loop) { [tools] in await tools.errands.run() }
        }
        telegram.resume()
        kie.resume()
        yookassa.resume()
        return port
    }

    /// Closes the listener and ends all errands; what is durable goes on with the next start.
    package func stop(within limit: Duration) async {
        tools.feed.stop()
        let task = running.withLock { running in
            defer { running = nil }
            return running
        }
        task?.cancel()
        tools.errands.stop()
        await task?.value
        await server.stop(within: limit)
        await tools.http.shutdown()
    }
}
