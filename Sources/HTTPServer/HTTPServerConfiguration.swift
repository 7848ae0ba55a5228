/// Where a server listens and how much it lets anybody ask of it.
///
/// docs/http-server.md has all limits in one table: default, configuration key, what happens, metric.
package struct HTTPServerConfiguration: Sendable {
    /// An IP address, or `localhost`. Names are not resolved.
    package var host: String
    /// 0 takes any free port; `HTTPServer.start` returns it.
    package var port: Int
    /// Tells listeners apart in metrics and logs: `internal`, `public`.
    package var name: String

    /// Open connections in all; one more is answered 503 and closed.
    package var maximumConnections = 10_000
    /// Open connections of one IP address (IPv6: of one /64); one more is answered 503 and closed.
    package var maximumConnectionsPerAddress = 4_096
    /// Connections the kernel may hold before they are accepted.
    package var backlog = 1_024
    /// Bytes of request line and header lines together; more is answered 431. Trailers have the same limit again.
    package var headerBytes = 16_384
    /// Header lines; more is answered 431.
    package var headerCount = 100
    /// Bytes of a request target; a longer one is answered 414.
    package var targetBytes = 8_192
    /// Bytes of chunk extensions in one body; more is answered 400.
    package var chunkExtensionBytes = 1_024

    /// From a connection's first byte of a request (or its beginning) to the end of the header; answered 408.
    package var headerDeadline = Duration.seconds(10)
    /// From the end of the header to the end of the body, in total and not for each byte; answered 408.
    package var bodyDeadline = Duration.seconds(30)
    /// Without a request; closed in silence.
    package var idleTimeout = Duration.seconds(75)
    /// For every 256 KiB of answer to be taken by the peer; closed.
    package var writeDeadline = Duration.seconds(30)
    /// Answered on one connection; the last answer says `Connection: close`.
    package var requestsPerConnection = 100_000
    /// Requests of one connection that are answered before other connections get their turn; what else has arrived waits
    /// in the buffer, and beyond `bufferedBytes` in the kernel's.
    package var pipeliningDepth = 64
    /// Bytes read ahead while a request is being handled.
    package var bufferedBytes = 65_536
    /// Bytes of a streamed answer that may wait for the peer before the writer has to.
    package var outputBytes = 262_144

    /// How the listener speaks TLS; nil for not at all.
    package var tls: TLSConfiguration?
    /// What HTTP/2 adds.
    package var http2 = HTTP2Limits()

    /// - Parameter name: Becomes the metrics' label `listener`.
    package init(host: String = "127.0.0.1", port: Int = 0, name: String = "internal") {
        self.host = host
        self.port = port
        self.name = name
    }
}
