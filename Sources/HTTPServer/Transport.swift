internal import CLinux
internal import Glibc

/// The bytes of one connection. Plain TCP now; TLS becomes a second case of the same three verbs.
enum Transport {
    case plain(descriptor: Int32)

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
        }
    }

    var isSecure: Bool {
        switch self {
        case .plain: false
        }
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
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

    /// - Parameter hasMore: Whether more bytes follow at once, so that the kernel waits for a full packet.
    func send(_ bytes: [UInt8], from offset: Int, hasMore: Bool) -> Outcome {
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return .bytes(0) }
            while true {
                let count = unsafe clinux_send(descriptor, base + offset, buffer.count - offset, hasMore ? 1 : 0)
                if count >= 0 { return .bytes(count) }
                switch clinux_errno() {
                case EINTR: continue
                case EAGAIN: return .wouldBlock
                default: return .failed
                }
            }
        }
    }

    /// Says that nothing more will be sent, while reading goes on.
    func finishSending() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
