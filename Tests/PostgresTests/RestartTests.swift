import Concurrency
import Postgres
import Telemetry
import TestSupport
import Testing
import Time

/// What a restart, a crash and a lost network do, and how TLS and passwords are used: on a server of its own.
@Suite(.serialized, .privateCluster) struct RestartTests {
    private let metrics = Metrics(service: "test")
    private var cluster: PrivateCluster { .current }

    private func with<Value: Sendable>(
        url: String? = nil,
        configure: (inout DatabaseConfiguration) -> Void = { _ in },
        _ body: (Database) async throws -> Value
    ) async throws -> Value {
        var configuration = DatabaseConfiguration(url: url ?? cluster.url(), applicationName: "restart")
        configure(&configuration)
        let log = Log(service: "test", level: .error)
        let database = Database(configuration, loop: ScratchDatabase.loop, metrics: metrics, log: log)
        do {
            let value = try await body(database)
            await database.shutdown()
            return value
        } catch {
            await database.shutdown()
            throw error
        }
    }

    @Test(arguments: [PrivateCluster.Stop.fast, .immediate])
    func `callers that keep asking through a restart are served again, and keyed writes happen once`(
        how: PrivateCluster.Stop
    ) async throws {
        let cluster = cluster
        try await with(configure: { $0.acquireTimeout = .seconds(2) }) { database in
            try await database.execute("create table if not exists keyed (key text primary key)")
            try await database.execute("truncate keyed")
            let stopped = Locked(false)
            let acknowledged = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        var done = 0
                        while !stopped.withLock({ $0 }) {
                            do throws(PostgresError) {
                                try await database.pipeline([
                                    "insert into keyed values (\("\(writer)-\(done)")) on conflict do nothing"
                                ])
                                done += 1
                                acknowledged.withLock { $0 += 1 }
                            } catch {
                                guard error.isRetryable else { throw error }
                            }
                        }
                    }
                }
                try await eventually { acknowledged.withLock { $0 } > 40 }
                try await cluster.restart(how)
                let before = acknowledged.withLock { $0 }
                try await eventually { acknowledged.withLock { $0 } > before + 40 }
                stopped.withLock { $0 = true }
                try await group.waitForAll()
            }
            let count = try await database.query("select count(*) from keyed")[0].decode(Int.self)
            #expect(count == acknowledged.withLock { $0 })
        }
    }

    @Test func `a transaction that a restart cuts is gone as a whole`() async throws {
        let cluster = cluster
        try await with { database in
            try await database.execute("create table if not exists half (id int8)")
            let error = await failure {
                try await database.transaction { transaction in
                    try await transaction.execute("insert into half values (1)")
                    try await cluster.restart(.fast)
                    try await transaction.execute("insert into half values (2)")
                }
            }
            #expect(error?.code == .connectionLost)
            try await eventually { await failure { try await database.query("select 1") } == nil }
            #expect(try await database.query("select 1 from half").isEmpty)
        }
    }

    @Test func `a role logs in by password over TLS whose certificate and name are checked`() async throws {
        try await with { admin in
            _ = try await admin.execute("create role guest login password 'pass word'")
        }
        let trusted = "sslmode=verify-full&sslrootcert=\(cluster.certificateAuthorityFile)"
        func url(_ options: String, password: String = "pass%20word", host: String = "localhost") -> String {
            cluster.networkURL(user: "guest", password: password, host: host, options: options)
        }
        try await with(url: url(trusted)) { database in
            let rows = try await database.query(
                "select ssl and version >= 'TLSv1.2' from pg_stat_ssl where pid = pg_backend_pid()"
            )
            #expect(try rows[0].decode(Bool.self))
        }
        for (wrong, why) in [
            (url(trusted, password: "nonsense"), "password authentication failed"),
            (url(trusted, host: "127.0.0.1"), "does not match host name"),
            (url("sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"), "certificate verify failed"),
            (url("sslmode=disable"), "no pg_hba.conf entry"),
        ] {
            try await with(url: wrong, configure: { $0.acquireTimeout = .seconds(3) }) { database in
                let error = await failure { try await database.query("select 1") }
                #expect(error?.code == .unavailable)
                #expect(error?.detail.contains(why) == true, "\(error?.detail ?? "")")
                #expect(error?.description.contains("nonsense") == false)
            }
        }
    }

    /// TLS decrypts whole records, libpq reads what it has room for: nothing may stay between the two.
    @Test func `answers of every size arrive whole over TLS`() async throws {
        try await with { admin in
            _ = try await admin.execute("create role reader login password 'reader'")
        }
        let options = "sslmode=verify-full&sslrootcert=\(cluster.certificateAuthorityFile)"
        let url = cluster.networkURL(user: "reader", password: "reader", host: "localhost", options: options)
        try await with(url: url, configure: { $0.maximumConnections = 1 }) { database in
            for size in stride(from: 1_000, to: 120_000, by: 1_777) {
                let rows = try await database.query("select repeat('x', \(Int32(size)))", deadline: .after(.seconds(5)))
                #expect(try rows[0].decode(String.self).utf8.count == size)
            }
        }
    }
}
