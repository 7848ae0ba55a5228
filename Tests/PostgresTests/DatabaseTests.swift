import Concurrency
import Postgres
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase) struct DatabaseTests {
    private var scratch: ScratchDatabase { .current }
    private var database: Database { scratch.database }

    // MARK: Errors

    @Test func `a unique violation names its constraint and quotes no value`() async throws {
        try await database.execute("create table wallet (id int8 constraint wallet_pkey primary key)")
        try await database.execute("insert into wallet values (\(4242))")
        let error = await failure { try await database.execute("insert into wallet values (\(4242))") }
        #expect(error?.code == .uniqueViolation(constraint: "wallet_pkey"))
        #expect(error?.sqlState == "23505")
        #expect(error?.description.contains("4242") == false)
        #expect(error?.operation == "insert into wallet values ($1)")
        #expect(error?.isRetryable == false)
    }

    @Test func `checks, foreign keys, NULLs and missing rights are told apart`() async throws {
        try await database.execute(
            "create table child (id int8 constraint positive check (id > 0), parent int8 not null)"
        )
        try await database.execute("alter table child add constraint self unique (id)")
        try await database.execute("alter table child add constraint known foreign key (parent) references child (id)")
        #expect(
            await failure { try await database.execute("insert into child values (\(-1), \(1))") }?.code
                == .checkViolation(constraint: "positive")
        )
        #expect(
            await failure { try await database.execute("insert into child values (\(1), \(9))") }?.code
                == .foreignKeyViolation(constraint: "known")
        )
        #expect(
            await failure { try await database.execute("insert into child (id) values (\(1))") }?.code
                == .notNullViolation
        )
        #expect(
            await failure { try await database.query("select rolpassword from pg_authid") }?.code
                == .insufficientPrivilege
        )
    }

    @Test func `after a failed statement the session serves the next caller`() async throws {
        #expect(await failure { try await database.query("select nonsense") }?.sqlState == "42703")
        #expect(try await database.query("select 1::int8")[0].decode(Int64.self) == 1)
    }

    @Test func `a table that changes under a prepared statement heals`() async throws {
        try await scratch.withDatabase(configure: { $0.maximumConnections = 1 }) { database in
            try await database.execute("create table shape (a int8)")
            #expect(try await database.query("select * from shape").isEmpty)
            try await database.execute("alter table shape alter column a type text")
            let error = await failure { try await database.query("select * from shape") }
            #expect(error == nil || error?.isRetryable == true)
            #expect(try await database.query("select * from shape").isEmpty)
        }
    }

    @Test func `more statements than the cache holds keep working`() async throws {
        try await scratch.withDatabase(
            configure: {
                $0.maximumConnections = 1
                $0.maximumPreparedStatements = 3
            }
        ) { database in
            for round in 0..<3 {
                for number in 0..<7 {
                    let text = SQL(stringLiteral: "select \(number)::int8 + \(round) * 0")
                    #expect(try await database.query(text)[0].decode(Int64.self) == Int64(number))
                }
            }
            let count = try await database.query("select count(*) from pg_prepared_statements")[0].decode(Int64.self)
            #expect(count <= 3)
        }
    }

    // MARK: The pool

    @Test func `a caller that waits too long for a connection gets a pool timeout`() async throws {
        try await scratch.withDatabase(
            configure: {
                $0.maximumConnections = 1
                // Longer than the first connection takes to open, on a busy machine too.
                $0.acquireTimeout = .seconds(2)
            }
        ) { database in
            try await database.transaction { transaction in
                _ = try await transaction.query("select 1")
                let error = await failure { try await database.query("select 2") }
                #expect(error?.code == .poolTimeout)
                #expect(error?.isRetryable == true)
            }
            #expect(try await database.query("select 3::int8")[0].decode(Int64.self) == 3)
        }
    }

    @Test func `a full queue refuses at once`() async throws {
        try await scratch.withDatabase(
            configure: {
                $0.maximumConnections = 1
                $0.maximumWaiting = 0
                $0.acquireTimeout = .seconds(60)
            }
        ) { database in
            // No connection is open yet, so that the first caller would have to wait as well.
            #expect(await failure { try await database.query("select 1") }?.code == .poolTimeout)
        }
    }

    @Test func `two hundred callers share two connections and all are served`() async throws {
        try await scratch.withDatabase(
            configure: {
                $0.maximumConnections = 2
                $0.acquireTimeout = .seconds(60)
            }
        ) { database in
            let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 1...200 {
                    group.addTask { try await database.query("select \(Int64(number))")[0].decode(Int64.self) }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 20_100)
            let sessions = try await database.query(
                "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'test'"
            )
            #expect(try sessions[0].decode(Int64.self) <= 2)
        }
    }

    // MARK: Deadlines and cancellation

    @Test func `a deadline ends a statement and the server stops it`() async throws {
        try await database.execute("create table done (id int8)")
        let started = Deadline.monotonicNow()
        let error = await failure {
            try await database.execute(
                "insert into done select 1 from pg_sleep(30)",
                deadline: .after(.milliseconds(50))
            )
        }
        #expect(error?.code == .deadlineExceeded)
        #expect(Deadline.monotonicNow() - started < 5_000_000_000)
        try await eventually {
            let running = try await database.query(
                "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active' and pid <> pg_backend_pid() and datname = current_database()"
            )
            return try running[0].decode(Int64.self) == 0
        }
        #expect(try await database.query("select 1 from done").isEmpty)
    }

    @Test func `the server is told to stop a statement that nobody waits for`() async throws {
        // Without the check interval only the cancel request can reach it.
        try await scratch.withDatabase(configure: {
            $0.settings = [("client_connection_check_interval", "0"), ("statement_timeout", "0")]
        }) { database in
            _ = try await database.query("select 1")
            let error = await failure {
                try await database.query("select pg_sleep(31)", deadline: .after(.milliseconds(200)))
            }
            #expect(error?.code == .deadlineExceeded)
            try await eventually {
                let running = try await database.query(
                    """
                    select 1 from pg_stat_activity
                    where query = 'select pg_sleep(31)' and state = 'active' and datname = current_database()
                    """
                )
                return running.isEmpty
            }
        }
    }

    @Test func `a statement that runs too long is stopped by the server`() async throws {
        try await scratch.withDatabase(configure: { $0.statementTimeout = .milliseconds(50) }) { database in
            #expect(await failure { try await database.query("select pg_sleep(30)") }?.code == .statementTimeout)
        }
    }

    @Test func `a lock that is not had in time is told`() async throws {
        try await database.execute("create table wallet (id int8)")
        try await scratch.withDatabase(configure: { $0.lockTimeout = .milliseconds(50) }) { impatient in
            try await database.transaction { transaction in
                try await transaction.execute("lock table wallet")
                #expect(await failure { try await impatient.query("select * from wallet") }?.code == .lockTimeout)
            }
        }
    }

    @Test func `cancelling the task ends its statement`() async throws {
        let database = database
        let task = Task { try await database.query("select pg_sleep(30)") }
        try await eventually {
            let rows = try await database.query(
                "select 1 from pg_stat_activity where query = 'select pg_sleep(30)' and datname = current_database()"
            )
            return !rows.isEmpty
        }
        task.cancel()
        let error = await failure { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test func `a cancelled task does not start a statement`() async throws {
        let database = database
        try await database.execute("create table done (id int8)")
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await database.execute("insert into done values (1)")
        }
        #expect(await failure { try await task.value }?.code == .cancelled)
        #expect(try await database.query("select 1 from done").isEmpty)
    }
}
