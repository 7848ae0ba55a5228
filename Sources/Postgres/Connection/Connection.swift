internal import CPostgres
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
    let sessionSettings: [(name: String, value: String)]
    var phase = Phase.opening
    var handle: OpaquePointer?
    var watch: Watch?
    /// Ends the opening, later the unit that is first to be late.
    var timer: Timer?
    var timerDeadline = Deadline.never
    var statements: StatementCache
    /// The unit under way is the first.
    var units: [Unit] = []
    /// Called once: when statements can be sent, or with the reason why the connection could not be opened.
    var onOpen: ((Result<Void, PostgresError>) -> Void)?
    /// Called once when an open connection is gone.
    var onClose: (() -> Void)?
    /// Called for each notification of `listen`.
    var onNotification: ((String) -> Void)?
    /// Set after an error that makes the session's prepared statements useless; the pool then closes it.
    var isWornOut = false

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

    func lose() {
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
