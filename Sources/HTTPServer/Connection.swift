internal import EventLoop
internal import Time

/// One connection: its socket, what waits to be sent, its deadlines and its end. What the bytes mean is the session's.
///
/// Loop thread only.
final class Connection: @unchecked Sendable {
    // @unchecked: touched on the loop's thread only; tasks of handlers run there too.

    private enum Phase {
        case open
        /// All is answered; the output leaves, then the sending half is closed.
        case flushing
        /// Our half is closed; what the peer still sends is dropped, because closing with unread bytes makes the kernel
        /// reset the connection, which can destroy the answer on its way.
        case lingering
        case closed
    }

    /// How long, and for how many bytes, a peer may go on sending after its last answer.
    private static let lingerDuration = Duration.seconds(1)
    private static let lingerBytes = 1 << 20
    /// Sent in one go before other connections get their turn.
    private static let flushBytes = 1 << 20
    /// Output that must leave within one write deadline.
    private static let writeWindowBytes = 262_144
    /// Deadlines further away are looked at again at this interval, so that most requests move no timer.
    private static let timerStep: UInt64 = 1_000_000_000
    /// Deadlines further away than `timerStep` end at a multiple of this, so that a loop wakes once for many connections that
    /// have nothing to do.
    private static let timerGrain: UInt64 = 250_000_000

    let number: Int
    let server: ServerCore
    /// The peer's IP address.
    let address: String
    let addressKey: String
    var output = OutputQueue()
    private let transport: Transport
    private var watch: Watch?
    private var session: (any Session)?
    private var phase = Phase.open
    private var lingerLeft = Connection.lingerBytes
    private var readsPaused = false
    private var inputEnded = false
    private var wantsWritable = false
    private var windowLeft = 0
    private var isFlushDue = false

    private var timer: Timer?
    private var timerAt = UInt64.max
    private var sessionDeadline = UInt64.max
    private var writeDeadline = UInt64.max

    init(number: Int, transport: Transport, address: String, addressKey: String, server: ServerCore) {
        self.number = number
        self.transport = transport
        self.address = address
        self.addressKey = addressKey
        self.server = server
    }

    var isSecure: Bool { transport.isSecure }
    var isOpen: Bool { phase == .open }

    /// Begins to read.
    func start() {
        do throws(SystemError) {
            watch = try server.loop.watch(transport.descriptor, .readable) { [self] in onReady($0) }
        } catch {
            return close(nil)
        }
        if let tls = server.tls, transport.isHandshaking {
            session = HandshakeSession(connection: self, deadline: tls.configuration.handshakeDeadline)
        } else {
            session = OpeningSession(connection: self)
        }
    }

    /// Goes on with the session of the protocol that the first bytes belong to.
    func speak(_ session: some Session, _ bytes: UnsafeRawBufferPointer) {
        self.session = session
        unsafe session.receive(bytes)
    }

    // MARK: - Reading

    private func onReady(_ readiness: Readiness) {
        if readiness.contains(.writable) { flush() }
        guard readiness.contains(.readable), phase != .closed else { return }
        if transport.isHandshaking, let tls = server.tls { tls.handshakes.admit(self) } else { read() }
    }

    /// Takes what has come in, once.
    func read() {
        let buffer = unsafe server.readBuffer
        let wasHandshaking = transport.isHandshaking
        let outcome = unsafe transport.receive(into: buffer)
        if wasHandshaking { handshakeMoved() }
        switch outcome {
        case .bytes(let count):
            if phase == .open {
                unsafe session?.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else {
                lingerLeft -= count
                if lingerLeft < 0 { close(nil) }
            }
        case .wouldBlock: break
        case .ended: end()
        case .failed: close(wasHandshaking ? .tlsHandshake : .peerGone)
        }
    }

    /// TLS may be agreed on now; with it comes the protocol (RFC 7301).
    private func handshakeMoved() {
        if transport.isWaiting { flush() }
        guard case .secure(let stream) = transport, !stream.isHandshaking, phase == .open else { return }
        guard stream.speaksHTTP2 else {
            session = HTTP1Session(connection: self)
            return
        }
        guard let http2 = HTTP2Session(connection: self) else { return close(nil) }
        session = http2
        http2.flush()
    }

    private func end() {
        inputEnded = true
        updateInterest()
        switch phase {
        case .open: session?.inputEnded()
        case .flushing, .closed: break
        case .lingering: close(nil)
        }
    }

    /// Stops or goes on reading: a peer that sends ahead waits in its own kernel.
    func pauseReading(_ paused: Bool) {
        guard paused != readsPaused else { return }
        readsPaused = paused
        updateInterest()
    }

    private func updateInterest() {
        // Plain bits, as this runs with every answer.
        let readable = readsPaused || inputEnded ? 0 : Interest.readable.rawValue
        let writable = wantsWritable ? Interest.writable.rawValue : 0
        watch?.update(Interest(rawValue: readable | writable))
    }

    // MARK: - Writing

    /// Sends what waits with the answers of other connections, at the end of the loop's turn.
    func flushSoon() {
        guard !isFlushDue else { return }
        isFlushDue = true
        server.flushSoon(self)
    }

    /// Sends what waits, as far as the peer takes it.
    func flush() {
        isFlushDue = false
        guard phase != .closed else { return }
        var budget = Self.flushBytes
        var isBlocked = false
        if transport.isWaiting {
            guard transport.flush() else { return close(.peerGone) }
            isBlocked = transport.isWaiting
        }
        while !output.isEmpty, !isBlocked {
            switch output.send(through: transport) {
            case .bytes(let count):
                windowLeft -= count
                budget -= count
                isBlocked = budget <= 0
            case .wouldBlock, .ended: isBlocked = true
            case .failed: return close(.peerGone)
            }
        }
        let isDrained = output.isEmpty && !transport.isWaiting
        wantsWritable = (isBlocked && !output.isEmpty) || transport.isWaiting
        updateInterest()
        if isDrained {
            writeDeadline = .max
            if phase == .flushing { linger() }
        } else if writeDeadline == .max || windowLeft <= 0 {
            // A new window each 256 KiB: a slow reader of a large file is served, one that takes a byte a minute is not.
            windowLeft = Self.writeWindowBytes
            writeDeadline = server.deadline(after: server.configuration.writeDeadline)
            arm()
        }
        if phase == .open { session?.outputMoved() }
    }

    // MARK: - Deadlines

    /// When the session wants to be asked (`deadlinePassed`); nil for never.
    func setDeadline(_ deadline: UInt64?) {
        sessionDeadline = deadline ?? .max
        arm()
    }

    private func arm() {
        let next = min(sessionDeadline, writeDeadline)
        guard next < timerAt else { return }
        timer?.cancel()
        let now = Deadline.monotonicNow()
        timerAt = timer == nil ? next : min(next, now + Self.timerStep)
        var moment = max(timerAt, now)
        if moment > now + Self.timerStep {
            moment = (moment + Self.timerGrain - 1) / Self.timerGrain * Self.timerGrain
        }
        // Not weak: one weak reference makes every later retain of the object slow. `close` cancels the timer.
        timer = server.loop.schedule(after: .nanoseconds(Int64(clamping: moment - now))) { [self] in onTimer() }
    }

    private func onTimer() {
        timer = nil
        timerAt = .max
        let now = Deadline.monotonicNow()
        if now >= writeDeadline { return close(.writeDeadline) }
        if now >= sessionDeadline {
            sessionDeadline = .max
            if phase == .open { session?.deadlinePassed() } else { return close(nil) }
        }
        if phase != .closed { arm() }
    }

    // MARK: - The end

    /// Ends the connection after what waits has been sent.
    func closeAfterOutput() {
        guard phase == .open else { return }
        phase = .flushing
        sessionDeadline = .max
        pauseReading(true)
        flush()
    }

    private func linger() {
        phase = .lingering
        transport.finishSending()
        if inputEnded { return close(nil) }
        readsPaused = false
        updateInterest()
        sessionDeadline = server.deadline(after: Self.lingerDuration)
        arm()
    }

    /// Ends the connection now.
    ///
    /// - Parameter reason: Counted; nil for an ordinary end.
    func close(_ reason: CloseReason?) {
        guard phase != .closed else { return }
        phase = .closed
        timer?.cancel()
        timer = nil
        watch?.cancel()
        watch = nil
        transport.close()
        output = OutputQueue()
        if let reason { server.metrics.close(reason) }
        session?.connectionClosed()
        session = nil
        server.remove(self)
    }

    /// The server stops: idle connections end at once, others after their answer.
    func drain() {
        session?.drain()
    }
}
