import FaultProxy
import Postgres
import Telemetry
import TestSupport
import Testing
import Time

/// The database seen through a network that delays, splits, cuts and resets.
@Suite(.scratchDatabase) struct NetworkFaultTests {
    private var scratch: ScratchDatabase { .current }

    /// Runs `body` with a pool behind a proxy.
    private func throughProxy(
        configure: (inout DatabaseConfiguration) -> Void = { _ in },
        _ body: (Database, FaultProxy) async throws -> Void
    ) async throws {
        var url = try DatabaseURL(scratch.serviceURL)
        let folder = try #require(url.parameters["host"])
        let proxy = try FaultProxy(to: .path("\(folder)/.s.PGSQL.\(url.parameters["port"] ?? "5432")"))
        defer { proxy.stop() }
        url.parameters["host"] = "127.0.0.1"
        url.parameters["port"] = String(proxy.port)
        try await scratch.withDatabase(url: url.text, configure: configure) { try await body($0, proxy) }
    }

    @Test func `keyed transactions through a bad network lose nothing and do nothing twice`() async throws {
        try await scratch.database.pipeline([
            "create table applied (key text primary key)", "create table total (n int8 not null)",
            "insert into total values (0)",
        ])
        try await throughProxy(configure: { $0.maximumConnections = 6 }) { database, proxy in
            proxy.plan = FaultPlan(delays: 0.02, splits: 0.1, cuts: 0.015, resets: 0.015)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for number in 0..<25 { try await apply("\(writer)/\(number)", on: database) }
                    }
                }
                try await group.waitForAll()
            }
            let damage = proxy.counts
            #expect(damage.cuts + damage.resets > 5, "seed \(proxy.seed)")
            proxy.plan = .none
            let sums = try await scratch.database.query("select (select count(*) from applied), n from total")[0]
            #expect(try sums.decode(Int.self, Int.self) == (100, 100), "seed \(proxy.seed)")
        }
    }

    /// Adds one to the total, once for each key, however often it is tried.
    private func apply(_ key: String, on database: Database) async throws {
        while true {
            do {
                return try await database.transaction(.keyed) { transaction in
                    let new = try await transaction.query(
                        "insert into applied values (\(key)) on conflict do nothing returning key"
                    )
                    guard !new.isEmpty else { return }
                    try await transaction.execute("update total set n = n + 1")
                }
            } catch let error as PostgresError where error.isRetryable {
                continue
            }
        }
    }

    @Test func `an answer that is cut in its middle is a lost connection, and the next call works`() async throws {
        try await throughProxy { database, proxy in
            #expect(try await database.query("select 1::int8")[0].decode(Int64.self) == 1)
            proxy.plan = FaultPlan(cuts: 0.02)
            var lost = 0
            while lost < 3 {
                let error = await failure {
                    try await database.query("select repeat('x', 1000), g from generate_series(1, 2000) g")
                }
                guard let error else { continue }
                #expect(error.isRetryable)
                lost += 1
            }
            proxy.plan = .none
            try await eventually { await failure { try await database.query("select 1") } == nil }
        }
    }

    @Test func `a network that has fallen silent ends calls at their deadline`() async throws {
        try await throughProxy { database, proxy in
            _ = try await database.query("select 1")
            var silence = FaultPlan(delays: 1)
            silence.longestDelay = .seconds(3_600)
            proxy.plan = silence
            let error = await failure { try await database.query("select 1", deadline: .after(.milliseconds(100))) }
            #expect(error?.code == .deadlineExceeded)
            proxy.plan = .none
            #expect(try await database.query("select 2::int8")[0].decode(Int64.self) == 2)
        }
    }

    @Test func `a commit whose answer is lost is unknown, and a keyed transaction is run again`() async throws {
        try await scratch.database.execute("create table applied (key text primary key)")
        try await throughProxy { database, proxy in
            let error = await failure {
                try await database.transaction { transaction in
                    try await transaction.execute("insert into applied values ('once')")
                    proxy.plan = FaultPlan(cuts: 1)
                }
            }
            #expect(error?.code == .unknownCommit)
            proxy.plan = .none
            let repeats = scratch.metrics.counter("atelier_database_repeats_total", "", labels: ["pool", "reason"])
            async let keyed: Void = database.transaction(.keyed) { transaction in
                try await transaction.execute("insert into applied values ('keyed') on conflict do nothing")
                if repeats.value("main", "unknown_commit") == 0 { proxy.plan = FaultPlan(cuts: 1) }
            }
            try await eventually { repeats.value("main", "unknown_commit") == 1 }
            proxy.plan = .none
            try await keyed
            let rows = try await scratch.database.query("select 1 from applied where key = 'keyed'")
            #expect(rows.count == 1)
        }
    }
}
