internal import CLinux
internal import COpenSSL
internal import Glibc

/// TLS over one connection. OpenSSL works on buffers only; what it has to say is sent at once, and what the socket does
/// not take waits here, so that nothing ever has to be repeated with the same buffer. Loop thread only.
@safe final class TLSStream {
    /// Plaintext encrypted in one go, four records: bounds what can wait for the socket.
    private static let sendBytes = 65_536

    let descriptor: Int32
    /// False once both sides have proved who they are and agreed on keys.
    private(set) var isHandshaking = true
    private let connection: OpaquePointer
    private let engine: TLSEngine
    /// Kept because OpenSSL asks it for certificates by name.
    private let context: TLSContext
    /// Ciphertext that the socket has not taken yet.
    private var waiting: [UInt8] = []
    private var sent = 0
    private var hasPeerEnded = false
    private var isBroken = false

    init(_ connection: OpaquePointer, descriptor: Int32, context: TLSContext, engine: TLSEngine) {
        unsafe self.connection = connection
        self.descriptor = descriptor
        self.context = context
        self.engine = engine
    }

    deinit {
        unsafe SSL_free(connection)
    }

    /// Whether `flush` has something to do.
    var isWaiting: Bool { !waiting.isEmpty }

    /// Whether the client asked for HTTP/2; once the handshake is over.
    var speaksHTTP2: Bool { unsafe copenssl_speaks_http2(connection) != 0 }

    /// Takes what the socket has and fills `buffer` with all the plaintext that is in it, so that nothing is left which
    /// the socket would not announce again.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transport.Outcome {
        guard !hasPeerEnded else { return .ended }
        guard !isBroken else { return .failed }
        let cipher = unsafe engine.cipherBuffer
        switch unsafe Transport.receive(descriptor, cipher) {
        case .bytes(let count):
            unsafe engine.wire.pointee.input = UnsafePointer(cipher.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe engine.wire.pointee.input_count = count
        case let other: return other
        }
        let outcome = unsafe decrypt(into: buffer)
        unsafe engine.wire.pointee.input_count = 0
        guard sendOutput() else { return .failed }
        return outcome
    }

    private func decrypt(into buffer: UnsafeMutableRawBufferPointer) -> Transport.Outcome {
        if isHandshaking {
            switch unsafe copenssl_handshake(connection) {
            case copenssl_step_done: completeHandshake()
            case copenssl_step_starved: return .wouldBlock
            default: return fail()
            }
        }
        var filled = 0
        while filled < buffer.count, let base = buffer.baseAddress {
            var count = 0
            switch unsafe copenssl_read(connection, base + filled, buffer.count - filled, &count) {
            case copenssl_step_done: filled += count
            case copenssl_step_starved: return filled > 0 ? .bytes(filled) : .wouldBlock
            case copenssl_step_ended:
                hasPeerEnded = true
                return filled > 0 ? .bytes(filled) : .ended
            default: return fail()
            }
        }
        return .bytes(filled)
    }

    private func completeHandshake() {
        isHandshaking = false
        engine.metrics.handshake(unsafe SSL_session_reused(connection) == 1 ? "resumed" : "full")
    }

    /// What the peer should know about it is in the output.
    private func fail() -> Transport.Outcome {
        if isHandshaking { engine.metrics.handshake("failed") }
        isBroken = true
        ERR_clear_error()
        return .failed
    }

    /// Encrypts and sends bytes; `.bytes` counts those that need not be given again.
    func send(_ bytes: [UInt8], from offset: Int) -> Transport.Outcome {
        guard flush() else { return .failed }
        guard !isWaiting else { return .wouldBlock }
        var done = 0
        let isWritten = unsafe bytes.withUnsafeBytes { buffer -> Bool in
            guard let base = buffer.baseAddress else { return true }
            let end = min(buffer.count - offset, Self.sendBytes)
            while done < end {
                var count = 0
                let step = unsafe copenssl_write(connection, base + offset + done, end - done, &count)
                guard step == copenssl_step_done else { return false }
                done += count
            }
            return true
        }
        guard sendOutput(), isWritten else { return .failed }
        return .bytes(done)
    }

    /// Sends what waits, as far as the socket takes it; false if the connection is gone.
    func flush() -> Bool {
        while sent < waiting.count {
            switch Transport.send(descriptor, waiting, from: sent, hasMore: false) {
            case .bytes(let count): sent += count
            case .wouldBlock, .ended: return true
            case .failed: return false
            }
        }
        waiting = []
        sent = 0
        return true
    }

    /// Sends what OpenSSL has written during a call; false if the connection is gone.
    private func sendOutput() -> Bool {
        let count = unsafe engine.wire.pointee.output_count
        guard count > 0, let base = unsafe engine.wire.pointee.output else { return true }
        unsafe engine.wire.pointee.output_count = 0
        let output = unsafe UnsafeRawBufferPointer(start: base, count: count)
        guard waiting.isEmpty else {
            unsafe waiting.append(contentsOf: output)
            return flush()
        }
        var done = 0
        while done < count {
            switch unsafe Transport.send(descriptor, UnsafeRawBufferPointer(rebasing: output[done...]), hasMore: false)
            {
            case .bytes(let taken): done += taken
            case .wouldBlock, .ended:
                unsafe waiting.append(contentsOf: output[done...])
                return true
            case .failed: return false
            }
        }
        return true
    }

    /// Says `close_notify`, after which the peer knows that nothing was cut off.
    func sayClose() {
        guard !isHandshaking, !isBroken else { return }
        unsafe copenssl_close(connection)
        _ = sendOutput()  // What the socket does not take now is not worth waiting for.
    }
}
