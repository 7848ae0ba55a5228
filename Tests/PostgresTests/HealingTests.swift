import Postgres
import Telemetry
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase) struct HealingTests {
    private var scratch: ScratchDatabase { .current }

    /// Ends all sessions of the service role, as a restart of the server does.
    private func endSessions(_ admin: Database) async throws {
        _ = try await admin.query(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
            """
        )
    }

    /// What a call fails with once an attempt to connect has been answered: a caller that gave up before, on a busy machine,
    /// only knows that it has waited.
    private func failureOnceTried(_ database: Database) async throws -> PostgresError? {
        var error: PostgresError?
        try await eventually {
            error = await failure { try await database.query("select 1") }
            return error?.code != .poolTimeout
        }
        return error
    }

    @Test func `idle connections that the server ended are noticed before they are used`() async throws {
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            for _ in 0..<10 {
                #expect(try await scratch.database.query("select 1::int8")[0].decode(Int64.self) == 1)
                try await endSessions(admin)
                try await eventually {
                    let rows = try await admin.query(
                        """
                        select 1 from pg_stat_activity
                        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
                        """
                    )
                    return rows.isEmpty
                }
                // The FIN may still be on its way to the loop; a caller then gets a retryable error, never a hang.
                try await eventually {
                    do {
                        return try await scratch.database.query("select 2::int8")[0].decode(Int64.self) == 2
                    } catch let error as PostgresError where error.code == .connectionLost {
                        return false
                    }
                }
            }
        }
    }

    @Test func `a statement whose session ends fails as lost, and the next one works`() async throws {
        let database = scratch.database
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            let task = Task { try await database.query("select pg_sleep(30)") }
            try await eventually {
                let ended = try await admin.query(
                    """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and query = 'select pg_sleep(30)' and wait_event = 'PgSleep'
                    """
                )
                return !ended.isEmpty
            }
            let error = await failure { try await task.value }
            #expect(error?.code == .connectionLost)
            #expect(error?.isRetryable == true)
            #expect(try await database.query("select 1::int8")[0].decode(Int64.self) == 1)
        }
    }

    @Test func `callers wait while the server refuses connections and go on when it is back`() async throws {
        let name = try #require(try DatabaseURL(scratch.adminURL).database)
        let maintenance = try DatabaseURL(scratch.adminURL).with(database: "postgres").text
        try await scratch.withDatabase(url: maintenance) { admin in
            try await scratch.withDatabase(configure: { $0.acquireTimeout = .seconds(30) }) { database in
                try await admin.execute(SQL("alter database \(identifier: name) allow_connections false").once())
                let task = Task { try await database.query("select 5::int8")[0].decode(Int64.self) }
                try await eventually {
                    scratch.metrics.counter(
                        "atelier_database_connects_total",
                        "",
                        labels: ["pool", "outcome"]
                    ).value("main", "failed") >= 2
                }
                try await admin.execute(SQL("alter database \(identifier: name) allow_connections true").once())
                #expect(try await task.value == 5)
            }
        }
    }

    @Test func `a server that can't be reached is unavailable, not a pool timeout`() async throws {
        let url = "postgresql://nobody@127.0.0.1:1/none"
        try await scratch.withDatabase(url: url, configure: { $0.acquireTimeout = .milliseconds(100) }) { database in
            let error = try await failureOnceTried(database)
            #expect(error?.code == .unavailable)
            #expect(error?.isRetryable == true)
        }
    }

    @Test func `a host name is looked up off the loop`() async throws {
        var url = try DatabaseURL(scratch.serviceURL)
        url.parameters["host"] = "no-such-host.invalid"
        try await scratch.withDatabase(url: url.text, configure: { $0.acquireTimeout = .milliseconds(100) }) {
            database in
            let error = try await failureOnceTried(database)
            #expect(error?.code == .unavailable)
        }
    }

    @Test(arguments: ["", "http://example.org", "postgresql://host"])
    func `a URL that is none is a configuration error without its text`(url: String) async throws {
        try await scratch.withDatabase(url: url) { database in
            let error = await failure { try await database.query("select 1") }
            #expect(error?.code == .configuration)
            #expect(error?.description.contains("example") == false)
        }
    }

    @Test func `a database that was shut down refuses`() async throws {
        let database = scratch.makeDatabase()
        _ = try await database.query("select 1")
        await database.shutdown()
        #expect(await failure { try await database.query("select 1") }?.code == .unavailable)
    }

    @Test func `shutting down waits for what is under way`() async throws {
        try await scratch.database.execute("create table entry (id int8)")
        let database = scratch.makeDatabase()
        let started = Deadline.monotonicNow()
        let stop = try await database.transaction { transaction in
            try await transaction.execute("insert into entry values (1)")
            let stop = Task { await database.shutdown(within: .seconds(60)) }
            try await eventually { await failure { try await database.query("select 1") }?.code == .unavailable }
            try await transaction.execute("insert into entry values (2)")
            return stop
        }
        await stop.value
        #expect(Deadline.monotonicNow() - started < 30_000_000_000)
        #expect(try await scratch.database.query("select 1 from entry").count == 2)
    }
}
