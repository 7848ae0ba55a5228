/// A request as a handler sees it: complete, with its whole body unless its route takes that as a stream.
package struct HTTPRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query as they were sent.
    package var target: String
    package var fields: HTTPFields
    package var body: [UInt8]
    /// Where the body comes from on routes that take it as a stream; `body` is empty there. Nil on all others.
    package var stream: BodyReader?
    /// The peer's IP address without port, e.g. `192.0.2.7` or `2001:db8::1`; a proxy's if there is one in front.
    package var remoteAddress: String
    /// The decoded values of the route's `{names}`.
    package var parameters: PathParameters
    /// The route's template, e.g. `/v1/holds/{hold_id}`; empty if none matched.
    package var route: String
    /// When the request was begun, in nanoseconds of the monotonic clock; not before the turn of the loop in which its first byte
    /// was read.
    package var receivedAt: UInt64
    /// Whether it came over TLS.
    package var isSecure: Bool

    package init(
        method: HTTPMethod = .get,
        target: String,
        fields: HTTPFields = [:],
        body: [UInt8] = [],
        remoteAddress: String = "127.0.0.1",
        parameters: PathParameters = PathParameters(),
        route: String = "",
        receivedAt: UInt64 = 0,
        isSecure: Bool = false
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.remoteAddress = remoteAddress
        self.parameters = parameters
        self.route = route
        self.receivedAt = receivedAt
        self.isSecure = isSecure
    }

    /// The target without its query, not decoded.
    package var path: String {
        target.utf8.firstIndex(of: UInt8(ascii: "?")).map { String(target[..<$0]) } ?? target
    }

    /// The query, decoded; empty if there is none. Parsed with every access: keep it if you ask more than once.
    package var query: HTTPQuery {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return HTTPQuery("") }
        return HTTPQuery(target[target.utf8.index(after: mark)...])
    }
}
