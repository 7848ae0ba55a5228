internal import CPostgres
internal import EventLoop

/// What the socket and the server say.
extension Connection {
    func ready(_ readiness: Readiness) {
        // While output is stuck the server may be waiting for us to read: read first, then flush again.
        guard receive() else { return }
        if readiness.contains(.writable) { flush() }
    }

    func flush() {
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
}
