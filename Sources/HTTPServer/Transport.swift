internal import CLinux
internal import Glibc

/// The bytes of one connection: plain TCP, or TLS over it.
enum Transport {
    case plain(descriptor: Int32)
    case secure(TLSStream)

    /// What a call achieved.
    enum Outcome: Equatable {
        case bytes(Int)
        /// Nothing now; the loop says when.
        case wouldBlock
        /// The peer will send nothing more.
        case ended
        /// The connection is gone.
        case failed
    }

    var descriptor: Int32 {
        switch self {
        case .plain(let descriptor): descriptor
        case .secure(let stream): stream.descriptor
        }
    }

    var isSecure: Bool {
        switch self {
        case .plain: false
        case .secure: true
        }
    }

    /// Whether TLS has yet to be agreed on; what is received meanwhile is nobody's.
    var isHandshaking: Bool {
        switch self {
        case .plain: false
        case .secure(let stream): stream.isHandshaking
        }
    }

    /// Whether bytes that were accepted for sending wait for the socket.
    var isWaiting: Bool {
        switch self {
        case .plain: false
        case .secure(let stream): stream.isWaiting
        }
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        switch self {
        case .plain(let descriptor): unsafe Self.receive(descriptor, buffer)
        case .secure(let stream): unsafe stream.receive(into: buffer)
        }
    }

    /// - Parameter hasMore: Whether more bytes follow at once, so that the kernel waits for a full packet.
    func send(_ bytes: [UInt8], from offset: Int, hasMore: Bool) -> Outcome {
        switch self {
        case .plain(let descriptor): Self.send(descriptor, bytes, from: offset, hasMore: hasMore)
        case .secure(let stream): stream.send(bytes, from: offset)
        }
    }

    /// Sends what waits, as far as the socket takes it; false if the connection is gone.
    func flush() -> Bool {
        switch self {
        case .plain: true
        case .secure(let stream): stream.flush()
        }
    }

    /// Says that nothing more will be sent, while reading goes on.
    func finishSending() {
        if case .secure(let stream) = self { stream.sayClose() }
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        if case .secure(let stream) = self { stream.sayClose() }
        _ = Glibc.close(descriptor)
    }

    // MARK: - The socket

    static func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        guard let base = buffer.baseAddress else { return .wouldBlock }
        while true {
            let count = unsafe clinux_receive(descriptor, base, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended }
            switch clinux_errno() {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed
            }
        }
    }

    static func send(_ descriptor: Int32, _ bytes: [UInt8], from offset: Int, hasMore: Bool) -> Outcome {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe send(descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]), hasMore: hasMore)
        }
    }

    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, hasMore: Bool) -> Outcome {
        guard let base = bytes.baseAddress else { return .bytes(0) }
        while true {
            let count = unsafe clinux_send(descriptor, base, bytes.count, hasMore ? 1 : 0)
            if count >= 0 { return .bytes(count) }
            switch clinux_errno() {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed
            }
        }
    }
}
