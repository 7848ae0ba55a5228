internal import Concurrency
internal import EventLoop
internal import Telemetry
internal import Time

/// The connections of one database: carries out what `PoolState` decides.
///
/// Heals by itself: a connection that breaks, idle or busy, is forgotten at once, and opening one is repeated with a
/// growing, jittered pause while callers wait; so a restart of PostgreSQL needs no restart of the service.
/// `@unchecked`: every `var` is touched on the event loop's thread only.
final class Pool: @unchecked Sendable {
    let loop: EventLoop
    let metrics: DatabaseMetrics
    private let configuration: DatabaseConfiguration
    private let settings: Result<ConnectionSettings, PostgresError>
    private let log: Log
    private let backoff = Backoff(first: .milliseconds(50), cap: .seconds(5))
    private var state: PoolState
    private var connections: [UInt64: Connection] = [:]
    private var waiters: [UInt64: (Result<Connection, PostgresError>) -> Void] = [:]
    private var lastNumber: UInt64 = 0
    /// Why the last attempt to open a connection failed; nil once one succeeded.
    private var trouble: PostgresError?
    private var retryTimer: Timer?
    private var isShutDown = false
    private var whenEmpty: (() -> Void)?

    init(_ configuration: DatabaseConfiguration, loop: EventLoop, metrics: Metrics, log: Log) {
        self.loop = loop
        self.configuration = configuration
        self.metrics = DatabaseMetrics(metrics, pool: configuration.poolName)
        self.log = log
        self.state = PoolState(
            maximumConnections: configuration.maximumConnections,
            maximumWaiting: configuration.maximumWaiting
        )
        self.settings = Result { () throws(PostgresError) in
            try ConnectionSettings(url: configuration.url, applicationName: configuration.applicationName)
        }
    }

    // MARK: Leasing

    /// An idle connection, if there is one and nobody waits.
    func takeIdle() -> Connection? {
        guard !isShutDown, let id = state.takeIdle() else { return nil }
        metrics.update(state)
        metrics.acquired(after: 0)
        return connections[id]
    }

    /// Hands a connection to `completion`, at once if one is idle; else the returned number takes the caller out of the
    /// queue again.
    func acquire(_ completion: @escaping (Result<Connection, PostgresError>) -> Void) -> UInt64? {
        if case .failure(let error) = settings {
            completion(.failure(error))
            return nil
        }
        guard !isShutDown else {
            completion(.failure(PostgresError(.unavailable, operation: "acquire connection", detail: "shut down")))
            return nil
        }
        lastNumber += 1
        let waiter = lastNumber
        for action in state.acquire(waiter) {
            switch action {
            case .lease(let id, to: nil):
                if let connection = connections[id] { completion(.success(connection)) }
                metrics.update(state)
                return nil
            case .refuse:
                completion(
                    .failure(PostgresError(.poolTimeout, operation: "acquire connection", detail: "queue is full"))
                )
                return nil
            default:
                waiters[waiter] = completion
                perform(action)
            }
        }
        return waiter
    }

    /// A caller does not wait any longer.
    func abandon(_ waiter: UInt64, _ code: PostgresError.Code) {
        guard let completion = waiters.removeValue(forKey: waiter) else { return }
        state.abandon(waiter)
        metrics.update(state)
        guard code == .deadlineExceeded else {
            return completion(.failure(PostgresError(code, operation: "acquire connection")))
        }
        completion(
            .failure(trouble ?? PostgresError(.poolTimeout, operation: "acquire connection", detail: "all are busy"))
        )
    }

    /// Takes a connection back; one with something left open is closed instead.
    func release(_ connection: Connection) {
        guard connection.phase == .open else { return }  // Its onClose has told the state already.
        guard connection.isReusable, !isShutDown else {
            return connection.close(PostgresError(.connectionLost, operation: "release connection"))
        }
        perform(state.released(connection.id))
    }

    private func perform(_ action: PoolState.Action) {
        switch action {
        case .lease(let id, to: let waiter?):
            if let connection = connections[id] { waiters.removeValue(forKey: waiter)?(.success(connection)) }
        case .open:
            open()
        case .retry(let attempt):
            retryTimer = loop.schedule(after: backoff.delay(attempt: attempt)) { [weak self] in
                guard let self, !self.isShutDown else { return }
                self.perform(self.state.retryDue())
            }
        case .lease(_, to: nil), .wait, .refuse:
            break
        }
        metrics.update(state)
    }

    // MARK: Opening

    private func open() {
        guard case .success(let settings) = settings else { return }
        lastNumber += 1
        let connection = Connection(id: lastNumber, loop: loop, log: log, configuration: configuration)
        connections[connection.id] = connection
        let names = settings.unresolvedHosts
        guard !names.isEmpty else { return connect(connection, settings) }
        HostResolver.resolve(names, on: loop) { [weak self] addresses in
            self?.connect(connection, settings.resolved(addresses))
        }
    }

    private func connect(_ connection: Connection, _ settings: ConnectionSettings) {
        guard !isShutDown else { return forget(connection) }
        connection.open(settings.resolved([:]), within: configuration.connectTimeout) { [weak self] result in
            guard let self else { return connection.close(PostgresError(.unavailable, operation: "shut down")) }
            switch result {
            case .success: self.opened(connection)
            case .failure(let error): self.failed(connection, error)
            }
        }
    }

    private func opened(_ connection: Connection) {
        metrics.opened(true)
        if trouble != nil { log.info("database reached again") }
        trouble = nil
        connection.onClose = { [weak self, weak connection] in
            guard let self, let connection else { return }
            self.forget(connection)
            if !self.isShutDown { self.perform(self.state.closed(connection.id)) }
        }
        perform(state.connected(connection.id))
    }

    private func failed(_ connection: Connection, _ error: PostgresError) {
        metrics.opened(false)
        // Once for each change, not for each attempt.
        if trouble?.detail != error.detail {
            log.warning("database not reached", [.reason: .string(error.detail), .error: .string(error.sqlState)])
        }
        trouble = error
        forget(connection)
        if !isShutDown { perform(state.connectFailed()) }
    }

    private func forget(_ connection: Connection) {
        connections[connection.id] = nil
        if connections.isEmpty {
            whenEmpty?()
            whenEmpty = nil
        }
    }

    // MARK: Shutting down

    /// Refuses new callers, closes idle connections now and busy ones as they come back; `completion` when all are
    /// gone or `timeout` has passed, whichever is first.
    func shutdown(within timeout: Duration, _ completion: @escaping () -> Void) {
        isShutDown = true
        retryTimer?.cancel()
        let refused = waiters.values
        waiters = [:]
        for waiter in refused {
            waiter(.failure(PostgresError(.unavailable, operation: "acquire connection", detail: "shut down")))
        }
        let reason = PostgresError(.connectionLost, operation: "shut down")
        for connection in Array(connections.values) where !state.leased.contains(connection.id) {
            connection.close(reason)
        }
        guard !connections.isEmpty else { return completion() }
        let timer = loop.schedule(after: timeout) { [weak self] in
            guard let self else { return }
            for connection in Array(self.connections.values) { connection.close(reason) }
        }
        whenEmpty = {
            timer.cancel()
            completion()
        }
    }
}
