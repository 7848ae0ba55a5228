internal import CPostgres
internal import EventLoop
internal import Time

/// What is sent, and until when it must be answered.
extension Connection {
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

    func start(_ unit: Unit) {
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
}
