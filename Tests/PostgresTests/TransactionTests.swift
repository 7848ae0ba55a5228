import Concurrency
import EventLoop
import Postgres
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase) struct TransactionTests {
    private var scratch: ScratchDatabase { .current }
    private var database: Database { scratch.database }

    private struct Refused: Error {}

    private func count(_ table: StaticString) async throws -> Int64 {
        try await database.query("select count(*) from \(unsafe: table)")[0].decode(Int64.self)
    }

    @Test func `a transaction whose body throws leaves nothing`() async throws {
        try await database.execute("create table entry (id int8)")
        await #expect(throws: Refused.self) {
            try await database.transaction { transaction in
                try await transaction.execute("insert into entry values (1)")
                throw Refused()
            }
        }
        #expect(try await count("entry") == 0)
    }

    @Test func `a cancelled transaction leaves nothing and gives its connection back`() async throws {
        try await database.execute("create table entry (id int8)")
        try await scratch.withDatabase(configure: { $0.maximumConnections = 1 }) { database in
            let inserted = Locked(false)
            let task = Task {
                try await database.transaction { transaction in
                    try await transaction.execute("insert into entry values (1)")
                    inserted.withLock { $0 = true }
                    try await ScratchDatabase.loop.sleep(for: .seconds(60))
                }
            }
            try await eventually { inserted.withLock { $0 } }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await database.query("select 1 from entry").isEmpty)
        }
    }

    @Test func `an error that the body swallows does not become a silent rollback`() async throws {
        try await database.execute("create table entry (id int8 primary key)")
        let error = await failure {
            try await database.transaction { transaction in
                try await transaction.execute("insert into entry values (1)")
                _ = try? await transaction.execute("insert into entry values (1)")
            }
        }
        #expect(error?.code == .transactionAborted)
        #expect(try await count("entry") == 0)
    }

    @Test func `a statement after the commit is refused`() async throws {
        try await database.execute("create table entry (id int8)")
        let error = await failure {
            try await database.transaction { transaction in
                try await transaction.commit(after: ["insert into entry values (1)"])
                try await transaction.execute("insert into entry values (2)")
            }
        }
        #expect(error?.code == .transactionAborted)
        #expect(try await count("entry") == 1)
    }

    @Test func `a pipeline is all or nothing and stops at the first failure`() async throws {
        try await database.execute("create table entry (id int8 primary key)")
        let error = await failure {
            try await database.pipeline([
                "insert into entry values (1)", "insert into entry values (1)", "insert into entry values (2)",
            ])
        }
        #expect(error?.code == .uniqueViolation(constraint: "entry_pkey"))
        #expect(try await count("entry") == 0)
        let rows = try await database.pipeline([
            "insert into entry values (1) returning id", "select id from entry", "insert into entry values (2)",
        ])
        #expect(rows.map(\.count) == [1, 1, 0])
        #expect(try await count("entry") == 2)
    }

    @Test func `each statement of a pipeline sees the ones before it`() async throws {
        try await database.execute("create table entry (id int8)")
        let sums = try await database.transaction { transaction in
            let first = try await transaction.pipeline([
                "insert into entry values (1)", "select sum(id)::int8 from entry",
            ])
            let second = try await transaction.commit(after: [
                "insert into entry values (2)", "select sum(id)::int8 from entry",
            ])
            return [try first[1][0].decode(Int64.self), try second[1][0].decode(Int64.self)]
        }
        #expect(sums == [1, 3])
        #expect(try await count("entry") == 2)
    }

    @Test func `a deferred constraint that fails at commit is told and rolls back`() async throws {
        try await database.execute("create table entry (id int8 unique deferrable initially deferred)")
        let error = await failure {
            try await database.transaction { transaction in
                try await transaction.execute("insert into entry values (1)")
                try await transaction.execute("insert into entry values (1)")
            }
        }
        #expect(error?.code == .uniqueViolation(constraint: "entry_id_key"))
        #expect(try await count("entry") == 0)
    }

    @Test func `a session that ends during COMMIT leaves the outcome unknown`() async throws {
        try await database.execute("create table entry (id int8)")
        try await database.execute(
            """
            create function wait() returns trigger language plpgsql as
            'begin perform pg_advisory_xact_lock(77); return null; end'
            """
        )
        try await database.execute(
            """
            create constraint trigger slow after insert on entry deferrable initially deferred
            for each row execute function wait()
            """
        )
        let database = database
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            try await admin.transaction { blocker in
                try await blocker.execute("select pg_advisory_xact_lock(77)")
                let task = Task { try await database.pipeline(["insert into entry values (1)"]) }
                try await eventually {
                    let ended = try await admin.query(
                        """
                        select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and wait_event = 'advisory' and query = 'commit'
                        """
                    )
                    return !ended.isEmpty
                }
                #expect(await failure { try await task.value }?.code == .unknownCommit)
            }
        }
    }

    @Test func `a transaction may have a statement timeout of its own`() async throws {
        var options = TransactionOptions()
        options.statementTimeout = .milliseconds(50)
        let error = await failure {
            try await database.transaction(options) { try await $0.query("select pg_sleep(30)") }
        }
        #expect(error?.code == .statementTimeout)
        try await scratch.withDatabase(configure: { $0.statementTimeout = .milliseconds(50) }) { hasty in
            options.statementTimeout = .seconds(30)
            let rows = try await hasty.transaction(options) { try await $0.query("select pg_sleep(0.2)") }
            #expect(rows.count == 1)
        }
    }

    @Test func `a repeatable transaction is run again after a serialization failure`() async throws {
        try await database.execute("create table counter (n int8)")
        try await database.execute("insert into counter values (0)")
        let database = database
        let runs = Locked(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await database.transaction(
                        TransactionOptions(isolation: .repeatableRead, maximumAttempts: 50)
                    ) { transaction in
                        runs.withLock { $0 += 1 }
                        let number = try await transaction.query("select n from counter")[0].decode(Int64.self)
                        try await transaction.execute("update counter set n = \(number + 1)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.query("select n from counter")[0].decode(Int64.self) == 4)
        #expect(runs.withLock { $0 } >= 4)
    }

    @Test func `a transaction that is not marked repeatable tells the serialization failure`() async throws {
        try await database.execute("create table counter (n int8)")
        try await database.execute("insert into counter values (0)")
        let error = await failure {
            try await database.transaction(TransactionOptions(isolation: .repeatableRead)) { transaction in
                _ = try await transaction.query("select n from counter")
                try await database.execute("update counter set n = 7")
                try await transaction.execute("update counter set n = 8")
            }
        }
        #expect(error?.code == .serialization)
    }
}
