internal import CPostgres
internal import Concurrency
internal import EventLoop
internal import Telemetry
internal import Time

/// One session with the server: non-blocking libpq in pipeline mode, driven by the event loop.
///
/// `@unchecked`: every member is touched on the event loop's thread only.
@safe
final class Connection: @unchecked Sendable {
    let id: UInt64
    let loop: EventLoop
    let log: Log
    private let sessionSettings: [(name: String, value: String)]
    var phase = Phase.opening
    private var handle: OpaquePointer?
    private var watch: Watch?
    /// Ends the opening, later the unit that is first to be late.
    private var timer: Timer?
    private var timerDeadline = Deadline.never
    var statements: StatementCache
    /// The unit under way is the first.
    private var units: [Unit] = []
    /// Called once: when statements can be sent, or with the reason why the connection could not be opened.
    private var onOpen: ((Result<Void, PostgresError>) -> Void)?
    /// Called once when an open connection is gone.
    var onClose: (() -> Void)?
    /// Called for each notification of `listen`.
    var onNotification: ((String) -> Void)?
    /// Set after an error that makes the session's prepared statements useless; the pool then closes it.
    private(set) var isWornOut = false

    enum Phase { case opening, open, closed }

    init(id: UInt64, loop: EventLoop, log: Log, configuration: DatabaseConfiguration) {
        self.id = id
        self.loop = loop
        self.log = log
        self.sessionSettings = configuration.sessionSettings
        self.statements = StatementCache(capacity: configuration.maximumPreparedStatements)
    }

    /// Whether the session is as a new one: nothing under way, no transaction open.
    var isReusable: Bool {
        guard phase == .open, units.isEmpty, !isWornOut, let handle = unsafe handle else { return false }
        return unsafe PQtransactionStatus(handle) == PQTRANS_IDLE
    }

    /// Whether a transaction is open on the server, failed or not.
    var isInTransaction: Bool {
        guard phase == .open, let handle = unsafe handle else { return false }
        return unsafe PQtransactionStatus(handle) != PQTRANS_IDLE
    }

    // MARK: Opening

    func open(
        _ settings: ConnectionSettings,
        within timeout: Duration,
        _ completion: @escaping (Result<Void, PostgresError>) -> Void
    ) {
        onOpen = completion
        timer = loop.schedule(after: timeout) { [self] in
            close(PostgresError(.unavailable, operation: "connect", detail: "timeout"))
        }
        guard let handle = unsafe settings.start() else {
            return close(PostgresError(.unavailable, operation: "connect", detail: "out of memory"))
        }
        unsafe self.handle = unsafe handle
        // The context is this connection, which frees the handle before it goes itself.
        unsafe PQsetNoticeProcessor(
            handle,
            { context, message in
                guard let context = unsafe context, let message = unsafe message else { return }
                unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue().notice(message)
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
        guard unsafe PQstatus(handle) != CONNECTION_BAD else { return close(connectError()) }
        wait(for: .writable)
    }

    /// PQconnectPoll may replace the socket, even by one with the same number: it is watched anew after each step.
    private func poll() {
        watch?.cancel()
        watch = nil
        guard phase == .opening, let handle = unsafe handle else { return }
        switch unsafe PQconnectPoll(handle) {
        case PGRES_POLLING_READING: wait(for: .readable)
        case PGRES_POLLING_WRITING: wait(for: .writable)
        case PGRES_POLLING_OK: configure()
        default: close(connectError())
        }
    }

    private func wait(for interest: Interest) {
        do {
            watch = try loop.watch(unsafe PQsocket(handle), interest) { [self] readiness in
                if phase == .opening { poll() } else { ready(readiness) }
            }
        } catch {
            close(PostgresError(.unavailable, operation: "connect", detail: "can't watch the socket"))
        }
    }

    private func configure() {
        guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else {
            return close(connectError())
        }
        phase = .open
        wait(for: .readable)
        let names = sessionSettings.map(\.name)
        let values = sessionSettings.map(\.value)
        let sql: SQL =
            "select set_config(name, value, false) from unnest(\(names), \(values)) as setting(name, value)"
        Unit(.statements([sql.once()]), deadline: .never)
            .submit(to: self) { [self] result in
                timer?.cancel()
                timer = nil
                switch result {
                case .success:
                    let opened = onOpen
                    onOpen = nil
                    opened?(.success(()))
                case .failure(let error):
                    close(
                        PostgresError(
                            .unavailable,
                            sqlState: error.sqlState,
                            operation: "connect",
                            detail: error.detail
                        )
                    )
                }
            }
    }

    /// Why the server can't be used. libpq's text for a failed connection names host, port, role and database only.
    private func connectError() -> PostgresError {
        let text = unsafe PQerrorMessage(handle).map { unsafe String(cString: $0) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return PostgresError(.unavailable, operation: "connect", detail: line)
    }

    // MARK: Statements

    /// Sends a unit, after those that were submitted before.
    func submit(_ unit: Unit) {
        guard phase == .open else {
            return unit.abort(PostgresError(.connectionLost, operation: unit.operation), wasSent: false)
        }
        units.append(unit)
        watchDeadline(of: unit)
        if units.count == 1 { start(unit) }
    }

    /// Nobody waits for the unit any longer. If it is under way the server is told to stop it and the session is closed,
    /// so that the cancel request can't hit a later statement of it. Should the request get lost, the server notices the
    /// closed connection by itself (`client_connection_check_interval`).
    func abandon(_ unit: Unit, _ code: PostgresError.Code) {
        guard !unit.isFinished, let index = units.firstIndex(where: { $0 === unit }) else { return }
        let error = PostgresError(code, operation: unit.operation)
        if index == 0 {
            unsafe StatementCanceller.cancel(handle)
            close(error)
        } else {
            units.remove(at: index)
            unit.abort(error, wasSent: false)
        }
    }

    /// One timer serves all units: it is moved only when it has run or is too late, since nearly every unit is answered
    /// long before its deadline.
    private func watchDeadline(of unit: Unit) {
        guard unit.deadline < timerDeadline || timer == nil, unit.deadline != .never, onOpen == nil else { return }
        timer?.cancel()
        timerDeadline = unit.deadline
        timer = loop.schedule(at: unit.deadline) { [weak self] in self?.checkDeadlines() }
    }

    private func checkDeadlines() {
        timer = nil
        for unit in units where unit.deadline.isExpired { abandon(unit, .deadlineExceeded) }
        for unit in units { watchDeadline(of: unit) }
    }

    private func start(_ unit: Unit) {
        guard let handle = unsafe handle else { return }
        let isSent: Bool
        switch unit.content {
        case .statements(let statements):
            isSent = unsafe send(statements, of: unit, handle) && PQpipelineSync(handle) == 1
        case .script(let text, _):
            isSent = unsafe PQexitPipelineMode(handle) == 1 && PQsendQuery(handle, text) == 1
        }
        guard isSent else { return lose() }
        flush()
    }

    private func send(_ list: [SQL], of unit: Unit, _ handle: OpaquePointer) -> Bool {
        for (index, sql) in list.enumerated() {
            var name: String?
            if sql.isPrepared {
                let key = StatementCache.Key(sql)
                switch statements.use(key) {
                case .found(let found):
                    name = found
                case .missing(let missing, let evicted):
                    if let evicted {
                        guard unsafe handle.sendOnce(SQL(stringLiteral: "deallocate \(evicted)")) else { return false }
                        unit.expect(.deallocate, after: index)
                    }
                    guard unsafe handle.sendPrepare(sql, name: missing) else { return false }
                    unit.expect(.prepare(key), after: index)
                    name = missing
                }
            }
            guard unsafe name.map({ unsafe handle.sendPrepared(sql, name: $0) }) ?? handle.sendOnce(sql) else {
                return false
            }
            unit.expect(.statement(index), after: index)
        }
        return true
    }

    // MARK: Socket

    private func ready(_ readiness: Readiness) {
        // While output is stuck the server may be waiting for us to read: read first, then flush again.
        guard receive() else { return }
        if readiness.contains(.writable) { flush() }
    }

    private func flush() {
        guard phase == .open else { return }
        switch unsafe PQflush(handle) {
        case 0: watch?.update(.readable)
        case 1: watch?.update([.readable, .writable])
        default: lose()
        }
    }

    /// Reads what is there; false if the connection is gone.
    private func receive() -> Bool {
        var hasMore = true
        while hasMore {
            guard phase == .open else { return false }
            let isAlive = unsafe PQconsumeInput(handle) == 1
            readResults()
            guard phase == .open, let handle = unsafe handle else { return false }
            if !isAlive {
                lose()
                return false
            }
            // One call takes at most what libpq has room for, and the socket is silent about bytes that TLS has read.
            hasMore = unsafe handle.hasPendingTLSBytes
        }
        readNotifications()
        return phase == .open
    }

    private func readResults() {
        var emptyAnswers = 0
        while phase == .open, let unit = units.first, unsafe PQisBusy(handle) == 0 {
            guard let result = unsafe PQgetResult(handle) else {
                if case .script = unit.content { return finishScript(unit) }
                unit.position += 1
                emptyAnswers += 1
                // The answers and our count of them have come apart.
                if emptyAnswers > 2 { return lose() }
                continue
            }
            emptyAnswers = 0
            unsafe take(result, for: unit)
        }
    }

    private func take(_ result: OpaquePointer, for unit: Unit) {
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            let answer = unsafe QueryResult(result)
            if case .script = unit.content { return }
            unit.take(answer)
        case PGRES_PIPELINE_SYNC:
            unsafe PQclear(result)
            finish(unit)
        case PGRES_FATAL_ERROR:
            let error = unsafe failure(result, in: unit)
            let isLast = unsafe result.isFatal
            unsafe PQclear(result)
            // libpq's own errors have no SQLSTATE: the server is gone and did not say what became of the unit.
            if error.sqlState.isEmpty { return close(error) }
            // A session that ends while it commits leaves the outcome unknown: `close` says so.
            if !(isLast && unit.isAtCommit) { unit.fail(error) }
            if isLast { close(error) }
        case PGRES_PIPELINE_ABORTED:
            unsafe PQclear(result)
        default:
            // COPY is not used; anything else is a broken conversation.
            unsafe PQclear(result)
            lose()
        }
    }

    private func failure(_ result: OpaquePointer, in unit: Unit) -> PostgresError {
        var error = unsafe PostgresError(result: result, operation: unit.operation)
        if case .script = unit.content { error = error.quoting(unsafe result.field(.message)) }
        forgetUnprepared(unit)
        // A plan that a migration has made stale, or a statement that a pooler has lost.
        if error.sqlState == "0A000" || error.sqlState == "26000" { isWornOut = true }
        return error
    }

    /// What stands behind the failing step was not prepared.
    private func forgetUnprepared(_ unit: Unit) {
        for key in unit.unprepared { statements.forget(key) }
    }

    private func finishScript(_ unit: Unit) {
        guard unsafe PQenterPipelineMode(handle) == 1 else { return lose() }
        finish(unit)
    }

    private func finish(_ unit: Unit) {
        units.removeFirst()
        if let next = units.first { start(next) }
        unit.complete()
    }

    private func readNotifications() {
        while let notification = unsafe PQnotifies(handle) {
            let channel = unsafe String(cString: notification.pointee.relname)
            unsafe PQfreemem(notification)
            onNotification?(channel)
        }
    }

    private func notice(_ message: UnsafePointer<CChar>) {
        log.debug("database notice", [.reason: .string(unsafe String(cString: message))])
    }

    // MARK: Closing

    private func lose() {
        close(PostgresError(.connectionLost, operation: units.first?.operation ?? "idle"))
    }

    /// Ends the session; everything under way fails with `error`, a COMMIT with `.unknownCommit`.
    func close(_ error: PostgresError) {
        guard phase != .closed else { return }
        phase = .closed
        timer?.cancel()
        watch?.cancel()
        watch = nil
        unsafe PQfinish(handle)
        unsafe handle = nil
        let lost = units
        units = []
        for (index, unit) in lost.enumerated() { unit.abort(error, wasSent: index == 0) }
        if let onOpen {
            self.onOpen = nil
            onOpen(.failure(error))
        }
        let closed = onClose
        onClose = nil
        closed?()
    }
}
