internal import EventLoop
internal import HTTP
internal import Time

/// What HTTP/1.1 makes of one connection: requests one after the other, each answered before the next is begun, so that
/// pipelined answers keep their order. Loop thread only.
final class HTTP1Session: Session, @unchecked Sendable {
    // @unchecked: touched on the loop's thread only; tasks of handlers run there too.

    enum Phase {
        /// Before a request, or within its header.
        case header
        /// `pending` is not complete.
        case body
        /// A handler is at work that takes its request's body from `incoming` while it arrives.
        case streaming
        /// A handler is at work or the answer of `exchange` is being written.
        case busy
        /// The last answer has been written.
        case finished
    }

    /// A request whose body is not complete. Kept beside the phase and not in it, so that the body grows in place.
    struct PendingRequest {
        var request: HTTPRequest
        let route: Route
        let framing: HTTP1Head.Framing
        let minorVersion: Int
        let keepsAlive: Bool
    }

    /// A cycle until the connection closes and lets go of its session; a handler may outlive that moment.
    let connection: Connection
    var server: ServerCore { connection.server }
    var phase = Phase.header
    var pending: PendingRequest?
    var exchange: Exchange?
    var incoming: IncomingBody?
    var owesContinue = false
    var isWaitingForReader = false
    var parser: HTTP1Parser
    var routes = RouteMemory()
    private var input: [UInt8] = []
    private var isProcessing = false
    private var isWaitingForTurn = false
    private var isWaitingForRoom = false
    var hasInputEnded = false
    var requestCount = 0
    /// How the answer at hand is written.
    var answering = Answering()
    /// When the turn began in which the first byte of the request at hand was looked at; nil before it.
    var receivedAt: UInt64?

    init(connection: Connection) {
        self.connection = connection
        parser = HTTP1Parser(connection.server.limits)
        connection.setDeadline(connection.server.deadline(after: connection.server.configuration.headerDeadline))
    }

    // MARK: - Events of the connection

    func receive(_ bytes: UnsafeRawBufferPointer) {
        if phase == .busy {
            unsafe input.append(contentsOf: bytes)
            return pauseIfFull()
        }
        guard input.isEmpty, !isWaiting else {
            unsafe input.append(contentsOf: bytes)
            if isWaiting { return pauseIfFull() }
            return processInput()
        }
        // Straight from the server's buffer: an idle connection owns no memory for reading.
        let elements = unsafe bytes.assumingMemoryBound(to: UInt8.self)
        let consumed = unsafe process(Span(_unsafeElements: elements))
        if consumed < bytes.count, connection.isOpen {
            unsafe input.append(contentsOf: bytes[consumed...])
        }
        connection.flushSoon()
    }

    private var isWaiting: Bool { isWaitingForTurn || isWaitingForRoom || isWaitingForReader }

    /// What is read ahead has a limit; the rest waits in the kernel.
    private func pauseIfFull() {
        guard input.count >= server.configuration.bufferedBytes else { return }
        server.metrics.throttle(.readAhead)
        connection.pauseReading(true)
    }

    /// The peer will send nothing more. A request that was complete is still answered.
    func inputEnded() {
        hasInputEnded = true
        switch phase {
        case .header: connection.close(parser.isBetweenRequests && input.isEmpty ? nil : .peerGone)
        case .body, .streaming: connection.close(.peerGone)
        case .busy:
            // Nobody reads an endless stream with half a connection.
            if exchange?.isStreaming == true, !answering.hasLength { connection.close(.peerGone) }
        case .finished: break
        }
    }

    func deadlinePassed() {
        switch phase {
        case .header:
            if receivedAt == nil { connection.close(.idle) } else { refuse(.headerDeadline) }
        case .body, .streaming: refuse(.bodyDeadline)
        case .busy: exchange?.timeOut()
        case .finished: break
        }
        connection.flush()
    }

    /// Bytes have left: a writer may go on, and requests that waited for room are looked at.
    func outputMoved() {
        exchange?.outputMoved()
        guard isWaitingForRoom, !isProcessing, hasRoom else { return }
        isWaitingForRoom = false
        processInput()
    }

    func connectionClosed() {
        exchange?.abandon()
        exchange = nil
        endBody(failing: PeerGone())
        phase = .finished
        input = []
    }

    func drain() {
        if phase == .header, receivedAt == nil { connection.closeAfterOutput() }
    }

    // MARK: - Requests

    /// Works on bytes that had to wait.
    func processInput() {
        guard !isProcessing, connection.isOpen else { return }
        connection.pauseReading(false)
        // Taken out, so that whatever a handler does to this connection meanwhile does not meet a borrowed array.
        var bytes = input
        input = []
        let consumed = process(bytes.span)
        guard connection.isOpen else { return }
        bytes.removeFirst(consumed)
        input = bytes
        connection.flush()
    }

    /// Goes on after an answer that came later than the call of `process` that began it.
    func exchangeEnded() {
        guard !isProcessing else { return }
        if input.isEmpty { connection.flushSoon() } else { processInput() }
    }

    /// Takes as many requests as can be answered at once; returns how many bytes are done with.
    private func process(_ bytes: Span<UInt8>) -> Int {
        isProcessing = true
        defer { isProcessing = false }
        var position = 0
        var answered = 0
        while connection.isOpen {
            if phase == .busy { break }
            if answered == server.configuration.pipeliningDepth, position < bytes.count {
                server.metrics.throttle(.pipeliningDepth)
                waitForTurn()
                break
            }
            guard hasRoom else {
                server.metrics.throttle(.output)
                isWaitingForRoom = true
                break
            }
            if let incoming, incoming.count >= server.configuration.bufferedBytes {
                isWaitingForReader = true
                break
            }
            if phase == .header, receivedAt == nil, position < bytes.count { beginRequest() }
            switch parser.next(bytes, &position) {
            case .needMore: return position
            case .head(let head): accept(head, hasBodyBytes: position < bytes.count)
            case .body(let range): append(bytes, range)
            case .end:
                answered += 1
                if phase == .streaming { endBody(failing: nil) } else { dispatch(closes: false) }
            case .refused(let refusal): refuse(refusal)
            }
        }
        return position
    }

    private func beginRequest() {
        // What it waits for others of the same turn is part of its time.
        let now = server.loop.turnBegan
        receivedAt = now
        connection.setDeadline(now &+ server.headerNanoseconds)
    }

    /// Lets other connections have the loop before more of this one's requests are answered.
    private func waitForTurn() {
        guard !isWaitingForTurn else { return }
        isWaitingForTurn = true
        server.loop.execute { [self] in
            isWaitingForTurn = false
            processInput()
        }
    }
}
