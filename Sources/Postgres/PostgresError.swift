/// What a database call can fail with.
///
/// Carries no value of a statement and no text of the server that could quote one, so it may be logged.
package struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// The connection broke while a statement was under way; outside a transaction it may have taken effect.
        case connectionLost
        /// The connection broke during COMMIT: repeat the same keyed writes; reading does not tell the outcome.
        case unknownCommit
        /// No connection became free in time, or too many callers wait already.
        case poolTimeout
        case uniqueViolation(constraint: String)
        case checkViolation(constraint: String)
        case foreignKeyViolation(constraint: String)
        case notNullViolation
        /// 40001; a transaction marked repeatable is repeated before this surfaces.
        case serialization
        /// 40P01; as `serialization`.
        case deadlock
        /// The server stopped the statement at `statement_timeout`.
        case statementTimeout
        /// A row or table lock was not had within `lock_timeout`.
        case lockTimeout
        /// 42501.
        case insufficientPrivilege
        /// The server can't be reached, is starting or stopping, or refuses connections.
        case unavailable
        /// The caller's deadline passed while the statement was under way; its connection was closed.
        case deadlineExceeded
        /// The caller's task was cancelled.
        case cancelled
        /// A column has another type, is NULL or is missing; a mistake in the code.
        case decoding
        /// COMMIT was answered with a rollback because an earlier error had been ignored.
        case transactionAborted
        /// The address or a setting of the database is not usable.
        case configuration
        /// Any other SQLSTATE.
        case other(sqlState: String)
    }

    package let code: Code
    /// Five characters, or empty where the server did not answer.
    package let sqlState: String
    /// The start of the statement's text, or what was being done.
    package let operation: String
    /// Why, where that can be told without quoting values: names of tables and columns, reasons to refuse a connection.
    package let detail: String

    package init(_ code: Code, sqlState: String = "", operation: String, detail: String = "") {
        self.code = code
        self.sqlState = sqlState
        self.operation = operation
        self.detail = detail
    }

    /// Whether the same call may succeed later.
    ///
    /// Says nothing about whether it already took effect: see `connectionLost`, `unknownCommit` and `deadlineExceeded`.
    package var isRetryable: Bool {
        switch code {
        case .connectionLost, .unknownCommit, .poolTimeout, .serialization, .deadlock, .statementTimeout, .lockTimeout,
            .unavailable, .deadlineExceeded:
            true
        case .other(let state):
            // Out of memory, disk or connections; a plan that a migration has made stale; a statement lost by a pooler.
            state.hasPrefix("53") || state == "0A000" || state == "26000"
        default:
            false
        }
    }

    /// One line for logs.
    package var description: String {
        var text = "\(code)"
        if !sqlState.isEmpty { text += " [\(sqlState)]" }
        text += " in: \(operation)"
        return detail.isEmpty ? text : text + " (\(detail))"
    }
}

extension PostgresError {
    /// The one place where SQLSTATEs get their meaning.
    ///
    /// - Source: PostgreSQL manual, appendix A.
    static func code(forState state: String, constraint: String) -> Code {
        switch state {
        case "23505": .uniqueViolation(constraint: constraint)
        case "23514": .checkViolation(constraint: constraint)
        case "23503": .foreignKeyViolation(constraint: constraint)
        case "23502": .notNullViolation
        case "40001": .serialization
        case "40P01": .deadlock
        case "57014": .statementTimeout
        case "55P03": .lockTimeout
        case "42501": .insufficientPrivilege
        case "57P01", "57P02", "57P03", "57P05", "25P03": .connectionLost
        default: state.hasPrefix("08") ? .connectionLost : .other(sqlState: state)
        }
    }

    /// Whether the server's primary message may be kept: of these classes it names schema objects or conditions, while
    /// others (22, 23, P0 …) may quote what a user wrote.
    static func mayQuoteMessage(ofState state: String) -> Bool {
        ["08", "0A", "25", "26", "28", "3D", "3F", "42", "53", "55", "57"].contains { state.hasPrefix($0) }
    }
}
