import Contracts
import EventLoop
import Foundation
import HTTPClient
import LoadtestKit
import LocalSystem
import Telemetry
import Time

/// `make bench-ledger`: one table from one run.
struct LedgerBench {
    let loop: EventLoop
    /// How long each row of ours takes; peers take half of it for each number of connections.
    let seconds: Int
    private var table = [
        [
            "ledger", "calls under way", "accounts", "calls/s", "p50 ms", "p99 ms", "PostgreSQL µs", "service µs",
            "client µs",
        ]
    ]
    private var bench = Bench("bench-ledger")
    private static let hot: ClosedRange<UserID> = 1...1
    private static let many: ClosedRange<UserID> = 1_001...101_000
    /// A small pool, a larger one, and one connection a caller.
    private static let peerConnections = [4, 16, 64]

    init(loop: EventLoop, seconds: Int) {
        self.loop = loop
        self.seconds = seconds
    }

    /// Words: the folder of the built shim. `ROW_SECONDS` changes the length of a row.
    static func run(loop: EventLoop, words: [String]) async throws -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        guard let shim = words.first else { throw OperatorError("The slow disk's library is not named.", "") }
        var bench = LedgerBench(loop: loop, seconds: environment["ROW_SECONDS"].flatMap { Int($0) } ?? 10)
        try await bench.measureFastDisk()
        try await bench.measureSlowDisk(shim)
        Console.say(TextTable(bench.table, numbersFrom: 1).text)
        Console.say("µs: CPU time a call. Native: service and client are one process.")
        return bench.bench.finish()
    }

    private mutating func measureFastDisk() async throws {
        let test = try await LedgerUnderTest.open("bench-ledger", loop: loop)
        let peers = Peers(rig: test.rig, seconds: max(2, seconds / 2))
        add("pgbench tpcb-like", "-", [try await peers.tpcb()])
        let naive = try await peers.ledger("naive", accounts: 1, connections: Self.peerConnections)
        add("naive row lock", "1", naive)
        add("naive row lock", "100k", try await peers.ledger("naive", accounts: 100_000, connections: [16]))
        let double = try await peers.ledger("double_entry", accounts: 1, connections: Self.peerConnections)
        add("double entry", "1", double)
        add("double entry", "100k", try await peers.ledger("double_entry", accounts: 100_000, connections: [16]))
        try await test.fund(Self.hot)
        try await test.fund(Self.many)
        var tally = Tally()
        let hot = try await native("ours, native", test, Self.hot, "1", &tally)
        bench.require("native_hot_per_second", hot.callsPerSecond, .atLeast(20_000))
        noteRatios("native_hot", hot, naive, .atLeast(10))
        let many = try await native("ours, native", test, Self.many, "100k", &tally)
        bench.note("native_100k_per_second", many.callsPerSecond)
        try await measureHTTP(test, &tally)
        try await Books(rig: test.rig, database: LedgerUnderTest.databaseName).check(tally)
        try await test.close()
    }

    private mutating func measureHTTP(_ test: LedgerUnderTest, _ tally: inout Tally) async throws {
        let service = try await test.rig.start(.billing, test.children)
        let http = HTTPClient(loop: loop, metrics: Metrics(service: "client"), log: Log(service: "client"))
        let token = test.rig.credentials.token(caller: .generation, callee: .billing)
        let ledger = HTTPLedger(http: http, url: "http://127.0.0.1:\(test.children.ports["billing"])", token: token)
        for (accounts, name) in [(Self.hot, "1"), (Self.many, "100k")] {
            let clients = ClosedLoop(clients: 64, groupOrders: 1, accounts: accounts, submit: ledger.submitSingly)
            let result = note(try await observe("ours, HTTP single", test, service, clients, name), &tally)
            let figure = "http_single_\(name == "1" ? "hot" : name)"
            bench.require("\(figure)_per_second", result.callsPerSecond, .atLeast(6_000))
            bench.require("\(figure)_p99_ms", result.latencies.milliseconds(0.99), .atMost(20))
            let groups = ClosedLoop(clients: 8, groupOrders: 100, accounts: accounts, submit: ledger.submitTogether)
            let grouped = note(try await observe("ours, HTTP batches", test, service, groups, name), &tally)
            bench.require(
                "http_batches_\(name == "1" ? "hot" : name)_per_second",
                grouped.callsPerSecond,
                .atLeast(12_000)
            )
        }
        await http.shutdown()
        try await service.stop(loop)
    }

    private mutating func measureSlowDisk(_ shim: String) async throws {
        let test = try await LedgerUnderTest.open("bench-ledger-slow", loop: loop, slowFsync: shim)
        let peers = Peers(rig: test.rig, seconds: max(2, seconds / 2))
        let naive = try await peers.ledger("naive", accounts: 1, connections: Self.peerConnections)
        add("naive row lock, fsync +1 ms", "1", naive)
        try await test.fund(Self.hot)
        var tally = Tally()
        let hot = try await native("ours, native, fsync +1 ms", test, Self.hot, "1", &tally)
        noteRatios("slow_native_hot", hot, naive, .atLeast(25))
        try await Books(rig: test.rig, database: LedgerUnderTest.databaseName).check(tally)
        try await test.close()
    }

    private mutating func native(
        _ name: String,
        _ test: LedgerUnderTest,
        _ accounts: ClosedRange<UserID>,
        _ accountsName: String,
        _ tally: inout Tally
    ) async throws -> ClosedLoop.Result {
        let clients = ClosedLoop(clients: 16, groupOrders: 100, accounts: accounts, submit: test.native)
        let bench = self
        return note(
            try await test.withWorkers { try await bench.observe(name, test, nil, clients, accountsName) },
            &tally
        )
    }

    private mutating func note(_ observation: Observation, _ tally: inout Tally) -> ClosedLoop.Result {
        tally = tally + observation.all
        table.append(observation.row)
        return observation.result
    }

    private struct Observation: Sendable {
        let result: ClosedLoop.Result
        /// Of warming up too.
        let all: Tally
        let row: [String]
    }

    /// Runs clients and takes the CPU time of everybody; a second of warming up counts for the books only.
    private func observe(
        _ name: String,
        _ test: LedgerUnderTest,
        _ service: RunningProcess?,
        _ clients: ClosedLoop,
        _ accountsName: String
    ) async throws -> Observation {
        let seed = UInt64.random(in: 0...UInt64.max)
        let warm = try await clients.run(seed: seed, for: .seconds(1))
        let before = CPUTimes(test.postgres, service)
        let result = try await clients.run(seed: ~seed, for: .seconds(Int64(seconds)))
        let used = CPUTimes(test.postgres, service).microseconds(since: before, calls: result.tally.calls)
        let row = [
            name, "\(clients.clients) x \(clients.groupOrders)", accountsName,
            Bench.format(result.callsPerSecond.rounded()),
            Bench.format(result.latencies.milliseconds(0.5)), Bench.format(result.latencies.milliseconds(0.99)),
            Bench.format(used.postgres), service == nil ? "-" : Bench.format(used.service), Bench.format(used.own),
        ]
        return Observation(result: result, all: warm.tally + result.tally, row: row)
    }

    /// The target is kept against as many callers as the HTTP rows have; the peer's best, with a pool of the size that
    /// happens to suit it, is noted beside it.
    private mutating func noteRatios(
        _ figure: String,
        _ ours: ClosedLoop.Result,
        _ peer: [Peers.Result],
        _ bound: Bench.Bound
    ) {
        let best = peer.map(\.callsPerSecond).max() ?? .nan
        let same = peer.last?.callsPerSecond ?? .nan
        bench.require("\(figure)_to_naive_64", ours.callsPerSecond / same, bound)
        bench.note("\(figure)_to_naive_best", ours.callsPerSecond / best)
    }

    private mutating func add(_ name: String, _ accounts: String, _ peers: [Peers.Result]) {
        for peer in peers {
            table.append([
                name, "\(peer.connections) x 1", accounts, Bench.format(peer.callsPerSecond.rounded()),
                Bench.format(peer.milliseconds), "-", "-", "-", "-",
            ])
        }
    }
}

/// The CPU time of everybody so far, in seconds.
struct CPUTimes {
    let postgres: Double
    let service: Double
    let own: Double

    init(_ postgres: RunningProcess, _ service: RunningProcess?) {
        self.postgres = ProcessUsage.ofTree(postgres.pid).cpuSeconds
        self.service = service?.usage?.cpuSeconds ?? 0
        self.own = ProcessUsage.of(HostSystem.processID)?.cpuSeconds ?? 0
    }

    /// What each has used for a call since then.
    func microseconds(since: CPUTimes, calls: Int) -> (postgres: Double, service: Double, own: Double) {
        let factor = 1e6 / Double(max(1, calls))
        return ((postgres - since.postgres) * factor, (service - since.service) * factor, (own - since.own) * factor)
    }
}
