internal import Concurrency
package import EventLoop
package import Telemetry
package import Time

/// A PostgreSQL database behind a pool of connections.
///
/// All calls may come from any task; they run on the event loop and never block it. A call ends at its deadline, at its
/// task's cancellation, or two seconds after `statementTimeout`, whichever is first; the session of a statement that
/// was under way then is closed, and the server rolls its transaction back.
package final class Database: Sendable {
    package let configuration: DatabaseConfiguration
    package let loop: EventLoop
    let pool: Pool
    let log: Log
    private let metrics: Metrics

    /// Connects when the first statement is run.
    package init(_ configuration: DatabaseConfiguration, loop: EventLoop, metrics: Metrics, log: Log) {
        self.configuration = configuration
        self.loop = loop
        self.metrics = metrics
        self.log = log
        self.pool = Pool(configuration, loop: loop, metrics: metrics, log: log)
    }

    /// Runs one statement and returns its rows.
    ///
    /// - Throws: See `PostgresError.Code`. After `.connectionLost` or `.deadlineExceeded` a writing statement may or may
    ///   not have taken effect: repeat it only if it is keyed.
    package func query(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> [Row] {
        try await run(sql, deadline: deadline).rows
    }

    /// Runs one statement.
    ///
    /// - Returns: How many rows it changed.
    @discardableResult
    package func execute(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> Int {
        try await run(sql, deadline: deadline).affectedRows
    }

    /// Runs BEGIN, the statements and COMMIT in one round trip: all or nothing.
    ///
    /// A statement that fails undoes those before it; those behind it don't run.
    ///
    /// - Returns: The rows of each statement.
    /// - Throws: `.unknownCommit` if the connection broke before COMMIT was answered.
    @discardableResult
    package func pipeline(_ statements: [SQL], deadline: Deadline? = nil) async throws(PostgresError) -> [[Row]] {
        let connection = try await lease(deadline: deadline)
        let transaction = Transaction(connection, TransactionOptions(deadline: deadline), self)
        let result: Result<[[Row]], PostgresError>
        do throws(PostgresError) {
            result = .success(try await transaction.commit(after: statements))
        } catch {
            await transaction.rollBack()
            result = .failure(error)
        }
        release(connection)
        return try result.get()
    }

    /// Runs the statements in one round trip and in the implicit transaction that ends with it: all or nothing, without
    /// the work of BEGIN and COMMIT.
    ///
    /// - Returns: The rows of each statement.
    /// - Throws: After `.connectionLost` or `.deadlineExceeded` the statements may or may not have taken effect: repeat
    ///   them only if they are keyed.
    package func together(_ statements: [SQL], deadline: Deadline? = nil) async throws(PostgresError) -> [[Row]] {
        try await run(statements, deadline: deadline).map(\.rows)
    }

    /// Runs `body` in a transaction: COMMIT when it returns, ROLLBACK when it throws or its task is cancelled.
    ///
    /// BEGIN travels with the first statement; a body without statements costs nothing. With
    /// `options.maximumAttempts` above 1 the body is run again after a serialization failure or deadlock, with
    /// `options.isKeyed` also after a lost connection or a commit whose outcome is unknown.
    ///
    /// - Throws: What the body throws; `PostgresError` of COMMIT, `.unknownCommit` among them.
    package func transaction<Value: Sendable>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        var attempt = 1
        while true {
            do {
                return try await once(options, body)
            } catch let error as PostgresError {
                guard attempt < options.maximumAttempts, let reason = options.repetition(after: error) else {
                    throw error
                }
                let pause = Self.backoff.delay(attempt: attempt)
                guard options.deadline.map({ $0.remaining > pause }) ?? true else { throw error }
                pool.metrics.repeated(reason)
                try await loop.sleep(for: pause)
                attempt += 1
            }
        }
    }

    /// Lends one session for statements that belong together without a transaction, such as session-level locks.
    ///
    /// The session is closed afterwards, so that nothing of its state reaches the next borrower.
    package func withSession<Value: Sendable>(
        deadline: Deadline? = nil,
        _ body: @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        let connection = try await lease(deadline: deadline)
        defer {
            loop.perform { connection.close(PostgresError(.connectionLost, operation: "end session")) }
        }
        return try await body(Session(connection, self))
    }

    /// Closes the connections: idle ones now, busy ones when they come back or after `timeout`.
    package func shutdown(within timeout: Duration = .seconds(5)) async {
        let pool = pool
        await withCheckedContinuation { continuation in
            loop.perform { pool.shutdown(within: timeout) { continuation.resume() } }
        }
    }

    // MARK: Internals

    private func once<Value: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        let connection = try await lease(deadline: options.deadline)
        defer { release(connection) }
        let transaction = Transaction(connection, options, self)
        do {
            let value = try await body(transaction)
            try await transaction.finish()
            return value
        } catch {
            await transaction.rollBack()
            throw error
        }
    }

    /// One round trip without a transaction.
    private func run(_ statement: SQL, deadline: Deadline?) async throws(PostgresError) -> QueryResult {
        try await run([statement], deadline: deadline)[0]
    }

    private func run(_ statements: [SQL], deadline: Deadline?) async throws(PostgresError) -> [QueryResult] {
        let connection = try await lease(deadline: deadline)
        let unit = Unit(.statements(statements), deadline: configuration.statementDeadline(deadline))
        return try await connection.run(unit, pool.metrics, releasingTo: pool)
    }

    private func lease(deadline: Deadline?) async throws(PostgresError) -> Connection {
        let pool = pool
        if Task.isCancelled { throw PostgresError(.cancelled, operation: "acquire connection") }
        if loop.isCurrent, let connection = pool.takeIdle() { return connection }
        let acquire = Self.earlier(.after(configuration.acquireTimeout), deadline)
        return try await loop.call(deadline: acquire) { call in
            let asked = Deadline.monotonicNow()
            let waiter = pool.acquire { result in
                pool.metrics.acquired(after: Deadline.monotonicNow() - asked)
                call.finish(result)
            }
            if let waiter { call.onInterrupt = { pool.abandon(waiter, $0) } }
        }
    }

    private func release(_ connection: Connection) {
        let pool = pool
        loop.perform { pool.release(connection) }
    }

    private static func earlier(_ first: Deadline, _ second: Deadline?) -> Deadline {
        min(first, second ?? .never)
    }

    private static let backoff = Backoff(first: .milliseconds(5), cap: .milliseconds(200))
}

extension DatabaseConfiguration {
    /// When a statement that starts now must be answered: the caller's deadline, or when the server would have stopped
    /// it and said so.
    func statementDeadline(_ deadline: Deadline?) -> Deadline {
        min(deadline ?? .never, .after(statementTimeout > .zero ? statementTimeout + .seconds(2) : .seconds(86_400)))
    }
}
