internal import EventLoop
package import Time

/// An open transaction, valid inside the body that it was given to.
///
/// Statements run one after the other in the order of their calls. After a statement has failed the server refuses all
/// others: let the error out, don't go on. `@unchecked`: `isBegun` and `isEnded` are touched on the event loop's thread
/// only.
package final class Transaction: @unchecked Sendable {
    private let connection: Connection
    private let options: TransactionOptions
    private let database: Database
    private var isBegun = false
    private var isEnded = false

    init(_ connection: Connection, _ options: TransactionOptions, _ database: Database) {
        self.connection = connection
        self.options = options
        self.database = database
    }

    /// Runs one statement and returns its rows.
    package func query(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> [Row] {
        try await run([sql], deadline: deadline)[0].rows
    }

    /// Runs one statement.
    ///
    /// - Returns: How many rows it changed.
    @discardableResult
    package func execute(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> Int {
        try await run([sql], deadline: deadline)[0].affectedRows
    }

    /// Runs several statements in one round trip; each sees what those before it did. After the first that fails the
    /// rest is skipped.
    ///
    /// - Returns: The rows of each statement.
    @discardableResult
    package func pipeline(_ statements: [SQL], deadline: Deadline? = nil) async throws(PostgresError) -> [[Row]] {
        try await run(statements, deadline: deadline).map(\.rows)
    }

    /// Runs several statements and COMMIT in one round trip and so ends the transaction; nothing may follow.
    ///
    /// A statement that fails keeps COMMIT from running: everything is rolled back.
    ///
    /// - Throws: `.unknownCommit` if the connection broke before COMMIT was answered.
    @discardableResult
    package func commit(after statements: [SQL], deadline: Deadline? = nil) async throws(PostgresError) -> [[Row]] {
        try await run(statements, thenCommit: true, deadline: deadline).map(\.rows)
    }

    /// Commits what has not been committed yet.
    func finish() async throws(PostgresError) {
        guard await isOpen() else { return }
        _ = try await run([], thenCommit: true, deadline: nil)
    }

    /// Rolls back what is open on the server. Works in a cancelled task too; a session that can't be rolled back is
    /// closed by the pool, which has the same effect.
    func rollBack() async {
        let connection = connection
        await withCheckedContinuation { continuation in
            database.loop.perform { [self] in
                isEnded = true
                guard connection.isInTransaction else { return continuation.resume() }
                Unit(.statements([SQL("rollback").once()]), deadline: .after(.seconds(2)))
                    .submit(to: connection) { _ in continuation.resume() }
            }
        }
    }

    private func isOpen() async -> Bool {
        if database.loop.isCurrent { return isBegun && !isEnded }
        return await withCheckedContinuation { continuation in
            database.loop.perform { [self] in continuation.resume(returning: isBegun && !isEnded) }
        }
    }

    private func run(
        _ statements: [SQL],
        thenCommit: Bool = false,
        deadline: Deadline?
    ) async throws(PostgresError) -> [QueryResult] {
        let wanted = min(deadline ?? .never, options.deadline ?? .never)
        let limit = options.statementTimeout.map { Deadline.after($0 + .seconds(2)) }
        let until = limit.map { min($0, wanted) } ?? database.configuration.statementDeadline(wanted)
        let unit = Unit(.statements(statements), endsWithCommit: thenCommit, deadline: until)
        unit.onSubmit = { [self] unit in frame(statements, thenCommit: thenCommit, in: unit) }
        let results = try await connection.run(unit, database.pool.metrics)
        // BEGIN in front and COMMIT behind have results too.
        let front = results.count - statements.count - (thenCommit ? 1 : 0)
        return Array(results.dropFirst(front).prefix(statements.count))
    }

    /// Puts BEGIN in front of the first statements and COMMIT behind the last; refuses what comes after the end.
    private func frame(_ statements: [SQL], thenCommit: Bool, in unit: Unit) -> PostgresError? {
        guard !isEnded else {
            return PostgresError(.transactionAborted, operation: "statement after the transaction's end")
        }
        var list: [SQL] = []
        list.reserveCapacity(statements.count + 3)
        if !isBegun { list += options.opening }
        list += statements
        if thenCommit { list.append(Self.commit) }
        isBegun = true
        isEnded = thenCommit
        unit.content = .statements(list)
        return nil
    }

    private static let commit = SQL("commit").once()
}

/// One session with the server, outside any transaction; valid inside the body that it was given to.
package struct Session: Sendable {
    private let connection: Connection
    private let database: Database

    init(_ connection: Connection, _ database: Database) {
        self.connection = connection
        self.database = database
    }

    /// Runs one statement and returns its rows.
    package func query(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> [Row] {
        try await run(.statements([sql]), deadline)[0].rows
    }

    /// Runs one statement.
    ///
    /// - Returns: How many rows it changed.
    @discardableResult
    package func execute(_ sql: SQL, deadline: Deadline? = nil) async throws(PostgresError) -> Int {
        try await run(.statements([sql]), deadline)[0].affectedRows
    }

    /// Runs a text of several statements, without parameters and results: a migration.
    ///
    /// - Parameter name: Names the script in errors, which quote the server's message.
    package func runScript(_ text: String, name: String, deadline: Deadline? = nil) async throws(PostgresError) {
        _ = try await run(.script(text, name: name), deadline)
    }

    private func run(_ content: Unit.Content, _ deadline: Deadline?) async throws(PostgresError) -> [QueryResult] {
        let unit = Unit(content, deadline: database.configuration.statementDeadline(deadline))
        return try await connection.run(unit, database.pool.metrics)
    }
}
