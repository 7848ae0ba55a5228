/// Why a call gave no complete answer.
package struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    package var code: Code
    /// Whether the peer may have seen the request, and so may have acted on it.
    ///
    /// False is certain: nothing was written to a connection, and any request may be repeated. True is not certain.
    package var mayHaveBeenSent: Bool
    /// More for developers; never contains the URL's path or query, which may hold secrets.
    package var detail: String

    package init(_ code: Code, mayHaveBeenSent: Bool, _ detail: String = "") {
        self.code = code
        self.mayHaveBeenSent = mayHaveBeenSent
        self.detail = detail
    }

    package var description: String {
        "HTTP client: \(code.rawValue)\(detail.isEmpty ? "" : ": " + detail)"
            + (mayHaveBeenSent ? " (the request may have been sent)" : "")
    }

    /// The raw values are the `outcome` labels of metrics.
    package enum Code: String, Sendable, CaseIterable {
        case cannotResolve = "cannot_resolve"
        case cannotConnect = "cannot_connect"
        case deadlineExceeded = "deadline_exceeded"
        /// The connection ended before the answer was complete.
        case connectionLost = "connection_lost"
        case responseTooLarge = "response_too_large"
        /// The host's address is private, or a redirect led to another scheme; see `AddressPolicy.publicOnly`.
        case addressRefused = "address_refused"
        case tlsFailed = "tls_failed"
        case malformedResponse = "malformed_response"
        case tooManyRedirects = "too_many_redirects"
        /// The caller's task was cancelled, or the client was shut down.
        case cancelled
        /// The client has `maximumRequestsInFlight` calls open already.
        case overloaded
        /// The circuit breaker named by the request is open.
        case circuitOpen = "circuit_open"
        /// The URL or a header field cannot be sent.
        case invalidRequest = "invalid_request"
        /// A local file could not be read or written.
        case fileFailed = "file_failed"
        case other
    }
}
