internal import CPostgres
internal import EventLoop
internal import Telemetry
internal import Time

/// How a session begins.
extension Connection {
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

    private func notice(_ message: UnsafePointer<CChar>) {
        log.debug("database notice", [.reason: .string(unsafe String(cString: message))])
    }
}
