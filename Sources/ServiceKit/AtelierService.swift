package import Configuration
package import Contracts
package import HTTPServer
package import Lifecycle

/// One of the six services, as `ServiceMain` runs it and tests start it.
///
/// Order of a start: `init`, `register`, the port opens, the database is reachable and migrated, `prepare`, the workers
/// start, `/readyz` says ready. Until `prepare` has returned every call but the standard ones gets 503 `unavailable`.
package protocol AtelierService: Sendable {
    static var name: ServiceName { get }
    /// The keys beyond the standard ones, for `check-config` and the documentation. All are checked before `init`.
    static var configurationKeys: [any ConfigurationKeyDescription] { get }

    /// Reads the configuration and wires the parts together. Must not wait for anything outside the process.
    ///
    /// - Throws: `ConfigurationError` for values that don't fit together.
    init(_ context: ServiceContext) async throws

    /// Adds the operations of the internal API.
    func register(on routes: inout Routes)
    /// Adds the routes of the public listener; only ingress has one.
    func registerPublic(on router: inout Router)
    /// Loads what calls need, with the database reachable and migrated. Repeated with growing pauses if it throws.
    func prepare() async throws
    /// Run from the end of `prepare` until the service stops.
    var workers: [any Worker] { get }
    /// The service's part of `/health`: depth and lag of queues, lease holders, provider modes. At most a second.
    func health() async -> [String: JSONValue]
}

extension AtelierService {
    package static var configurationKeys: [any ConfigurationKeyDescription] { [] }
    package func registerPublic(on router: inout Router) {}
    package func prepare() async throws {}
    package var workers: [any Worker] { [] }
    package func health() async -> [String: JSONValue] { [:] }
}
