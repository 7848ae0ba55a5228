package import Configuration
internal import Contracts
internal import HTTPServer

/// The limits of a service's listeners that an operator may have to move; all others are constants of
/// `HTTPServerConfiguration`. They hold for each listener by itself.
package enum HTTPLimitKeys {
    private static let defaults = HTTPServerConfiguration()

    package static let connections = ConfigurationKey.int(
        "ATELIER_HTTP_CONNECTIONS",
        default: defaults.maximumConnections,
        range: 1...1_000_000,
        help: "open connections of one listener; more are answered 503"
    )

    /// Behind a proxy all connections come from one address.
    package static let connectionsPerAddress = ConfigurationKey.int(
        "ATELIER_HTTP_CONNECTIONS_PER_ADDRESS",
        default: defaults.maximumConnectionsPerAddress,
        range: 1...1_000_000,
        help: "open connections of one address (IPv6: one /64); more are answered 503"
    )

    package static let headerDeadline = ConfigurationKey.duration(
        "ATELIER_HTTP_HEADER_DEADLINE",
        default: defaults.headerDeadline,
        help: "from a request's first byte to the end of its header, in total; then 408"
    )

    package static let bodyDeadline = ConfigurationKey.duration(
        "ATELIER_HTTP_BODY_DEADLINE",
        default: defaults.bodyDeadline,
        help: "from the end of the header to the end of the body, in total; then 408"
    )

    package static let idleTimeout = ConfigurationKey.duration(
        "ATELIER_HTTP_IDLE_TIMEOUT",
        default: defaults.idleTimeout,
        help: "how long a connection may stay without a request; longer than a proxy in front keeps it"
    )

    package static let writeDeadline = ConfigurationKey.duration(
        "ATELIER_HTTP_WRITE_DEADLINE",
        default: defaults.writeDeadline,
        help: "for each 256 KiB of an answer to be taken; then the connection is closed"
    )

    package static let requestsPerConnection = ConfigurationKey.int(
        "ATELIER_HTTP_REQUESTS_PER_CONNECTION",
        default: defaults.requestsPerConnection,
        range: 1...1_000_000_000,
        help: "answered on one connection before it is closed"
    )

    package static let all: [any ConfigurationKeyDescription] = [
        connections, connectionsPerAddress, headerDeadline, bodyDeadline, idleTimeout, writeDeadline,
        requestsPerConnection,
    ]
}

extension HTTPServerConfiguration {
    /// Takes the operator's limits over.
    mutating func setLimits(_ reader: ConfigurationReader) throws(ConfigurationError) {
        maximumConnections = try reader.value(HTTPLimitKeys.connections)
        maximumConnectionsPerAddress = try reader.value(HTTPLimitKeys.connectionsPerAddress)
        headerDeadline = try reader.value(HTTPLimitKeys.headerDeadline)
        bodyDeadline = try reader.value(HTTPLimitKeys.bodyDeadline)
        idleTimeout = try reader.value(HTTPLimitKeys.idleTimeout)
        writeDeadline = try reader.value(HTTPLimitKeys.writeDeadline)
        requestsPerConnection = try reader.value(HTTPLimitKeys.requestsPerConnection)
    }
}
