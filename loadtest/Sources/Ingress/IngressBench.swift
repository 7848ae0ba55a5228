internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// `make bench-ingress`: peers, nginx and ingress under the same load, alternating, in one run.
struct IngressBench {
    static let scenario = LoadtestCommand.Scenario("bench-ingress") { loop, words in
        guard words.count == 2 else {
            throw OperatorError("The peer's Python and the slow disk's library are missing.", "")
        }
        let environment = ProcessInfo.processInfo.environment
        var bench = IngressBench(
            loop: loop,
            python: words[0],
            seconds: environment["ROW_SECONDS"].flatMap { Int($0) } ?? 6,
            rounds: environment["ROUNDS"].flatMap { Int($0) } ?? 3
        )
        try await bench.measure(slowFsync: nil)
        try await bench.measure(slowFsync: words[1])
        return bench.finish()
    }

    let loop: EventLoop
    private let python: String
    let seconds: Int
    let rounds: Int
    var bench = Bench("bench-ingress")
    var table = [
        [
            "server", "connections", "requests/s", "p50 ms", "p99 ms", "server µs", "PostgreSQL µs", "to nginx",
            "to aiogram", "new rows",
        ]
    ]
    /// First update ids, so that no two rows share one.
    var nextID = 1_000_000_000

    private init(loop: EventLoop, python: String, seconds: Int, rounds: Int) {
        self.loop = loop
        self.python = python
        self.seconds = seconds
        self.rounds = rounds
    }

    private func finish() -> Int32 {
        Console.say(TextTable(table, numbersFrom: 1).text)
        Console.say(
            "µs: CPU time a request; new rows: in PostgreSQL afterwards. Medians of \(rounds) rounds; one update in ten is a repeat."
        )
        return bench.finish()
    }

    /// One server of a table.
    private struct Side {
        let name: String
        let url: String
        let process: RunningProcess
        /// Where its updates lie; nil if nowhere.
        let table: (name: String, database: String)?
    }

    private mutating func measure(slowFsync: String?) async throws {
        let isSlow = slowFsync != nil
        let test = try await IngressUnderTest.open(
            isSlow ? "bench-ingress-slow" : "bench-ingress",
            loop: loop,
            slowFsync: slowFsync
        )
        if isSlow { try await proveSlowness(test) }
        let ingress = try await test.start()
        let peers = BenchPeers(rig: test.rig, loop: loop)
        let ports = [try Tool.freePort(), try Tool.freePort(), try Tool.freePort()]
        func url(_ port: Int) -> String { "http://127.0.0.1:\(port)/webhooks/telegram/main" }
        var sides = [
            Side(
                name: "aiogram",
                url: url(ports[0]),
                process: try await peers.aiogram("framework", python: python, port: ports[0], secret: test.secret),
                table: BenchPeers.aiogramTable("framework")
            ),
            Side(name: "ingress", url: test.url, process: ingress, table: ("event", IngressUnderTest.database)),
        ]
        if !isSlow {
            let nginx = try await peers.nginx(port: ports[1])
            sides.append(Side(name: "nginx", url: url(ports[1]), process: nginx, table: nil))
            let models = try await peers.aiogram("models", python: python, port: ports[2], secret: test.secret)
            sides.append(
                Side(
                    name: "aiogram's models alone",
                    url: url(ports[2]),
                    process: models,
                    table: BenchPeers.aiogramTable("models")
                )
            )
        }
        let figures = try await rows(
            sides,
            test,
            connections: isSlow ? [64, 1_000] : [64, 256, 1_000],
            isSlow: isSlow
        )
        requireTargets(figures, isSlow: isSlow)
        if !isSlow { try await measureOpenLoop(test) }
        for side in sides { try await side.process.stop(loop) }
        if !isSlow {
            var wires = WireRows(test: test, peers: peers, seconds: seconds, rounds: rounds, nextID: nextID)
            try await wires.run()
            table += wires.table
            for (name, value) in wires.figures { bench.note(name, value) }
        }
        try await test.close()
    }

    private struct Key: Hashable {
        let side: String
        let connections: Int
    }

    private struct Figures {
        var rate: [Double] = []
        var p50: [Double] = []
        var p99: [Double] = []
        var own: [Double] = []
        var postgres: [Double] = []
        var rows: [Double] = []
    }

    /// Every round measures every server at every number of connections.
    private mutating func rows(
        _ sides: [Side],
        _ test: IngressUnderTest,
        connections: [Int],
        isSlow: Bool
    ) async throws -> [Key: Figures] {
        var figures: [Key: Figures] = [:]
        for _ in 0..<rounds {
            for count in connections {
                for side in sides {
                    try await measure(
                        side,
                        test,
                        count,
                        &figures[Key(side: side.name, connections: count), default: Figures()]
                    )
                }
            }
        }
        for count in connections {
            for side in sides {
                guard let row = figures[Key(side: side.name, connections: count)] else { continue }
                func ratio(_ other: String) -> String {
                    guard let base = figures[Key(side: other, connections: count)], side.name == "ingress" else {
                        return "-"
                    }
                    return Bench.format(row.rate.median / base.rate.median)
                }
                table.append([
                    side.name + (isSlow ? ", fsync +1 ms" : ""), "\(count)", Bench.format(row.rate.median.rounded()),
                    Bench.format(row.p50.median), Bench.format(row.p99.median), Bench.format(row.own.median),
                    side.table == nil ? "-" : Bench.format(row.postgres.median), ratio("nginx"), ratio("aiogram"),
                    side.table == nil ? "-" : "\(Int(row.rows.median))",
                ])
            }
        }
        return figures
    }

    private mutating func measure(
        _ side: Side,
        _ test: IngressUnderTest,
        _ connections: Int,
        _ figures: inout Figures
    ) async throws {
        let isOurs = side.name == "ingress"
        let books = isOurs ? try await Books(test) : nil
        let rows = try await self.rows(of: side, test)
        let wrk = Wrk(
            url: side.url,
            connections: connections,
            seconds: seconds,
            script: test.rig.project.root + "/loadtest/wrk/updates.lua",
            arguments: [test.secret, "\(nextID)"]
        )
        nextID += 10_000_000
        let own = ProcessUsage.ofTree(side.process.pid).cpuSeconds
        let postgres = ProcessUsage.ofTree(test.postgres.pid).cpuSeconds
        let result = try await wrk.run()
        let factor = 1e6 / result.requests
        figures.own.append((ProcessUsage.ofTree(side.process.pid).cpuSeconds - own) * factor)
        figures.postgres.append((ProcessUsage.ofTree(test.postgres.pid).cpuSeconds - postgres) * factor)
        figures.rate.append(result.requestsPerSecond)
        figures.p50.append(result.p50Milliseconds)
        figures.p99.append(result.p99Milliseconds)
        guard result.refused == 0, result.socketErrors == 0 else {
            throw OperatorError(
                "\(side.name) refused \(result.refused) requests, \(result.socketErrors) socket errors.",
                ""
            )
        }
        try await books?.check(seen: Int(result.requests), unseen: connections)
        figures.rows.append(Double(try await self.rows(of: side, test) - rows))
    }

    private func rows(of side: Side, _ test: IngressUnderTest) async throws -> Int {
        guard let table = side.table else { return 0 }
        return try await test.rows(in: table.database, table: table.name)
    }

    private mutating func requireTargets(_ figures: [Key: Figures], isSlow: Bool) {
        func rate(_ side: String, _ connections: Int) -> Double {
            figures[Key(side: side, connections: connections)]?.rate.median ?? .nan
        }
        let prefix = isSlow ? "slow_" : ""
        let peerTargets: [Int: Double] = isSlow ? [64: 10, 1_000: 18] : [64: 8, 256: 12, 1_000: 12]
        for (connections, target) in peerTargets.sorted(by: { $0.key < $1.key }) {
            let ours = rate("ingress", connections)
            bench.note("\(prefix)requests_per_second_\(connections)", ours)
            bench.require("\(prefix)to_aiogram_\(connections)", ours / rate("aiogram", connections), .atLeast(target))
            guard !isSlow else { continue }
            bench.note("to_aiogram_models_\(connections)", ours / rate("aiogram's models alone", connections))
            bench.require(
                "to_nginx_\(connections)",
                ours / rate("nginx", connections),
                .atLeast(connections == 64 ? 0.25 : 0.35)
            )
            let p99 = figures[Key(side: "ingress", connections: connections)]?.p99.median ?? .nan
            if connections == 64 { bench.require("saturated_p99_ms_64", p99, .atMost(20)) }
            if connections == 1_000 { bench.require("saturated_p99_ms_1000", p99, .atMost(60)) }
        }
    }

    /// The slow disk must act, or the second table says nothing: a commit takes at least the added millisecond.
    private mutating func proveSlowness(_ test: IngressUnderTest) async throws {
        // Three calls: a text of several statements would be one transaction, in which DO may not commit.
        _ = try await test.rig.psql("create table slow (microseconds double precision)")
        _ = try await test.rig.psql(
            """
            do $$ declare began timestamptz := clock_timestamp(); begin
                for n in 1..50 loop insert into slow values (0); commit; end loop;
                insert into slow select extract(epoch from clock_timestamp() - began) * 1e6 / 50;
            end $$
            """
        )
        let text = try await test.rig.psql("select max(microseconds) from slow")
        let microseconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .nan
        bench.require("slow_commit_microseconds", microseconds, .atLeast(1_000))
    }
}
