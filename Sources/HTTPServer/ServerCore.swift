internal import EventLoop
internal import HTTP
internal import Telemetry
internal import Time

extension Duration {
    /// For deadlines of the hot path, which are sums of plain numbers; zero if negative, at most a year.
    var nanoseconds: UInt64 { UInt64(min(max(0, wholeMicroseconds), 31_536_000_000_000)) * 1_000 }
}

/// What the connections of one listener share. Loop thread only.
@safe final class ServerCore: @unchecked Sendable {
    // @unchecked: touched on the loop's thread only, but for the constants.

    /// Bytes taken from a socket at a time.
    private static let readBytes = 65_536

    let configuration: HTTPServerConfiguration
    let loop: EventLoop
    let table: RouteTable
    let metrics: HTTPServerMetrics
    let limits: HTTP1Parser.Limits
    let headerNanoseconds: UInt64
    let idleNanoseconds: UInt64
    let bodyNanoseconds: UInt64
    let writeNanoseconds: UInt64
    let http2: HTTP2Library
    /// From `start` on, if the listener speaks TLS.
    private(set) var tls: TLSEngine?
    /// Every connection reads into this one; what is not used at once is copied.
    let readBuffer: UnsafeMutableRawBufferPointer
    private(set) var isDraining = false
    private let log: Log
    private let registry: Metrics
    private var listener: Listener?
    private var connections: [Int: Connection] = [:]
    private var countByAddress: [String: Int] = [:]
    private var lastNumber = 0
    private var onDrained: [() -> Void] = []
    private var dated = DatedLines()
    /// Connections with answers that leave at the end of this turn of the loop.
    private var unsent: [Connection] = []

    init(_ configuration: HTTPServerConfiguration, router: Router, loop: EventLoop, metrics: Metrics, log: Log) {
        self.configuration = configuration
        self.loop = loop
        self.log = log
        registry = metrics
        table = RouteTable(router)
        self.metrics = HTTPServerMetrics(metrics, listener: configuration.name, table: table)
        limits = HTTP1Parser.Limits(configuration)
        headerNanoseconds = configuration.headerDeadline.nanoseconds
        idleNanoseconds = configuration.idleTimeout.nanoseconds
        bodyNanoseconds = configuration.bodyDeadline.nanoseconds
        writeNanoseconds = configuration.writeDeadline.nanoseconds
        let largestBody = table.routes.lazy.filter { !$0.isStreamed }
            .reduce(0) { max($0, min($1.maximumBodyBytes, $1.keptBodyBytes)) }
        http2 = HTTP2Library(configuration, largestBody: largestBody)
        unsafe readBuffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    }

    deinit {
        unsafe readBuffer.deallocate()
    }

    // MARK: - Start and stop

    func start() throws(HTTPServerError) -> Int {
        precondition(listener == nil && !isDraining, "a server starts once")
        if let configuration = configuration.tls {
            do throws(TLSError) {
                let metrics = TLSMetrics(registry, listener: self.configuration.name)
                tls = try TLSEngine(configuration, loop: loop, metrics: metrics, log: log)
            } catch {
                throw HTTPServerError(error)
            }
        }
        do throws(SystemError) {
            let listener = try Listener(
                host: configuration.host,
                port: configuration.port,
                backlog: configuration.backlog
            )
            // Keeps the server alive until it is stopped.
            let onTrouble = { [metrics] in metrics.refuse("accept_failed") }
            try listener.start(on: loop, log: log, onTrouble: onTrouble) { [self] in accept($0, $1) }
            self.listener = listener
            tls?.watchFiles()
            return listener.port
        } catch {
            throw HTTPServerError(error, host: configuration.host, port: configuration.port)
        }
    }

    func stop(within limit: Duration, _ done: @escaping () -> Void) {
        isDraining = true
        listener?.close()
        listener = nil
        tls?.stop()
        for connection in Array(connections.values) { connection.drain() }
        guard !connections.isEmpty else { return done() }
        onDrained.append(done)
        loop.schedule(after: limit) { [self] in
            if !connections.isEmpty {
                log.warning("connections cut off at stop", [.count: .int(connections.count)])
            }
            for connection in Array(connections.values) { connection.close(.stopping) }
        }
    }

    // MARK: - Connections

    private func accept(_ descriptor: Int32, _ peer: PeerAddress) {
        let key = peer.limitKey
        if connections.count >= configuration.maximumConnections {
            return turnAway(descriptor, "connections")
        }
        if countByAddress[key, default: 0] >= configuration.maximumConnectionsPerAddress {
            return turnAway(descriptor, "connections_per_address")
        }
        guard let transport = makeTransport(descriptor) else { return turnAway(descriptor, "memory") }
        lastNumber += 1
        let connection = Connection(
            number: lastNumber,
            transport: transport,
            address: peer.text,
            addressKey: key,
            server: self
        )
        connections[lastNumber] = connection
        countByAddress[key, default: 0] += 1
        metrics.accepted.add()
        metrics.connections.set(Double(connections.count))
        connection.start()
    }

    private static let busyAnswer = Array(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8
    )

    private func makeTransport(_ descriptor: Int32) -> Transport? {
        guard let tls else { return .plain(descriptor: descriptor) }
        return tls.accept(descriptor).map { .secure($0) }
    }

    /// One write and the end: a connection too many must not cost more than that, and no handshake.
    private func turnAway(_ descriptor: Int32, _ reason: String) {
        metrics.refuse(reason)
        let transport = Transport.plain(descriptor: descriptor)
        if tls == nil {
            _ = transport.send(Self.busyAnswer, from: 0, hasMore: false)
            transport.finishSending()
        }
        transport.close()
    }

    func remove(_ connection: Connection) {
        guard connections.removeValue(forKey: connection.number) != nil else { return }
        let left = countByAddress[connection.addressKey, default: 1] - 1
        countByAddress[connection.addressKey] = left > 0 ? left : nil
        metrics.connections.set(Double(connections.count))
        guard isDraining, connections.isEmpty else { return }
        let done = onDrained
        onDrained = []
        for action in done { action() }
    }

    /// Has a connection's output sent when everything that is ready now has been looked at (ADR 0053).
    func flushSoon(_ connection: Connection) {
        unsent.append(connection)
        guard unsent.count == 1 else { return }
        loop.execute { [self] in
            let connections = unsent
            unsent = []
            for connection in connections { connection.flush() }
        }
    }

    // MARK: - For sessions

    /// A moment on the monotonic clock, in nanoseconds.
    func deadline(after duration: Duration) -> UInt64 {
        Deadline.after(duration).nanoseconds
    }

    /// Appends a response's header; false if it cannot be written.
    func append(
        _ response: HTTPResponse,
        framing: HTTP1Serializer.Framing,
        closes: Bool,
        saysKeepAlive: Bool,
        to output: inout OutputQueue
    ) -> Bool {
        renewDatedLines()
        if response.status == 200, response.fields.count == 0, framing == .length(0), !closes, !saysKeepAlive {
            output.append(dated.emptyAnswer)
            return true
        }
        let context = HTTP1Serializer.Context(
            framing: framing,
            closes: closes,
            saysKeepAlive: saysKeepAlive,
            dateLine: dated.date
        )
        return output.append { HTTP1Serializer.append(response, context, to: &$0) }
    }

    /// The `Date` field's line with its end.
    func currentDateLine() -> [UInt8] {
        renewDatedLines()
        return dated.date
    }

    private func renewDatedLines() {
        let second = loop.turnBegan / 1_000_000_000
        if dated.second != second { dated = DatedLines(second: second, at: WallClock.system.now) }
    }

    /// Logs what a handler let fall; whoever wants it handled otherwise does so in middleware.
    func reportFailure(_ error: any Error, route: Route) {
        log.error("handler failed", [.route: .string(route.template), .error: .describing(error)])
    }
}

/// Pieces of answers that change once a second.
private struct DatedLines {
    var second = UInt64.max
    /// The `Date` field's line with its end.
    var date: [UInt8] = []
    /// The header of a 200 without fields and body, which is what webhooks are answered.
    var emptyAnswer: [UInt8] = []

    init() {}

    init(second: UInt64, at now: Timestamp) {
        self.second = second
        date = HTTP1Serializer.dateLine(secondsSinceEpoch: now.microseconds / 1_000_000)
        let context = HTTP1Serializer.Context(framing: .length(0), closes: false, saysKeepAlive: false, dateLine: date)
        _ = HTTP1Serializer.append(HTTPResponse(status: 200), context, to: &emptyAnswer)
    }
}
