internal import CNGHTTP2
internal import EventLoop
internal import Time

/// What HTTP/2 makes of one connection: streams beside each other, each an exchange of its own. Framing, header
/// compression and flow control are libnghttp2's; limits, deadlines and what a request means are ours. Loop thread only.
@safe final class HTTP2Session: Session, @unchecked Sendable {
    // @unchecked: touched on the loop's thread only; tasks of handlers run there too.

    /// The way to the end (RFC 9113, section 6.8).
    enum Ending {
        case no
        /// The peer knows that we are going; requests that are on their way are still taken.
        case announced
        /// The peer knows the last stream that counts.
        case final
    }

    /// How long a peer may take to confirm that it knows of our going.
    private static let noticeDuration = Duration.seconds(1)
    /// Rounds of filling and sending before other connections get their turn.
    private static let roundsPerTurn = 4

    /// A cycle until the connection closes and lets go of its session.
    let connection: Connection
    let server: ServerCore
    let shared: HTTP2Library
    /// The library's object. Nothing is sent or received from within its own callbacks.
    let library: OpaquePointer
    /// Open streams in no order; each knows its place.
    var streams: [HTTP2Stream] = []
    /// The stream whose header is coming in; no other frame may come between (RFC 9113, section 6.10).
    var reading: HTTP2Stream?
    /// Handlers at work, those of ended streams included.
    var handlersAtWork = 0
    /// Bytes of answers that wait for windows, of all streams.
    var waitingBytes = 0
    var credit: BodyCredit
    var routes = RouteMemory()
    var floodGuard: HTTP2FloodGuard
    var flood: HTTP2FloodGuard.Flood?
    var ending = Ending.no
    var requestCount = 0
    /// The highest stream number that was taken.
    var lastStream: Int32 = 0
    /// When the bytes at hand were read.
    var now: UInt64
    /// When a connection without streams is given up.
    var idleAt: UInt64
    private var isReceiving = false
    private var isFlushing = false
    private var isOver = false
    private var nextDeadline = UInt64.max

    /// Begins with our settings; nil without memory.
    init?(connection: Connection) {
        self.connection = connection
        server = connection.server
        shared = server.http2
        now = Deadline.monotonicNow()
        idleAt = now &+ server.headerNanoseconds
        credit = BodyCredit(budget: shared.bodyBudget)
        floodGuard = HTTP2FloodGuard(shared.limits)
        guard let library = unsafe shared.makeSession() else { return nil }
        unsafe self.library = library
        // Not retained: the library's object goes with this one.
        unsafe nghttp2_session_set_user_data(library, Unmanaged.passUnretained(self).toOpaque())
        let limits = shared.limits
        _ = unsafe cnghttp2_submit_settings(
            library,
            UInt32(clamping: limits.maximumStreams),
            UInt32(clamping: min(limits.streamWindowBytes, Int(Int32.max))),
            UInt32(clamping: server.configuration.headerBytes)
        )
        _ = unsafe cnghttp2_set_connection_window(library, Int32(clamping: limits.connectionWindowBytes))
        expect(by: idleAt)
    }

    deinit {
        unsafe nghttp2_session_del(library)
    }

    // MARK: - Events of the connection

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        now = Deadline.monotonicNow()
        isReceiving = true
        let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let result = unsafe cnghttp2_receive(library, base, bytes.count)
        isReceiving = false
        guard connection.isOpen, !isOver else { return }
        if result < 0 { return fail(Int32(truncatingIfNeeded: result)) }
        giveCreditBack()
        flush()
    }

    func inputEnded() {
        // Nobody is left to open a window or to read GOAWAY; what is in flight has lost its client.
        connection.close(streams.isEmpty ? nil : .peerGone)
    }

    func outputMoved() {
        flush()
    }

    func connectionClosed() {
        isOver = true
        abandonAll()
    }

    private func abandonAll() {
        let abandoned = streams
        streams = []
        reading = nil
        for stream in abandoned { stream.abandon() }
    }

    // MARK: - Sending

    /// Sends what the library has to say, as far as windows and the peer allow.
    func flush() {
        guard !isReceiving, !isFlushing, !isOver else { return }
        isFlushing = true
        var rounds = 0
        while connection.isOpen, fill() {
            connection.flush()
            guard connection.output.isEmpty else { break }  // The peer is slower: `outputMoved` goes on.
            rounds += 1
            if rounds == Self.roundsPerTurn {
                server.loop.schedule(after: .zero) { [self] in flush() }
                break
            }
        }
        isFlushing = false
        guard connection.isOpen else { return }
        let isDone = unsafe nghttp2_session_want_read(library) == 0 && nghttp2_session_want_write(library) == 0
        if isDone { conclude() }
    }

    /// Moves frames into the connection's output up to its limit; false if there were none.
    private func fill() -> Bool {
        let before = connection.output.count
        while connection.output.count < server.configuration.outputBytes {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe cnghttp2_send(library, &bytes)
            guard count > 0 else { break }
            let piece = unsafe UnsafeBufferPointer(start: bytes, count: count)
            connection.output.append { unsafe $0.append(contentsOf: piece) }
        }
        return connection.output.count > before
    }

    /// Hands credit for request bodies back; the library decides when it is worth a frame.
    func giveCreditBack() {
        let bytes = credit.takeReady()
        if bytes > 0 { _ = unsafe nghttp2_session_consume_connection(library, bytes) }
    }

    // MARK: - Deadlines

    /// Makes sure that `deadlinePassed` is called by then.
    func expect(by moment: UInt64) {
        guard moment < nextDeadline else { return }
        nextDeadline = moment
        connection.setDeadline(moment)
    }

    func deadlinePassed() {
        nextDeadline = .max
        now = Deadline.monotonicNow()
        if let reading, reading.deadline <= now {
            // A header that doesn't end holds up all streams, and the library can't go on without it.
            server.metrics.refuse(HTTPRefusal.headerDeadline.rawValue)
            return end(NGHTTP2_ENHANCE_YOUR_CALM, nil)
        }
        for stream in streams where stream.deadline <= now { stream.expire(now) }
        if ending == .announced { announceLastStream() }
        if streams.isEmpty, idleAt <= now {
            server.metrics.close(.idle)
            announceLastStream()
        }
        let next = streams.reduce(streams.isEmpty ? idleAt : .max) { min($0, $1.deadline) }
        if next != .max, connection.isOpen { expect(by: next) }
        flush()
    }

    // MARK: - The end

    /// The server stops: the peer is told, what has begun is finished, and what the peer sent before it knew as well.
    func drain() {
        guard ending == .no else { return }
        guard !streams.isEmpty else {
            announceLastStream()
            return flush()
        }
        ending = .announced
        _ = unsafe nghttp2_submit_shutdown_notice(library)
        expect(by: server.deadline(after: Self.noticeDuration))
        flush()
    }

    /// Tells the peer which streams will be answered; it may send the others again elsewhere.
    func announceLastStream() {
        guard ending != .final else { return }
        ending = .final
        let last = unsafe nghttp2_session_get_last_proc_stream_id(library)
        _ = unsafe cnghttp2_submit_goaway(library, last, NGHTTP2_NO_ERROR.rawValue)
    }

    private func conclude() {
        guard !isOver else { return }
        isOver = true
        abandonAll()
        connection.closeAfterOutput()
    }

    /// The library can't go on.
    private func fail(_ error: Int32) {
        switch (flood, error) {
        case (.resets, _): end(NGHTTP2_ENHANCE_YOUR_CALM, .http2Resets)
        case (.controlFrames, _), (nil, NGHTTP2_ERR_FLOODED.rawValue):
            end(NGHTTP2_ENHANCE_YOUR_CALM, .http2ControlFrames)
        case (.headerBlock, _), (nil, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue):
            end(NGHTTP2_ENHANCE_YOUR_CALM, .http2HeaderBlock)
        default: end(NGHTTP2_PROTOCOL_ERROR, .http2Protocol)
        }
    }

    /// Ends the connection at once. The library isn't asked: it may be in the middle of what went wrong.
    private func end(_ error: nghttp2_error_code, _ reason: CloseReason?) {
        guard !isOver else { return }
        if let reason { server.metrics.close(reason) }
        let last = UInt32(bitPattern: unsafe nghttp2_session_get_last_proc_stream_id(library))
        connection.output.append { output in
            output.append(contentsOf: [0, 0, 8, UInt8(NGHTTP2_GOAWAY.rawValue), 0, 0, 0, 0, 0])
            for number in [last, error.rawValue] {
                for shift in [24, 16, 8, 0] as [UInt32] { output.append(UInt8(truncatingIfNeeded: number >> shift)) }
            }
        }
        conclude()
    }
}
