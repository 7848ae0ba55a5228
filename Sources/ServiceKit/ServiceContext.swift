package import Configuration
package import Contracts
package import EventLoop
package import HTTPClient
package import Lifecycle
package import Postgres
package import Telemetry
package import Time

/// What a service is given to work with.
package struct ServiceContext: Sendable {
    package let name: ServiceName
    package let configuration: ConfigurationReader
    package let loop: EventLoop
    /// The service's own database, under its service role: for work that somebody waits for.
    package let database: Database
    /// The same database through a few connections of its own: for sweepers, outboxes, reports and health checks, which
    /// then neither take a connection from a call nor wait behind one.
    package let background: Database
    /// For calls to the outside; internal calls go through `client(for:)`.
    package let http: HTTPClient
    package let log: Log
    package let metrics: Metrics
    package let clock: WallClock
    /// Tells the processes of one service apart: in logs, leases and `application_name`.
    package let instance: String
    package let readiness: ReadinessChecks
    /// For calls to other services; `http` itself unless they need certificates of their own.
    let calls: HTTPClient
    private let callTokens: [String: Secret]
    private let serviceURLs: [ServiceName: String]

    /// - Throws: `ConfigurationError` if standard keys are malformed.
    package init(
        name: ServiceName,
        configuration: ConfigurationReader,
        loop: EventLoop,
        database: Database,
        background: Database,
        http: HTTPClient,
        calls: HTTPClient? = nil,
        log: Log,
        metrics: Metrics,
        clock: WallClock,
        instance: String,
        readiness: ReadinessChecks
    ) throws(ConfigurationError) {
        self.name = name
        self.configuration = configuration
        self.loop = loop
        self.database = database
        self.background = background
        self.http = http
        self.calls = calls ?? http
        self.log = log
        self.metrics = metrics
        self.clock = clock
        self.instance = instance
        self.readiness = readiness
        self.callTokens = try configuration.value(StandardKey.callTokens)
        var serviceURLs: [ServiceName: String] = [:]
        for service in ServiceName.allCases where service != .operator {
            serviceURLs[service] = try configuration.value(StandardKey.url(of: service))
        }
        self.serviceURLs = serviceURLs
    }

    /// The client for another service's internal API. Cheap; the connections are shared.
    package func client(for service: ServiceName) -> InternalClient {
        InternalClient(
            service: service,
            baseURL: serviceURLs[service] ?? "",
            token: callTokens[service.rawValue],
            http: calls,
            metrics: metrics
        )
    }
}
