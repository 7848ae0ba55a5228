package import Time

/// How a service reaches its database, and the limits that it keeps.
package struct DatabaseConfiguration: Sendable {
    /// A libpq URL, e.g. `postgresql://atelier_billing:secret@127.0.0.1:5432/atelier_billing` or, for a socket,
    /// `postgresql://atelier_billing@/atelier_billing?host=/run/postgresql`. Several hosts may be given.
    package var url: String
    /// Shown in `pg_stat_activity`; one for each instance, so that its sessions can be found.
    package var applicationName: String
    /// Tells the pools of one process apart in metrics.
    package var poolName = "main"
    /// The most sessions with the server.
    package var maximumConnections = 4
    /// The most callers that wait for a connection; beyond it they fail at once with `.poolTimeout`.
    package var maximumWaiting = 4_096
    /// How long a caller waits for a connection.
    package var acquireTimeout: Duration = .seconds(3)
    /// How long opening one connection may take.
    package var connectTimeout: Duration = .seconds(5)
    /// The server's `statement_timeout`. A call without a deadline of its own ends two seconds later at the latest.
    package var statementTimeout: Duration = .seconds(5)
    /// The server's `lock_timeout`.
    package var lockTimeout: Duration = .seconds(2)
    /// The server's `idle_in_transaction_session_timeout`.
    package var idleInTransactionTimeout: Duration = .seconds(30)
    /// The most prepared statements a connection keeps.
    package var maximumPreparedStatements = 256
    /// Further server settings made at connect, e.g. `("jit", "off")`.
    package var settings: [(name: String, value: String)] = []

    /// - Parameter url: See `url`; looked at when the first connection is opened.
    package init(url: String, applicationName: String) {
        self.url = url
        self.applicationName = applicationName
    }

    /// The settings of every session, in the order in which they are made.
    var sessionSettings: [(name: String, value: String)] {
        func milliseconds(_ duration: Duration) -> String { String(max(0, duration.wholeMilliseconds)) }
        return [
            ("statement_timeout", milliseconds(statementTimeout)),
            ("lock_timeout", milliseconds(lockTimeout)),
            ("idle_in_transaction_session_timeout", milliseconds(idleInTransactionTimeout)),
            // The server notices within this time that we closed a connection whose statement is still running.
            ("client_connection_check_interval", "500"),
            ("TimeZone", "UTC"),
            // Compiling a plan takes longer than any statement of ours; the planner's costs say otherwise.
            ("jit", "off"),
        ] + settings
    }
}

/// Why a transaction was run again; the `reason` label of its metric.
enum Repetition: String, CaseIterable {
    case serialization, deadlock
    case connectionLost = "connection_lost"
    case unknownCommit = "unknown_commit"
}

/// How a transaction runs.
package struct TransactionOptions: Sendable {
    package enum Isolation: Sendable {
        case readCommitted, repeatableRead, serializable
    }

    package var isolation: Isolation
    package var isReadOnly: Bool
    /// How often the body may run; above 1 it is run again after a serialization failure or deadlock, so it must have
    /// no effect outside the transaction.
    package var maximumAttempts: Int
    /// Whether the body's writes are keyed, so that a second run finds the first one's rows and changes nothing: then it
    /// is also run again after the connection was lost, even in COMMIT. The outcome of such a commit can't be found by
    /// reading, since the old session may still commit; the repeated write waits for it at the unique index.
    package var isKeyed = false
    /// When the whole transaction, repeats included, must be over.
    package var deadline: Deadline?
    /// How long each statement may take, instead of what the database's configuration says; for reports.
    package var statementTimeout: Duration?

    package init(
        isolation: Isolation = .readCommitted,
        isReadOnly: Bool = false,
        maximumAttempts: Int = 1,
        deadline: Deadline? = nil
    ) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.maximumAttempts = maximumAttempts
        self.deadline = deadline
    }

    /// Run again after a serialization failure or deadlock, at most four times.
    package static let repeatable = TransactionOptions(maximumAttempts: 5)

    /// Keyed, and repeatable.
    package static var keyed: TransactionOptions {
        var options = TransactionOptions(maximumAttempts: 5)
        options.isKeyed = true
        return options
    }

    /// Why a transaction that failed so may be run again; nil if it may not.
    func repetition(after error: PostgresError) -> Repetition? {
        switch error.code {
        case .serialization: .serialization
        case .deadlock: .deadlock
        case .connectionLost where isKeyed: .connectionLost
        case .unknownCommit where isKeyed: .unknownCommit
        default: nil
        }
    }

    /// Serializable, and repeatable.
    package static let serializable = TransactionOptions(isolation: .serializable, maximumAttempts: 5)

    /// What opens the transaction.
    var opening: [SQL] {
        guard let statementTimeout else { return [begin.once()] }
        let milliseconds = String(statementTimeout.wholeMilliseconds)
        let limit: SQL = "select set_config('statement_timeout', \(milliseconds), true)"
        return [begin.once(), limit]
    }

    private var begin: SQL {
        switch (isolation, isReadOnly) {
        case (.readCommitted, false): "begin"
        case (.readCommitted, true): "begin read only"
        case (.repeatableRead, false): "begin isolation level repeatable read"
        case (.repeatableRead, true): "begin isolation level repeatable read read only"
        case (.serializable, false): "begin isolation level serializable"
        case (.serializable, true): "begin isolation level serializable read only"
        }
    }
}
