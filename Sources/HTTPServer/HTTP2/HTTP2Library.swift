internal import CNGHTTP2

/// What the HTTP/2 connections of one listener share: the library's options, the functions that it calls, and room for
/// the fields of one answer. Loop thread only.
@safe final class HTTP2Library {
    let limits: HTTP2Limits
    /// Request bodies that one connection may keep in memory; at least the largest that a route takes.
    let bodyBudget: Int
    /// Used again for every answer.
    var fields = HTTP2FieldBlock()
    private let callbacks: OpaquePointer
    private let options: OpaquePointer

    init(_ configuration: HTTPServerConfiguration, largestBody: Int) {
        limits = configuration.http2
        bodyBudget = max(limits.bodyBytes, largestBody)
        var events = Self.events
        guard let callbacks = unsafe cnghttp2_callbacks(&events),
            let options = unsafe cnghttp2_options(Self.libraryLimits(limits))
        else { fatalError("out of memory") }
        unsafe self.callbacks = callbacks
        unsafe self.options = options
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
    }

    /// A session for a connection that begins; nil without memory.
    func makeSession() -> OpaquePointer? {
        unsafe cnghttp2_server(callbacks, options, nil)
    }

    /// Where the library counts too it stands behind our own limits, which know how to name what they cut.
    private static func libraryLimits(_ limits: HTTP2Limits) -> cnghttp2_limits {
        cnghttp2_limits(
            reset_burst: UInt64(max(0, limits.resetBurst)) + 1,
            resets_per_second: UInt64(max(0, limits.resetsPerSecond)) + 1,
            // It counts each read of a frame's nine header bytes, so that one which arrives byte by byte counts nine times.
            continuations: 9 * max(0, limits.continuations),
            outbound_acks: max(1, limits.queuedAcknowledgements),
            settings_entries: 32
        )
    }

    private static func session(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
        unsafe context.map { unsafe Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    static func stream(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Stream? {
        unsafe pointer.map { unsafe Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func span(_ buffer: OpaquePointer) -> UnsafeBufferPointer<UInt8> {
        var count = 0
        let base = unsafe cnghttp2_buffer(buffer, &count)
        return unsafe UnsafeBufferPointer(start: base, count: count)
    }

    private static let fatal = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    private static let ofStream = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue

    private static let events = unsafe cnghttp2_events(
        begin_frame: { _, header, context in
            guard let session = unsafe session(context) else { return fatal }
            return unsafe session.frameBegan(header.pointee) ? 0 : fatal
        },
        begin_headers: { _, frame, context in
            guard let session = unsafe session(context) else { return fatal }
            guard unsafe cnghttp2_is_request(frame) != 0 else { return 0 }
            return unsafe session.requestBegan(cnghttp2_stream(frame)) ? 0 : ofStream
        },
        header: { _, frame, name, value, _, context in
            guard let session = unsafe session(context) else { return fatal }
            let (name, value) = unsafe (span(name), span(value))
            return unsafe session.field(Span(_unsafeElements: name), Span(_unsafeElements: value)) ? 0 : fatal
        },
        invalid_header: { library, frame, _, _, _, _ in
            // What the library found malformed makes the whole request malformed (RFC 9113, section 8.2.1).
            _ = unsafe cnghttp2_submit_reset(library, cnghttp2_stream(frame), NGHTTP2_PROTOCOL_ERROR.rawValue)
            return ofStream
        },
        data: { _, _, stream, bytes, count, context in
            guard let session = unsafe session(context) else { return fatal }
            unsafe session.bodyBytes(stream, UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        },
        frame_received: { _, frame, context in
            guard let session = unsafe session(context) else { return fatal }
            unsafe session.frameReceived(frame)
            return 0
        },
        frame_sent: { _, frame, context in
            guard let session = unsafe session(context) else { return fatal }
            unsafe session.frameSent(frame)
            return 0
        },
        stream_closed: { library, number, _, context in
            guard let session = unsafe session(context) else { return fatal }
            if let stream = unsafe stream(nghttp2_session_get_stream_user_data(library, number)) {
                session.closed(stream)
            }
            return 0
        },
        send_data: { _, frame, header, count, source, context in
            guard let session = unsafe session(context), let stream = unsafe stream(source.pointee.ptr) else {
                return fatal
            }
            unsafe session.sendData(stream, UnsafeBufferPointer(start: header, count: 9), count: count)
            return 0
        }
    )

    /// Asked for the next bytes of an answer's body; they are copied once, by `send_data`.
    static let readBody:
        @convention(c) (
            OpaquePointer, Int32, UnsafeMutablePointer<UInt8>, Int, UnsafeMutablePointer<UInt32>,
            UnsafeMutablePointer<nghttp2_data_source>, UnsafeMutableRawPointer?
        ) -> Int = { _, _, _, count, flags, source, _ in
            guard let stream = unsafe stream(source.pointee.ptr) else { return Int(fatal) }
            guard let next = stream.nextBytes(atMost: count) else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
            if next.isLast { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            return next.count
        }
}
