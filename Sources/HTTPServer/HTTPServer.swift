package import EventLoop
internal import Glibc
package import Telemetry

/// A server cannot listen.
package struct HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: Sendable, Hashable {
        /// Another process listens on this address and port.
        case addressInUse
        /// The host is no IP address, or none of this machine.
        case addressInvalid
        /// The port needs more rights than the process has.
        case notPermitted
        /// A certificate, its key or the authorities of clients cannot be used.
        case certificateInvalid
        case other
    }
    package let code: Code
    /// For people: address and the system's reason.
    package let description: String

    init(_ error: TLSError) {
        code = .certificateInvalid
        description = error.description
    }

    init(_ error: SystemError, host: String, port: Int) {
        code =
            switch error.number {
            case EADDRINUSE: .addressInUse
            case EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT: .addressInvalid
            case EACCES, EPERM: .notPermitted
            default: .other
            }
        description = "cannot listen on \(host) port \(port): \(error)"
    }
}

/// One listener with its connections, on one event loop.
///
/// Handlers run as tasks on that loop, without a thread hop. HTTP/1.1 and 1.0 with keep-alive and pipelining; see
/// `HTTPServerConfiguration` for all limits, `HTTPRefusal` for what is not let through.
package final class HTTPServer: Sendable {
    private let core: ServerCore

    package init(
        _ configuration: HTTPServerConfiguration,
        router: Router,
        loop: EventLoop,
        metrics: Metrics,
        log: Log
    ) {
        core = ServerCore(configuration, router: router, loop: loop, metrics: metrics, log: log)
    }

    /// Begins to accept connections.
    ///
    /// - Returns: The port.
    /// - Throws: `HTTPServerError`.
    package func start() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            core.loop.perform { [core] in
                continuation.resume(with: Result { try core.start() })
            }
        }
    }

    /// Stops accepting, lets requests in flight end and tells their clients that the connection closes; what is left
    /// after `limit` is cut off. May be called without `start` and more than once.
    package func stop(within limit: Duration) async {
        await withCheckedContinuation { continuation in
            core.loop.perform { [core] in core.stop(within: limit) { continuation.resume() } }
        }
    }
}
