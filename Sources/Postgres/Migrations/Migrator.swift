internal import Concurrency
package import EventLoop
package import Telemetry
internal import Time

/// Brings a database's schema to the state that a folder of migrations describes.
///
/// Any number of instances may start at once: one migrates under an advisory lock, the others wait and then find nothing
/// to do. Applied steps are kept in the table `migration` with their checksums. A database that is ahead of the folder
/// (an older release beside a newer one) is left as it is.
package struct Migrator: Sendable {
    private let directory: String
    private let loop: EventLoop
    private let metrics: Metrics
    private let log: Log
    /// How long to wait for another instance that migrates.
    package var patience: Duration = .seconds(60)
    /// How long a step may wait for the locks that it needs; it is then rolled back and tried again, so that it never
    /// makes the service's own statements queue up behind it.
    package var lockTimeout: Duration = .seconds(3)
    /// How often a step is tried that does not get its locks.
    package var maximumAttempts = 5

    /// - Parameter directory: The folder that holds `NNNN_name/up.sql`.
    package init(directory: String, loop: EventLoop, metrics: Metrics, log: Log) {
        self.directory = directory
        self.loop = loop
        self.metrics = metrics
        self.log = log
    }

    /// Applies what is missing, as the role of the URL: the owner of the tables, not the service's own role.
    ///
    /// - Returns: The numbers that were applied now.
    /// - Throws: `MigrationError`, or `PostgresError` if the database can't be reached.
    package func migrate(_ ownerURL: String) async throws -> [Int] {
        let migrations = try Migration.readAll(in: directory)
        var configuration = DatabaseConfiguration(url: ownerURL, applicationName: "migrate")
        configuration.poolName = "migrate"
        configuration.maximumConnections = 1
        configuration.statementTimeout = .seconds(600)
        configuration.lockTimeout = lockTimeout
        configuration.acquireTimeout = .seconds(10)
        let database = Database(configuration, loop: loop, metrics: metrics, log: log)
        do {
            let applied = try await database.withSession { session in
                try await lock(session)
                return try await apply(migrations, on: session)
            }
            await database.shutdown()
            return applied
        } catch {
            await database.shutdown()
            throw error
        }
    }

    /// Which steps the database has and which the folder has; equal when all is well. For `/health` and readiness.
    ///
    /// - Throws: `PostgresError`; a database without the table has no step.
    package func status(_ database: Database) async throws -> MigrationStatus {
        let expected = try Migration.readAll(in: directory).map(\.number)
        let isThere = try await database.query("select to_regclass('migration') is not null")
        guard try isThere[0].decode(Bool.self) else { return MigrationStatus(applied: [], expected: expected) }
        let rows = try await database.query("select number from migration order by number")
        return MigrationStatus(applied: try rows.map { try $0.decode(Int.self) }, expected: expected)
    }

    /// A session lock, by trying: a blocking call would end at `lock_timeout`. The server frees it with the session.
    private func lock(_ session: Session) async throws {
        let deadline = Deadline.after(patience)
        while true {
            let rows = try await session.query("select pg_try_advisory_lock(hashtext('atelier migrator'))")
            if try rows[0].decode(Bool.self) { return }
            guard !deadline.isExpired else { throw MigrationError.locked }
            try await loop.sleep(for: .milliseconds(100))
        }
    }

    private func apply(_ migrations: [Migration], on session: Session) async throws -> [Int] {
        try await session.runScript(Self.table, name: "create table migration")
        let rows = try await session.query("select number, checksum from migration")
        let known = try Dictionary(uniqueKeysWithValues: rows.map { try $0.decode(Int.self, String.self) })
        for migration in migrations {
            if let checksum = known[migration.number], checksum != migration.checksum {
                throw MigrationError.changed(label: migration.label)
            }
        }
        var applied: [Int] = []
        for migration in migrations where known[migration.number] == nil {
            try await retry(migration, on: session)
            applied.append(migration.number)
            log.info("migration applied", [.version: .string(migration.label)])
        }
        return applied
    }

    private func retry(_ migration: Migration, on session: Session) async throws {
        let backoff = Backoff(first: .milliseconds(200), cap: .seconds(5))
        var attempt = 1
        while true {
            do throws(PostgresError) {
                return try await run(migration, on: session)
            } catch {
                // The first error counts; a session that is gone can't be rolled back and needs not.
                _ = try? await session.execute(SQL("rollback").once())
                guard error.code == .lockTimeout, attempt < maximumAttempts else {
                    throw MigrationError.failed(label: migration.label, reason: error.description)
                }
                try await loop.sleep(for: backoff.delay(attempt: attempt))
                attempt += 1
            }
        }
    }

    private func run(_ migration: Migration, on session: Session) async throws(PostgresError) {
        if migration.runsInTransaction {
            try await session.execute(SQL("begin").once())
            try await session.runScript(migration.up, name: migration.label + "/up.sql")
        } else {
            try await session.runScript(migration.up, name: migration.label + "/up.sql")
            try await session.execute(SQL("begin").once())
        }
        if !migration.check.isEmpty {
            try await session.runScript(migration.check, name: migration.label + "/check.sql")
        }
        let (number, name, checksum) = (migration.number, migration.name, migration.checksum)
        try await session.execute(
            "insert into migration (number, name, checksum) values (\(number)::int8, \(name), \(checksum))"
        )
        try await session.execute(SQL("commit").once())
    }

    /// Readable by every role that may connect, for `status`.
    private static let table = """
        create table if not exists migration (
            number int primary key,
            name text not null,
            checksum text not null,
            applied_at timestamptz not null default now()
        );
        grant select on migration to public;
        """
}

/// The steps that a database has, and those that it should have.
package struct MigrationStatus: Sendable, Equatable {
    package var applied: [Int]
    package var expected: [Int]

    package init(applied: [Int], expected: [Int]) {
        self.applied = applied
        self.expected = expected
    }

    /// Whether every expected step has been applied.
    package var isComplete: Bool { Set(expected).isSubset(of: applied) }
}
