/// Settings and limits of one client.
package struct HTTPClientConfiguration: Sendable {
    /// The `User-Agent` of requests that carry none.
    package var userAgent: String
    /// A proxy as `http://host:port`; nil for none. The environment's `http_proxy` is not looked at.
    package var proxy: String?
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var certificateAuthorityFile: String?
    /// A PEM file with the certificate to show to servers that ask for one, and its key's file; both or neither.
    package var certificateFile: String?
    package var keyFile: String?
    /// Connections to one host and port; more requests wait for a free one within their timeout.
    package var maximumConnectionsPerHost = 128
    /// Connections in all; more requests wait within their timeout.
    package var maximumConnections = 512
    /// Idle connections kept for reuse; the oldest is closed beyond.
    package var maximumIdleConnections = 128
    /// How long an idle connection may be reused; below the idle limit of the servers that we call, so that a request is
    /// rarely written to a connection which the server is just closing.
    package var maximumIdleTime: Duration = .seconds(30)
    /// Calls in flight, waiting ones included; more fail at once with `.overloaded`.
    package var maximumRequestsInFlight = 4_096
    /// Bytes of one answer's header; more end the call with `.malformedResponse`.
    package var maximumHeaderBytes = 64 << 10
    /// The rules of breakers that requests name.
    package var circuit = CircuitBreaker.Policy()

    package init(userAgent: String = "atelier", proxy: String? = nil, certificateAuthorityFile: String? = nil) {
        self.userAgent = userAgent
        self.proxy = proxy
        self.certificateAuthorityFile = certificateAuthorityFile
    }
}
