internal import Configuration
package import Contracts
internal import HTTPClient
package import ServiceKit
internal import Telemetry
package import Time

/// A whole service in this process, on free ports, with the test's scratch database (trait `.scratchDatabase`).
package struct TestService<Service: AtelierService>: Sendable {
    package let runner: ServiceRunner<Service>
    package let log: MemoryLog

    /// `http://127.0.0.1:<port>` of the internal API.
    package var url: String { "http://127.0.0.1:\(runner.internalPort)" }

    /// Starts the service, runs `body` when it is ready, and stops the service whatever happens.
    ///
    /// - Parameters:
    ///   - environment: Configuration beyond the database, ports and tokens; wins over them.
    ///   - databaseURL: The scratch database's unless given.
    ///   - waits: Whether to wait until the service is ready.
    package static func run<Result>(
        _: Service.Type = Service.self,
        environment: [String: String] = [:],
        databaseURL: String? = nil,
        clock: WallClock = .system,
        waits: Bool = true,
        _ body: (TestService) async throws -> Result
    ) async throws -> Result {
        let accepted = ServiceName.allCases.map { "\($0.rawValue)=\(token($0))" }.joined(separator: ",")
        let presented = ServiceName.allCases.map { "\($0.rawValue)=\(token(Service.name))" }.joined(separator: ",")
        let standard = [
            "ATELIER_INTERNAL_LISTEN": "127.0.0.1:0", "ATELIER_PUBLIC_LISTEN": "127.0.0.1:0",
            "ATELIER_DATABASE_URL": databaseURL ?? ScratchDatabase.current.serviceURL,
            "ATELIER_MIGRATIONS": "\(Repository.root)/services/\(Service.name.rawValue)/migrations",
            "ATELIER_ACCEPT_TOKENS": accepted, "ATELIER_CALL_TOKENS": presented, "ATELIER_STOP_WITHIN": "2s",
        ]
        let log = MemoryLog()
        let runner = try await ServiceRunner<Service>.start(
            configuration: ConfigurationReader(environment: standard.merging(environment) { $1 }),
            loop: TestLoop.shared,
            log: log.log(service: Service.name.rawValue),
            clock: clock
        )
        do {
            if waits {
                let missing = await runner.waitUntilReady(within: .seconds(60))
                guard missing.isEmpty else { throw NotReady(missing: missing) }
            }
            let result = try await body(TestService(runner: runner, log: log))
            await runner.stop()
            return result
        } catch {
            await runner.stop()
            throw error
        }
    }

    /// A client that calls the service's internal API as another service.
    package func client(as caller: ServiceName) -> InternalClient {
        InternalClient(
            service: Service.name,
            baseURL: url,
            token: Secret(Self.token(caller)),
            http: runner.context.http,
            metrics: Metrics(service: caller.rawValue)
        )
    }

    /// The bearer token by which services in tests know each other: `<caller>-token`.
    package static func token(_ caller: ServiceName) -> String { "\(caller.rawValue)-token" }

    /// The service did not become ready.
    package struct NotReady: Error {
        package let missing: [String]
    }
}
