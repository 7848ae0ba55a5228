internal import CNGHTTP2
internal import HTTP
internal import Time

/// One stream: a request as it comes in and its answer as it leaves. Loop thread only.
final class HTTP2Stream: AnswerChannel {
    private enum Phase {
        /// The header is coming in.
        case header
        case body(RouteMatch)
        /// The request is whole, or nothing more of it is wanted.
        case answering
    }

    let number: Int32
    /// Where the session keeps it.
    var place: Int
    var head: HTTP2Head
    private(set) var exchange: Exchange?
    /// When `expire` is called, in nanoseconds of the monotonic clock.
    var deadline = UInt64.max
    /// Bytes of the body in memory, here or with the handler.
    private(set) var heldBytes = 0
    private let session: HTTP2Session
    private let receivedAt: UInt64
    private var phase = Phase.header
    private var body: [UInt8] = []
    /// Bytes of the body that have come, kept or not.
    private var bodyBytes = 0
    /// Bytes taken whose part of the stream's window is still shut.
    private var unreturnedBytes = 0
    private var isRequestWhole = false
    private var isClosed = false
    private var isHandlerAtWork = false
    // The answer.
    private var output = PieceQueue()
    private var hasBegun = false
    private var hasEnded = false
    private var isDeferred = false
    private var windowLeft = 0

    /// Output that must leave within one write deadline.
    private static let writeWindowBytes = 262_144

    init(number: Int32, session: HTTP2Session, place: Int) {
        self.number = number
        self.session = session
        self.place = place
        receivedAt = session.now
        head = HTTP2Head(session.server.limits)
    }

    private var server: ServerCore { session.server }

    var isReceivingBody: Bool {
        if case .body = phase { true } else { false }
    }

    // MARK: - The request

    /// - Parameter isWhole: Whether no body follows.
    func headerEnded(isWhole: Bool) {
        isRequestWhole = isWhole
        head.finish()
        if let refusal = head.refusal { return refuse(refusal) }
        let match = server.table.match(method: head.method, target: head.target)
        // Without a route the answer is known before the body has come; it is dropped.
        if isWhole || match.isFallback { return run(match) }
        if let length = head.length, length > match.route.maximumBodyBytes { return refuse(.bodyTooLarge) }
        phase = .body(match)
        wait(server.bodyNanoseconds)
        // Not all at once: an announced length costs the peer nothing.
        if let length = head.length { body.reserveCapacity(min(length, 65_536)) }
        if head.expectsContinue { _ = unsafe cnghttp2_submit_continue(session.library, number) }
    }

    /// Takes bytes of the body; how many of them are kept.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard case .body(let match) = phase else { return 0 }
        bodyBytes += bytes.count
        guard bodyBytes <= match.route.maximumBodyBytes else {
            refuse(.bodyTooLarge)
            return 0
        }
        let kept = min(bytes.count, max(0, match.route.keptBodyBytes - body.count))
        unsafe body.append(contentsOf: bytes[..<kept])
        heldBytes += kept
        unreturnedBytes += bytes.count
        // Small bodies fit into the window as it is; the route's limit bounds the large ones.
        if unreturnedBytes >= session.shared.limits.streamWindowBytes / 4 {
            _ = unsafe nghttp2_session_consume_stream(session.library, number, unreturnedBytes)
            unreturnedBytes = 0
        }
        return kept
    }

    func requestEnded() {
        isRequestWhole = true
        if case .body(let match) = phase { run(match) }
    }

    private func run(_ match: RouteMatch) {
        phase = .answering
        let exchange = Exchange(
            channel: self,
            server: server,
            method: head.method,
            route: match.route,
            receivedAt: receivedAt
        )
        self.exchange = exchange
        let request = HTTPRequest(
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
        case .answering where !hasBegun: exchange?.timeOut()
        case .answering:
            server.metrics.close(.writeDeadline)
            reset(NGHTTP2_CANCEL)
        }
    }

    /// Until when the next part of the answer has to leave.
    private func expectProgress(from now: UInt64) {
        windowLeft = Self.writeWindowBytes
        deadline = now &+ server.writeNanoseconds
        session.expect(by: deadline)
    }

    // MARK: - The end

    private func reset(_ error: nghttp2_error_code) {
        _ = unsafe cnghttp2_submit_reset(session.library, number, error.rawValue)
    }

    /// The answer's last frame is out. A request that is still coming is stopped without blame (RFC 9113, section 8.1).
    func answerLeft() {
        if !isRequestWhole { reset(NGHTTP2_NO_ERROR) }
    }

    /// The stream is gone, in good order or not.
    func abandon() {
        isClosed = true
        session.waitingBytes -= output.count
        output = PieceQueue()
        body = []
        exchange?.abandon()
        exchange = nil  // It knows this stream too.
        letGo()
    }

    /// Gives the body's memory back, once neither we nor the handler have it.
    private func letGo() {
        guard !isHandlerAtWork else { return }
        let bytes = heldBytes
        heldBytes = 0
        session.release(bytes)
    }

    // MARK: - The answer

    var hasRoom: Bool {
        output.count == 0
            || (output.count < server.configuration.outputBytes
                && session.waitingBytes < session.shared.limits.outputBytes)
    }

    func begin(_ response: HTTPResponse, length: Int64?, hasBody: Bool) -> Bool {
        guard session.shared.fields.fill(response, length: length, date: server.currentDateLine()) else { return false }
        hasBegun = true
        guard !isClosed else { return true }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        var provider = unsafe cnghttp2_body(context, HTTP2Library.readBody)
        unsafe session.shared.fields.withFields { fields, count in
            if hasBody {
                _ = unsafe cnghttp2_submit_response(session.library, number, fields, count, &provider)
            } else {
                _ = unsafe cnghttp2_submit_response(session.library, number, fields, count, nil)
            }
        }
        return true
    }

    func append(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        if exchange?.isStreaming ?? false, output.count == 0 { expectProgress(from: Deadline.monotonicNow()) }
        output.append(bytes)
        session.waitingBytes += bytes.count
        resume()
    }

    func end() {
        hasEnded = true
        resume()
    }

    private func resume() {
        guard isDeferred, !isClosed else { return }
        isDeferred = false
        _ = unsafe nghttp2_session_resume_data(session.library, number)
    }

    func beginStreaming() {
        deadline = .max
    }

    func flush() {
        session.flush()
    }

    /// Only this stream is concerned: its handler can't touch what belongs to another.
    func distrust() {
        server.metrics.close(.handlerTimeout)
    }

    func breakOff() {
        server.metrics.close(.brokenBody)
        reset(NGHTTP2_INTERNAL_ERROR)
        session.flush()
    }

    func finished(now: UInt64) {
        expectProgress(from: now)
        session.flush()
    }

    func handlerEnded() {
        isHandlerAtWork = false
        session.handlersAtWork -= 1
        if isClosed {
            letGo()
            session.giveCreditBack()
            session.flush()
        }
    }

    /// What a DATA frame of at most so many bytes takes; nil if the handler has more to say but not yet.
    func nextBytes(atMost limit: Int) -> (count: Int, isLast: Bool)? {
        let count = min(limit, output.count)
        if count == 0, !hasEnded {
            isDeferred = true
            return nil
        }
        return (count, hasEnded && count == output.count)
    }

    func moveBytes(_ count: Int, to queue: inout OutputQueue, now: UInt64) {
        output.move(count, to: &queue)
        windowLeft -= count
        if output.count == 0, !hasEnded {
            deadline = .max
        } else if windowLeft <= 0 {
            expectProgress(from: Deadline.monotonicNow())
        }
    }
}
