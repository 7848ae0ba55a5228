import EventLoop
import Foundation
import LoadtestKit
import LocalSystem
import Postgres
import Telemetry
import Time

/// `make bench-postgres`: our PostgreSQL layer beside pgbench, and pipelined inserts beside unpipelined ones.
///
/// `bench-postgres [rounds] [seconds]`. Each round measures every variant once, one after the other on the same cluster
/// (fsync on), and the figures are the medians of the rounds. Sync policy: everything that one call sends ends with one
/// Sync, which is one round trip and, without BEGIN, one implicit transaction.
struct PostgresBench {
    let rounds: Int
    let seconds: Double
    let rig: Rig
    let database: Database

    private static let batch = 100

    static func run(_ loop: EventLoop, _ words: [String]) async throws -> Int32 {
        let (rig, postgres) = try await Rig.open("bench-postgres", loop: loop)
        var configuration = DatabaseConfiguration(url: url(rig), applicationName: "bench-postgres")
        configuration.maximumConnections = 1
        let log = Log(service: "bench", level: .error)
        let bench = PostgresBench(
            rounds: words.first.flatMap { Int($0) } ?? 7,
            seconds: words.dropFirst().first.flatMap { Double($0) } ?? 3,
            rig: rig,
            database: Database(configuration, loop: loop, metrics: Metrics(service: "bench"), log: log)
        )
        let code = try await bench.measure()
        await bench.database.shutdown()
        try await postgres.stop(loop, SIGINT)
        rig.removeFolders()
        return code
    }

    private static func url(_ rig: Rig) -> String {
        rig.cluster.placement.url(database: "postgres", user: Cluster.administrator)
    }

    // MARK: Variants

    private func measure() async throws -> Int32 {
        _ = try await rig.psql(
            """
            create table account (aid int primary key, balance int not null);
            insert into account select g, g from generate_series(1, 100000) g;
            create table entry (id bigint primary key, account int not null, note text not null);
            """
        )
        for statement in ["vacuum analyze account", "checkpoint"] { _ = try await rig.psql(statement) }
        var results: [String: [Double]] = [:]
        for round in 1...rounds {
            Console.say("round \(round) of \(rounds)")
            for (name, variant) in variants { results[name, default: []].append(try await variant()) }
        }
        return report(results.mapValues { $0.median })
    }

    /// What is measured, in the order of a round; each returns statements a second.
    private var variants: [(String, () async throws -> Double)] {
        [
            ("pgbench", pgbench), ("select", { try await repeating(1) { try await select() } }),
            ("insert", { try await repeating(1) { try await insertOne() } }),
            ("pipeline", { try await repeating(Self.batch) { try await insertPipelined() } }),
            ("transaction", { try await repeating(Self.batch) { try await insertInTransaction() } }),
            ("array", { try await repeating(Self.batch) { try await insertArray() } }),
        ]
    }

    private func report(_ rates: [String: Double]) -> Int32 {
        func rate(_ name: String) -> Double { rates[name] ?? .nan }
        func row(_ what: String, _ name: String, _ against: String) -> [String] {
            [what, Bench.format(rate(name)), Bench.format(1e6 / rate(name)), Bench.format(rate(name) / rate(against))]
        }
        Console.say(
            TextTable(
                [
                    ["one connection, Unix socket", "a second", "µs each", "ratio"],
                    row("select one row: pgbench -M prepared -c 1", "pgbench", "pgbench"),
                    row("select one row: ours", "select", "pgbench"),
                    row("insert, one Sync (and commit) each", "insert", "insert"),
                    row("insert, one Sync for \(Self.batch)", "pipeline", "insert"),
                    row("insert, one Sync each, one commit for \(Self.batch)", "transaction", "insert"),
                    row("insert, one statement with arrays of \(Self.batch)", "array", "insert"),
                ],
                numbersFrom: 1
            ).text
        )
        var bench = Bench("bench-postgres")
        bench.note("pgbench_per_s", rate("pgbench"))
        bench.note("select_per_s", rate("select"))
        bench.require("select_to_pgbench_ratio", rate("select") / rate("pgbench"), .atLeast(0.9))
        bench.note("insert_per_s", rate("insert"))
        bench.note("insert_pipelined_per_s", rate("pipeline"))
        bench.require("pipelined_to_unpipelined_ratio", rate("pipeline") / rate("insert"), .atLeast(5))
        bench.note("pipelined_to_same_transaction_ratio", rate("pipeline") / rate("transaction"))
        bench.note("insert_array_per_s", rate("array"))
        return bench.finish()
    }

    /// Runs `body`, which stands for `count` statements, for the configured time.
    private func repeating(_ count: Int, _ body: () async throws -> Void) async throws -> Double {
        for _ in 0..<50 { try await body() }
        let started = Deadline.monotonicNow()
        let end = started + UInt64(seconds * 1e9)
        var done = 0
        while Deadline.monotonicNow() < end {
            try await body()
            done += count
        }
        return Double(done) / (Double(Deadline.monotonicNow() - started) * 1e-9)
    }

    private func pgbench() async throws -> Double {
        let script = FileManager.default.temporaryDirectory.path + "/atelier-bench-select.sql"
        let text = "\\set aid random(1, 100000)\nselect balance from account where aid = :aid;\n"
        try text.write(toFile: script, atomically: true, encoding: .utf8)
        let output = try await Tool.output(
            rig.cluster.installation.binaries + "/pgbench",
            ["-n", "-M", "prepared", "-c", "1", "-T", String(max(1, Int(seconds))), "-f", script, Self.url(rig)]
        )
        let match = output.firstMatch(of: /tps = ([\d.]+)/)
        return match.flatMap { Double($0.1) } ?? .nan
    }

    private func select() async throws {
        // pgbench's generator makes no system call either.
        let aid = 1 + Int32(truncatingIfNeeded: (Self.ids.next() &* 7_919) % 100_000)
        let rows = try await database.query("select balance from account where aid = \(aid)")
        guard try rows[0].decode(Int32.self) == aid else { throw OperatorError("The balance is wrong.", "") }
    }

    // MARK: Inserts

    private func insertOne() async throws {
        try await database.execute(Self.insert(Self.ids.next()))
    }

    private func insertPipelined() async throws {
        try await database.pipeline((0..<Self.batch).map { _ in Self.insert(Self.ids.next()) })
    }

    private func insertInTransaction() async throws {
        try await database.transaction { transaction in
            for _ in 0..<Self.batch { try await transaction.execute(Self.insert(Self.ids.next())) }
        }
    }

    private func insertArray() async throws {
        let ids = (0..<Self.batch).map { _ in Self.ids.next() }
        let accounts = ids.map { Int32(truncatingIfNeeded: $0 % 100_000) }
        let notes = ids.map { "note \($0)" }
        try await database.execute("insert into entry select * from unnest(\(ids), \(accounts), \(notes))")
    }

    private static func insert(_ id: Int64) -> SQL {
        "insert into entry values (\(id), \(Int32(truncatingIfNeeded: id % 100_000)), \("note \(id)"))"
    }

    private static let ids = Numbers()
}
