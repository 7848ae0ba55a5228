internal import CNGHTTP2
internal import Time

/// What the library reports while it reads and writes. Nothing here may close the connection or call the library to send
/// or receive: it is in the middle of its own work.
extension HTTP2Session {
    // MARK: - Received

    /// False if the peer floods us and the connection has to end.
    func frameBegan(_ header: nghttp2_frame_hd) -> Bool {
        if flood == nil { flood = floodGuard.received(kind(of: header), now: now) }
        return flood == nil
    }

    private func kind(of header: nghttp2_frame_hd) -> HTTP2FloodGuard.Frame {
        let kind = HTTP2FloodGuard.Frame(header)
        // The library passes over headers of streams that are over, since they may have crossed our reset.
        let isLate = kind == .request && header.stream_id <= lastStream && stream(header.stream_id) == nil
        return isLate ? .control : kind
    }

    /// False if the stream is refused.
    func requestBegan(_ number: Int32) -> Bool {
        guard streams.count < shared.limits.maximumStreams, handlersAtWork < shared.limits.maximumStreams else {
            // Handlers of cancelled streams count, or a peer could start any number by cancelling them at once.
            server.metrics.refuse("http2_streams")
            _ = unsafe cnghttp2_submit_reset(library, number, NGHTTP2_REFUSED_STREAM.rawValue)
            return false
        }
        let stream = HTTP2Stream(number: number, session: self, place: streams.count)
        stream.deadline = now &+ server.headerNanoseconds
        streams.append(stream)
        reading = stream
        // Not retained: `streams` holds it until `closed`, which comes before the library forgets it.
        let pointer = unsafe Unmanaged.passUnretained(stream).toOpaque()
        _ = unsafe nghttp2_session_set_stream_user_data(library, number, pointer)
        requestCount += 1
        lastStream = number
        if requestCount == server.configuration.requestsPerConnection {
            server.metrics.close(.requestLimit)
            announceLastStream()
        }
        expect(by: stream.deadline)
        return true
    }

    /// A field of the header that is coming in, or of trailers, which are dropped; false if the header has grown out of all
    /// proportion.
    func field(_ name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        guard let reading else { return true }
        reading.head.add(name, value)
        guard reading.head.bytes > 8 * server.configuration.headerBytes else { return true }
        flood = .headerBlock
        return false
    }

    func bodyBytes(_ number: Int32, _ bytes: UnsafeRawBufferPointer) {
        // What nobody wants must not use up the window of the other streams.
        if let stream = stream(number) { unsafe stream.take(bytes) } else { credit.drop(bytes.count) }
        if credit.owed > 0 { shedBodies() }
    }

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let isLast = unsafe cnghttp2_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch unsafe UInt32(cnghttp2_type(frame)) {
        case NGHTTP2_HEADERS.rawValue:
            let begun = reading.take()
            if unsafe cnghttp2_is_request(frame) != 0 {
                begun?.headerEnded(isWhole: isLast)
            } else if isLast {
                unsafe stream(cnghttp2_stream(frame))?.requestEnded()
            }
        case NGHTTP2_DATA.rawValue where isLast:
            unsafe stream(cnghttp2_stream(frame))?.requestEnded()
        case NGHTTP2_PING.rawValue where ending == .announced:
            if unsafe cnghttp2_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { announceLastStream() }
        default: break
        }
    }

    private func stream(_ number: Int32) -> HTTP2Stream? {
        unsafe HTTP2Library.stream(nghttp2_session_get_stream_user_data(library, number))
    }

    // MARK: - Sent

    /// A DATA frame: the header that the library has made, and so many bytes of the stream's.
    func sendData(_ stream: HTTP2Stream, _ header: UnsafeBufferPointer<UInt8>, count: Int) {
        connection.output.append { unsafe $0.append(contentsOf: header) }
        stream.moveBytes(count, to: &connection.output, now: now)
        let wasFull = waitingBytes >= shared.limits.outputBytes
        waitingBytes -= count
        floodGuard.sentData()
        if wasFull, waitingBytes < shared.limits.outputBytes {
            for other in streams { other.exchange?.outputMoved() }
        } else {
            stream.exchange?.outputMoved()
        }
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let error = unsafe cnghttp2_error(frame)
        switch unsafe UInt32(cnghttp2_type(frame)) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard unsafe cnghttp2_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
            unsafe stream(cnghttp2_stream(frame))?.answerLeft()
        case NGHTTP2_RST_STREAM.rawValue where error != NGHTTP2_NO_ERROR.rawValue:
            server.metrics.reset(HTTP2ErrorName.of(error))
            // Taken up with the next frame that comes in: a peer that makes us reset streams is one that cancels them.
            if flood == nil { flood = floodGuard.sentReset(now: now) }
        case NGHTTP2_GOAWAY.rawValue where error != NGHTTP2_NO_ERROR.rawValue:
            server.metrics.close(.http2Protocol)
        case NGHTTP2_GOAWAY.rawValue where ending == .announced:
            _ = unsafe cnghttp2_submit_ping(library)  // Its answer says that the notice has been read.
        default: break
        }
    }

    /// The library has forgotten the stream.
    func closed(_ stream: HTTP2Stream) {
        remove(stream)
        stream.abandon()
        guard streams.isEmpty else { return }
        idleAt = Deadline.monotonicNow() &+ server.idleNanoseconds
        expect(by: idleAt)
    }

    private func remove(_ stream: HTTP2Stream) {
        if reading === stream { reading = nil }
        guard stream.place < streams.count, streams[stream.place] === stream else { return }
        let last = streams.removeLast()
        guard last !== stream else { return }
        streams[stream.place] = last
        last.place = stream.place
    }

    // MARK: - Memory of bodies

    /// Bytes of a request are no longer in memory.
    func release(_ bytes: Int) {
        guard bytes > 0 else { return }
        credit.release(bytes)
        if credit.owed > 0 { shedBodies() }
    }

    /// When unfinished bodies alone have used up the memory, none of them can ever end: the newest has to go.
    private func shedBodies() {
        guard streams.allSatisfy({ $0.isReceivingBody || $0.heldBytes == 0 }) else { return }
        let newest = streams.filter(\.isReceivingBody).max { $0.number < $1.number }
        newest?.refuse(.bodyMemory)
    }
}

extension HTTP2FloodGuard.Frame {
    init(_ header: nghttp2_frame_hd) {
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        self =
            switch UInt32(header.type) {
            case NGHTTP2_HEADERS.rawValue: .request
            case NGHTTP2_DATA.rawValue: header.length == 0 && !ends ? .emptyData : .request
            case NGHTTP2_RST_STREAM.rawValue: .reset
            case NGHTTP2_WINDOW_UPDATE.rawValue: .windowUpdate
            case NGHTTP2_CONTINUATION.rawValue: .continuation
            default: .control
            }
    }
}

/// The words of RFC 9113, section 7, for metrics.
enum HTTP2ErrorName {
    static func of(_ code: UInt32) -> String {
        switch code {
        case NGHTTP2_PROTOCOL_ERROR.rawValue: "protocol_error"
        case NGHTTP2_INTERNAL_ERROR.rawValue: "internal_error"
        case NGHTTP2_FLOW_CONTROL_ERROR.rawValue: "flow_control_error"
        case NGHTTP2_STREAM_CLOSED.rawValue: "stream_closed"
        case NGHTTP2_REFUSED_STREAM.rawValue: "refused_stream"
        case NGHTTP2_CANCEL.rawValue: "cancel"
        case NGHTTP2_ENHANCE_YOUR_CALM.rawValue: "enhance_your_calm"
        default: "other"
        }
    }
}
