package import Configuration
package import Contracts
internal import Foundation
package import Telemetry

/// The configuration keys that every service has.
package enum StandardKey {
    /// Where the internal API listens.
    package static func internalListen(_ service: ServiceName) -> ConfigurationKey<ListenAddress> {
        .listen(
            "ATELIER_INTERNAL_LISTEN",
            default: ListenAddress(host: "127.0.0.1", port: service.defaultPort),
            help: "where the internal API, /metrics and /health* listen"
        )
    }

    package static let publicListen = ConfigurationKey.listen(
        "ATELIER_PUBLIC_LISTEN",
        default: ListenAddress(host: "127.0.0.1", port: 8090),
        help: "where webhooks arrive"
    )

    package static let databaseURL = ConfigurationKey.string(
        "ATELIER_DATABASE_URL",
        isSecret: true,
        help: "the service's own database, under the service role"
    )

    package static let databaseOwnerURL = ConfigurationKey.string(
        "ATELIER_DATABASE_OWNER_URL",
        optional: true,
        isSecret: true,
        help: "the same under the owner role; migrate only"
    )

    package static func databaseConnections(_ service: ServiceName) -> ConfigurationKey<Int> {
        .int(
            "ATELIER_DATABASE_CONNECTIONS",
            default: service.defaultDatabaseConnections,
            range: 1...200,
            help: "the largest number of database connections of one instance"
        )
    }

    package static let backgroundConnections = ConfigurationKey.int(
        "ATELIER_DATABASE_BACKGROUND_CONNECTIONS",
        default: 2,
        range: 1...50,
        help: "the same for sweepers, outboxes, reports and health checks, beside those for calls"
    )

    /// Where the numbered folders with `up.sql` are.
    package static func migrations(_ service: ServiceName) -> ConfigurationKey<String> {
        .string(
            "ATELIER_MIGRATIONS",
            default: "services/\(service.rawValue)/migrations",
            help: "the folder of migrations"
        )
    }

    /// Where another service's internal API is.
    package static func url(of service: ServiceName) -> ConfigurationKey<String> {
        .url(
            "ATELIER_URL_\(service.rawValue.uppercased())",
            default: "http://127.0.0.1:\(service.defaultPort)",
            help: "where \(service.rawValue)'s internal API is"
        )
    }

    package static let proxy = ConfigurationKey.url(
        "ATELIER_PROXY",
        optional: true,
        help: "an HTTP proxy for calls to providers; never used for our own services"
    )

    package static let certificateAuthorityFile = ConfigurationKey.string(
        "ATELIER_CA_FILE",
        optional: true,
        help: "a PEM file of authorities to trust for outgoing TLS instead of the system's"
    )

    package static let callTokens = ConfigurationKey.secrets(
        "ATELIER_CALL_TOKENS",
        default: [:],
        help: "what this service presents, by callee: billing=token,delivery=token"
    )

    package static let acceptTokens = ConfigurationKey.secrets(
        "ATELIER_ACCEPT_TOKENS",
        default: [:],
        help: "what this service accepts, by caller: conversation=token; old|new while a token is being changed"
    )

    package static let logLevel = ConfigurationKey<LogLevel>.choice(
        "ATELIER_LOG_LEVEL",
        default: .info,
        help: "the least important log lines to write"
    )

    package static let logPersonalData = ConfigurationKey.bool(
        "ATELIER_LOG_PERSONAL_DATA",
        help: "whether log lines name users and chats; otherwise those fields say hidden"
    )

    package static let instance = ConfigurationKey.string(
        "ATELIER_INSTANCE",
        default: defaultInstance,
        help: "tells the processes of one service apart"
    )

    package static let stopWithin = ConfigurationKey.duration(
        "ATELIER_STOP_WITHIN",
        default: .seconds(10),
        help: "how long running calls and workers get when stopping"
    )

    /// All of them, for one service, in the order in which they are shown.
    package static func all(for service: ServiceName) -> [any ConfigurationKeyDescription] {
        let callees = ServiceName.allCases.filter { $0 != .operator && $0 != service }
        return [internalListen(service)] as [any ConfigurationKeyDescription]
            + (service == .ingress ? [publicListen] : [])
            + tls(hasPublicListener: service == .ingress)
            + [databaseURL, databaseOwnerURL, databaseConnections(service), backgroundConnections, migrations(service)]
            + callees.map { url(of: $0) }
            + [
                proxy, certificateAuthorityFile, callTokens, acceptTokens, logLevel, logPersonalData, instance,
                stopWithin,
            ] + HTTPLimitKeys.all
    }

    /// Host name and process number, e.g. `web1-4711`.
    private static var defaultInstance: String {
        let process = ProcessInfo.processInfo
        return "\(process.hostName)-\(process.processIdentifier)"
    }
}

extension ServiceName {
    /// The port of the internal API unless configured.
    package var defaultPort: Int {
        switch self {
        case .ingress: 8101
        case .conversation: 8102
        case .billing: 8103
        case .generation: 8104
        case .delivery: 8105
        case .payments: 8106
        case .operator: 0
        }
    }

    /// About 23 for the six services together, so that two releases fit beside each other during a rollout.
    var defaultDatabaseConnections: Int {
        switch self {
        case .ingress: 4
        case .billing, .generation: 5
        case .conversation, .delivery, .payments, .operator: 3
        }
    }
}
