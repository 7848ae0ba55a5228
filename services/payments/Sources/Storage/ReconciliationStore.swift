package import Postgres
package import Time

/// The statements on the row that says when YooKassa's list is compared next.
package struct ReconciliationStore: Sendable {
    package let database: Database

    package init(database: Database) {
        self.database = database
    }

    /// Takes the comparison if it is due: one instance gets it, and has it until `leaseEnd`.
    package func claim(now: Timestamp, leaseEnd: Timestamp) async throws(PostgresError) -> Bool {
        try await database.execute(
            "update reconciliation set next_at = \(leaseEnd) where name = 'yookassa' and next_at <= \(now)"
        ) == 1
    }

    /// Ends a comparison.
    ///
    /// - Parameter doneAt: Nil if it failed.
    package func finish(nextAt: Timestamp, doneAt: Timestamp?) async throws(PostgresError) {
        try await database.execute(
            """
            update reconciliation set next_at = \(nextAt), done_at = coalesce(\(doneAt), done_at)
            where name = 'yookassa'
            """
        )
    }

    /// When the list was last compared in full.
    package func doneAt() async throws -> Timestamp? {
        try await database.query("select done_at from reconciliation where name = 'yookassa'")[0]
            .decode(Timestamp?.self)
    }
}
