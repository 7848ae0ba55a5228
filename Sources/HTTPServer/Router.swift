package import HTTP

/// Which handler answers which method and path.
///
/// A template is a path whose segments may be `{name}`, which takes one segment, or, as the last one, `{name...}`, which
/// takes all that is left: `/v1/holds/{hold_id}`. A literal segment beats a parameter. Values are percent-decoded;
/// `.` and `..` never match, encoded or not. HEAD goes to the GET handler if it has none of its own.
package struct Router: Sendable {
    /// Answers one request. Whatever it throws becomes a 500.
    package typealias Handler = @Sendable (HTTPRequest) async throws -> HTTPResponse
    /// Begins to answer one request and returns; the answer may come at any time, from any thread.
    package typealias DeferredHandler = @Sendable (HTTPRequest, Reply) -> Void
    /// Looks at a request before anything else does; its answer, if it has one, ends the matter.
    package typealias Gate = @Sendable (HTTPRequest) -> HTTPResponse?
    /// Stands before handlers and the fallback; calls `next` to go on. Deferred handlers have none before them.
    package typealias Middleware = @Sendable (HTTPRequest, _ next: Handler) async throws -> HTTPResponse

    struct Registration: Sendable {
        let method: HTTPMethod
        let template: String
        let maximumBodyBytes: Int
        var keptBodyBytes = Int.max
        let timeout: Duration
        var isStreamed = false
        let handler: Handler
        var deferred: DeferredHandler?
    }

    var registrations: [Registration] = []
    /// Before every handler, the fallback and all middleware, one after the other.
    package var gates: [Gate] = []
    /// Runs around every handler and the fallback, the first one outermost.
    package var middleware: [Middleware] = []
    /// Answers what no route takes; by default 404, and 405 with `Allow` where only the method is wrong. The second
    /// argument holds the methods that the path would take, empty for an unknown path.
    package var fallback: @Sendable (HTTPRequest, _ allowed: [HTTPMethod]) async throws -> HTTPResponse = {
        request,
        allowed in
        guard !allowed.isEmpty else { return .text(404, "There is nothing here.\n") }
        var response =
            request.method == .options ? HTTPResponse(status: 204) : .text(405, "Another method is needed.\n")
        response.fields["Allow"] = allowed.map(\.rawValue).joined(separator: ", ")
        return response
    }

    package init() {}

    /// Registers a handler. A second one for the same method and template is a programmer's error and stops the process.
    ///
    /// - Parameters:
    ///   - template: Begins with a slash.
    ///   - maximumBodyBytes: A larger body is answered 413 without calling the handler.
    ///   - keptBodyBytes: What a body has beyond this is read and dropped: for senders who must not be refused.
    ///   - timeout: How long the handler may take to return a response, its body's stream not counted. Then its task is
    ///     cancelled and the client gets 503.
    package mutating func on(
        _ method: HTTPMethod,
        _ template: String,
        maximumBodyBytes: Int = 1 << 20,
        keptBodyBytes: Int = .max,
        timeout: Duration = .seconds(30),
        _ handler: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) {
        let registration = Registration(
            method: method,
            template: template,
            maximumBodyBytes: maximumBodyBytes,
            keptBodyBytes: keptBodyBytes,
            timeout: timeout,
            handler: handler
        )
        add(registration)
    }

    /// Registers a handler that is no task: it begins the work and gives its answer by `Reply`, perhaps long after it has
    /// returned. For routes whose every microsecond counts (ADR 0054); it can't be cancelled, and no middleware is around it.
    ///
    /// - Parameters:
    ///   - maximumBodyBytes: A larger body is answered 413 without calling the handler.
    ///   - timeout: How long the answer may take; then the client gets 503, and what the handler sends is dropped.
    package mutating func onDeferred(
        _ method: HTTPMethod,
        _ template: String,
        maximumBodyBytes: Int = 1 << 20,
        timeout: Duration = .seconds(30),
        _ handler: @escaping DeferredHandler
    ) {
        let registration = Registration(
            method: method,
            template: template,
            maximumBodyBytes: maximumBodyBytes,
            timeout: timeout,
            handler: { request in
                await withCheckedContinuation { continuation in
                    handler(request, Reply { continuation.resume(returning: $0) })
                }
            },
            deferred: handler
        )
        add(registration)
    }

    /// Registers a handler that takes the request's body as a stream (`HTTPRequest.stream`): it begins with the header's
    /// end and reads as fast as it likes, which is as fast as the peer is read; over
    /// HTTP/2 the window of its stream sees to that, so that other streams go on.
    ///
    /// - Parameters:
    ///   - maximumBodyBytes: A larger body is answered 413 if its length is announced, else as soon as it is too large.
    ///   - timeout: How long body and handler may take together.
    package mutating func onStream(
        _ method: HTTPMethod,
        _ template: String,
        maximumBodyBytes: Int,
        timeout: Duration,
        _ handler: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) {
        let registration = Registration(
            method: method,
            template: template,
            maximumBodyBytes: maximumBodyBytes,
            timeout: timeout,
            isStreamed: true,
            handler: handler
        )
        add(registration)
    }

    private mutating func add(_ registration: Registration) {
        precondition(
            registration.template.hasPrefix("/"),
            "a template begins with a slash: \(registration.template)"
        )
        registrations.append(registration)
    }

    /// Handles a request as the server would, without a connection: for tests.
    ///
    /// Body limit and timeout are the server's and not looked at here.
    package func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        let match = RouteTable(self).match(method: request.method, target: request.target)
        return try await match.route.handler(match.fill(request))
    }
}
