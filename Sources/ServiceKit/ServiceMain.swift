internal import Concurrency
package import Configuration
internal import Contracts
internal import Dispatch
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import Postgres
internal import Telemetry

/// The command line of a service: `serve` (also without a word), `migrate`, `check-config`, `version`.
///
/// Exit codes: 0 done, 1 failed or wrong configuration, 2 wrong usage.
package enum ServiceMain {
    /// Does what the command line says and ends the process.
    package static func run<Service: AtelierService>(
        _: Service.Type,
        arguments: [String] = CommandLine.arguments,
        configuration: ConfigurationReader = .init()
    ) -> Never {
        switch arguments.dropFirst().first ?? "serve" {
        case "serve": serve(Service.self, configuration)
        case "migrate": migrate(Service.self, configuration)
        case "check-config":
            let report = ConfigurationReport(Service.self, configuration)
            print(report.text)
            exit(report.problems.isEmpty ? 0 : 1)
        case "version":
            print("\(Service.name.rawValue) \(BuildInfo.version) (\(BuildInfo.revision))")
            exit(0)
        case "help", "--help", "-h":
            print(usage(Service.name))
            exit(0)
        case let word:
            complain("\(Service.name.rawValue): there is no command \"\(word)\"\n\(usage(Service.name))")
            exit(2)
        }
    }

    private static func serve<Service: AtelierService>(_: Service.Type, _ configuration: ConfigurationReader) -> Never {
        let stopAsked = DispatchSemaphore(value: 0)
        let decision = Locked(StopDecision())
        StopSignals.listen { number in
            switch decision.withLock({ $0.signalled() }) {
            case .stop: stopAsked.signal()
            case .exitAtOnce: _exit(128 + number)
            }
        }
        DescriptorLimit.raise()
        let loop = EventLoop(name: Service.name.rawValue)
        let log = makeLog(Service.name, configuration)
        let runner = waiting(on: loop) {
            try await ServiceRunner<Service>.start(configuration: configuration, loop: loop, log: log)
        }
        switch runner {
        case .success(let runner):
            stopAsked.wait()
            log.info("stopping")
            _ = waiting(on: loop) { await runner.stop() }
            log.info("stopped")
            log.flush()
            exit(0)
        case .failure(let error):
            fail(Service.name, error, log)
        }
    }

    private static func migrate<Service: AtelierService>(_: Service.Type, _ configuration: ConfigurationReader) -> Never
    {
        let loop = EventLoop(name: "migrate")
        let log = makeLog(Service.name, configuration)
        let result = waiting(on: loop) {
            guard let url = configuration.optional(StandardKey.databaseOwnerURL) else {
                throw ConfigurationError(key: StandardKey.databaseOwnerURL.name, reason: "is missing; migrate needs it")
            }
            let migrator = Migrator(
                directory: try configuration.value(StandardKey.migrations(Service.name)),
                loop: loop,
                metrics: Metrics(service: Service.name.rawValue),
                log: log
            )
            return try await migrator.migrate(url)
        }
        switch result {
        case .success(let applied):
            let numbers = applied.map { String($0) }.joined(separator: ", ")
            print(applied.isEmpty ? "migrations: nothing to do" : "migrations applied: \(numbers)")
            exit(0)
        case .failure(let error):
            fail(Service.name, error, log)
        }
    }

    /// Blocks the main thread, which has nothing else to do, until `body` has ended on the loop.
    private static func waiting<Result: Sendable>(
        on loop: EventLoop,
        _ body: @escaping @Sendable () async throws -> Result
    ) -> Swift.Result<Result, any Error> {
        let done = DispatchSemaphore(value: 0)
        let result = Locked<Swift.Result<Result, any Error>>(.failure(CancellationError()))
        // Unstructured because the main thread is not a task; it waits right here.
        Task(executorPreference: loop) {
            let ended: Swift.Result<Result, any Error>
            do { ended = .success(try await body()) } catch { ended = .failure(error) }
            result.withLock { $0 = ended }
            done.signal()
        }
        done.wait()
        return result.withLock { $0 }
    }

    private static func makeLog(_ name: ServiceName, _ configuration: ConfigurationReader) -> Log {
        Log(
            service: name.rawValue,
            instance: configuration.optional(StandardKey.instance) ?? "",
            level: configuration.optional(StandardKey.logLevel) ?? .info,
            showsPersonalData: configuration.optional(StandardKey.logPersonalData) ?? false
        )
    }

    private static func fail(_ name: ServiceName, _ error: any Error, _ log: Log) -> Never {
        log.error("can't start", [.error: .describing(error)])
        log.flush()
        if error is ConfigurationError { complain("\(name.rawValue): the configuration can't be used:\n\(error)") }
        exit(1)
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    private static func usage(_ name: ServiceName) -> String {
        """
        usage: \(name.rawValue) [serve | migrate | check-config | version]
          serve         runs the service until SIGTERM; a second signal ends it at once
          migrate       applies pending migrations with ATELIER_DATABASE_OWNER_URL
          check-config  prints every configuration key and refuses what can't be used
          version       prints which build this is
        """
    }
}
