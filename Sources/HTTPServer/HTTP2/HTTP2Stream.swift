internal import CNGHTTP2
internal import HTTP
internal import Time

/// One stream: a request as it comes in and its answer as it leaves. Loop thread only.
final class HTTP2Stream {
    enum Phase {
        /// The header is coming in.
        case header
        case body(RouteMatch)
        /// A handler is at work that takes its request's body from `incoming` while it arrives.
        case streaming(RouteMatch)
        /// The request is whole, or nothing more of it is wanted.
        case answering
    }

    let number: Int32
    /// Where the session keeps it.
    var place: Int
    var head: HTTP2Head
    var exchange: Exchange?
    /// When `expire` is called, in nanoseconds of the monotonic clock.
    var deadline = UInt64.max
    /// Bytes of the body in memory, here or with the handler.
    var heldBytes = 0
    let session: HTTP2Session
    let receivedAt: UInt64
    var phase = Phase.header
    private var body: [UInt8] = []
    /// The body of a request that is streamed to its handler.
    var incoming: IncomingBody?
    var owesContinue = false
    /// Bytes of the body that have come, kept or not.
    var bodyBytes = 0
    /// Bytes taken whose part of the stream's window is still shut.
    var unreturnedBytes = 0
    var isRequestWhole = false
    var isClosed = false
    var isHandlerAtWork = false
    // The answer.
    var output = PieceQueue()
    var hasBegun = false
    var hasEnded = false
    var isDeferred = false
    var windowLeft = 0

    /// Output that must leave within one write deadline.
    private static let writeWindowBytes = 262_144

    init(number: Int32, session: HTTP2Session, place: Int) {
        self.number = number
        self.session = session
        self.place = place
        receivedAt = session.now
        head = HTTP2Head(session.server.limits)
    }

    var server: ServerCore { session.server }

    var isReceivingBody: Bool {
        if case .body = phase { true } else { false }
    }

    // MARK: - The request

    /// - Parameter isWhole: Whether no body follows.
    func headerEnded(isWhole: Bool) {
        isRequestWhole = isWhole
        head.finish()
        if let refusal = head.refusal { return refuse(refusal) }
        let match = session.routes.match(server.table, method: head.method, target: head.target)
        // Without a route the answer is known before the body has come; it is dropped.
        if isWhole || match.isFallback {
            phase = .answering
            return run(match)
        }
        if let length = head.length, length > match.route.maximumBodyBytes { return refuse(.bodyTooLarge) }
        if match.route.isStreamed { return beginUpload(match) }
        phase = .body(match)
        wait(server.bodyNanoseconds)
        // Not all at once: an announced length costs the peer nothing.
        if let length = head.length { body.reserveCapacity(min(length, 65_536)) }
        if head.expectsContinue { _ = unsafe cnghttp2_submit_continue(session.library, number) }
    }

    /// Takes bytes of the body. What nobody wants, as the stream has been answered or given up, is dropped.
    func take(_ bytes: UnsafeRawBufferPointer) {
        let match: RouteMatch
        switch phase {
        case .body(let begun), .streaming(let begun): match = begun
        case .header, .answering: return session.credit.drop(bytes.count)
        }
        bodyBytes += bytes.count
        if bodyBytes > match.route.maximumBodyBytes {
            refuse(.bodyTooLarge)
            return session.credit.drop(bytes.count)
        }
        if let incoming { return unsafe pass(bytes, to: incoming) }
        let kept = min(bytes.count, max(0, match.route.keptBodyBytes - body.count))
        unsafe body.append(contentsOf: bytes[..<kept])
        hold(kept)
        session.credit.drop(bytes.count - kept)
        // The route's limit bounds what is held, so the peer need not wait.
        openWindow(bytes.count)
    }

    func hold(_ bytes: Int) {
        heldBytes += bytes
        session.credit.keep(bytes)
    }

    /// Lets the peer send so many bytes more; small bodies fit into the window as it is.
    func openWindow(_ bytes: Int) {
        unreturnedBytes += bytes
        guard unreturnedBytes >= session.shared.limits.streamWindowBytes / 4, !isRequestWhole, !isClosed else { return }
        _ = unsafe nghttp2_session_consume_stream(session.library, number, unreturnedBytes)
        unreturnedBytes = 0
    }

    func requestEnded() {
        isRequestWhole = true
        switch phase {
        case .body(let match):
            phase = .answering
            run(match)
        case .streaming:
            phase = .answering
            incoming?.end()
        case .header, .answering: break
        }
    }

    /// Hands the request to its handler.
    ///
    /// - Parameter stream: Its body, if that is still on its way.
    func run(_ match: RouteMatch, stream: BodyReader? = nil) {
        let exchange = Exchange(
            channel: self,
            server: server,
            method: head.method,
            route: match.route,
            receivedAt: receivedAt
        )
        self.exchange = exchange
        var request = HTTPRequest(
            method: head.method,
            target: head.target,
            fields: head.fields,
            body: body,
            remoteAddress: session.connection.address,
            parameters: match.parameters,
            route: match.route.template,
            receivedAt: receivedAt,
            isSecure: session.connection.isSecure
        )
        request.stream = stream
        body = []
        wait(match.route.timeoutNanoseconds)
        isHandlerAtWork = true
        session.handlersAtWork += 1
        exchange.run(request)
    }

    /// Answers without calling a handler. Unlike with HTTP/1 the connection goes on: where the next request begins is
    /// certain.
    func refuse(_ refusal: HTTPRefusal) {
        server.metrics.refuse(refusal.rawValue)
        if case .streaming = phase {
            exchange?.abandon()
            exchange = nil
            endUpload(failing: refusal)
            if hasBegun { return reset(NGHTTP2_CANCEL) }
        }
        phase = .answering
        body = []
        letGo()
        let text = "\(HTTPResponse.reasonPhrase(refusal.status)) (\(refusal.rawValue))\n"
        var response = HTTPResponse.text(refusal.status, text)
        if refusal.status == 503 { response.fields["Retry-After"] = "1" }
        let hasBody = head.method != .head
        guard begin(response, length: Int64(text.utf8.count), hasBody: hasBody) else { return }
        if hasBody {
            append(Array(text.utf8))
            end()
        }
        finished(now: session.now)
    }

    // MARK: - Deadlines

    private func wait(_ nanoseconds: UInt64) {
        deadline = session.now &+ nanoseconds
        session.expect(by: deadline)
    }

    func expire(_ now: UInt64) {
        guard !isClosed else { return }
        deadline = .max
        switch phase {
        case .header: break  // The session's, as it concerns all streams.
        case .body: refuse(.bodyDeadline)
        case .streaming where !hasBegun: refuse(.bodyDeadline)
        case .answering where !hasBegun: exchange?.timeOut()
        case .streaming, .answering:
            server.metrics.close(.writeDeadline)
            reset(NGHTTP2_CANCEL)
        }
    }

    /// Until when the next part of the answer has to leave.
    func expectProgress(from now: UInt64) {
        windowLeft = Self.writeWindowBytes
        deadline = now &+ server.writeNanoseconds
        session.expect(by: deadline)
    }

    // MARK: - The end

    func reset(_ error: nghttp2_error_code) {
        _ = unsafe cnghttp2_submit_reset(session.library, number, error.rawValue)
    }

    /// The answer's last frame is out. A request that is still coming is stopped without blame (RFC 9113, section 8.1).
    func answerLeft() {
        if !isRequestWhole { reset(NGHTTP2_NO_ERROR) }
    }

    /// The stream is gone, in good order or not.
    func abandon() {
        isClosed = true
        endUpload(failing: PeerGone())
        session.waitingBytes -= output.count
        output = PieceQueue()
        body = []
        exchange?.abandon()
        exchange = nil  // It knows this stream too.
        letGo()
    }

    /// Gives the body's memory back, once neither we nor the handler have it.
    func letGo() {
        guard !isHandlerAtWork else { return }
        let bytes = heldBytes
        heldBytes = 0
        session.release(bytes)
    }
}
