internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// `make bench-http`: a constant POST answer through everything that a webhook passes, beside nginx.
///
/// One worker each on the loopback address. Runs alternate and every figure is the median of the rounds' ratios, because
/// the speed of the machine drifts. `BENCH_ROUNDS` (5) and `BENCH_SECONDS` (5) make it shorter or longer.
enum BenchHTTP {
    static let scenario = LoadtestCommand.Scenario("bench-http") { loop, _ in
        let folder = try ServerFolder("bench-http")
        let certificate = try await folder.makeCertificate()
        let ours = try await Contestant.ours(folder, loop)
        let secured = try await Contestant.ours(folder, loop, certificate)
        var nginx: [Wire: Contestant] = [:]
        for wire in Wire.allCases { nginx[wire] = try await Contestant.nginx(folder, loop, wire, certificate) }
        var bench = Bench("bench-http")
        var table = [["row", "server", "requests/s", "p50 ms", "p99 ms", "CPU µs a request", "errors"]]
        for row in rows + SecureRows.all {
            guard let peer = nginx[row.wire] else { continue }
            let servers = [row.wire.isSecure ? secured : ours, peer]
            let rounds = try await play(row, servers, folder, loop)
            table += row.lines(rounds, servers)
            row.judge(rounds, &bench)
        }
        Console.say(TextTable(table, numbersFrom: 2).text)
        try await IdleCosts.measure(ours, loop, &bench)
        for server in [ours, secured] + nginx.values { try await server.stop(loop) }
        return bench.finish()
    }

    /// What is compared, one after the other.
    static let rows: [ComparedRow] = [
        ComparedRow(
            name: "http1_post",
            title: "HTTP/1.1, 64 connections",
            minimumRatio: 0.75,
            maximumLatencyRatio: 1.5
        ) { server, folder, seconds in
            let result = try await Wrk(
                url: server.url(),
                connections: 64,
                seconds: seconds,
                script: folder.template("post.lua")
            ).run()
            return LoadResult(result)
        }
    ]

    static let rounds = Int(ProcessInfo.processInfo.environment["BENCH_ROUNDS"] ?? "") ?? 5
    static let seconds = Int(ProcessInfo.processInfo.environment["BENCH_SECONDS"] ?? "") ?? 5

    /// One result for each round and server.
    private static func play(
        _ row: ComparedRow,
        _ servers: [Contestant],
        _ folder: ServerFolder,
        _ loop: EventLoop
    ) async throws -> [[LoadResult]] {
        for server in servers { _ = try await row.load(server, folder, 1) }  // Warm caches and buffers.
        var all: [[LoadResult]] = []
        for _ in 0..<rounds {
            var round: [LoadResult] = []
            for server in servers {
                let before = server.cpuSeconds
                var result = try await row.load(server, folder, seconds)
                result.cpuMicroseconds = (server.cpuSeconds - before) * 1e6 / result.requests
                round.append(result)
            }
            all.append(round)
        }
        return all
    }
}

/// What one load run measured.
struct LoadResult: Sendable {
    var requestsPerSecond: Double
    var p50Milliseconds: Double
    var p99Milliseconds: Double
    var requests: Double
    var errors: Double
    var cpuMicroseconds = 0.0

    init(requestsPerSecond: Double, p50: Double, p99: Double, requests: Double, errors: Double) {
        self.requestsPerSecond = requestsPerSecond
        self.p50Milliseconds = p50
        self.p99Milliseconds = p99
        self.requests = requests
        self.errors = errors
    }

    init(_ wrk: Wrk.Result) {
        self.init(
            requestsPerSecond: wrk.requestsPerSecond,
            p50: wrk.p50Milliseconds,
            p99: wrk.p99Milliseconds,
            requests: wrk.requests,
            errors: wrk.refused + wrk.socketErrors
        )
    }
}

/// One comparison: a load and what our share of the peer's figures must be.
struct ComparedRow: Sendable {
    /// Begins the names of its figures.
    let name: String
    let title: String
    let wire: Wire
    /// Of the peer's throughput.
    let minimumRatio: Double
    /// Of the peer's p99; nil if only throughput counts.
    let maximumLatencyRatio: Double?
    let load: @Sendable (Contestant, ServerFolder, _ seconds: Int) async throws -> LoadResult

    init(
        name: String,
        title: String,
        wire: Wire = .plain,
        minimumRatio: Double,
        maximumLatencyRatio: Double?,
        load: @escaping @Sendable (Contestant, ServerFolder, Int) async throws -> LoadResult
    ) {
        self.name = name
        self.title = title
        self.wire = wire
        self.minimumRatio = minimumRatio
        self.maximumLatencyRatio = maximumLatencyRatio
        self.load = load
    }

    func lines(_ rounds: [[LoadResult]], _ servers: [Contestant]) -> [[String]] {
        servers.indices.map { index in
            let results = rounds.map { $0[index] }
            func median(_ value: (LoadResult) -> Double) -> String { Bench.format(results.map(value).median) }
            return [
                index == 0 ? title : "", servers[index].name, median(\.requestsPerSecond), median(\.p50Milliseconds),
                median(\.p99Milliseconds), median(\.cpuMicroseconds), Bench.format(results.map(\.errors).reduce(0, +)),
            ]
        }
    }

    /// The first server is ours, the second one the peer.
    func judge(_ rounds: [[LoadResult]], _ bench: inout Bench) {
        func ratio(_ value: (LoadResult) -> Double) -> Double { rounds.map { value($0[0]) / value($0[1]) }.median }
        bench.require("\(name)_throughput_ratio", ratio(\.requestsPerSecond), .atLeast(minimumRatio))
        if let maximumLatencyRatio {
            bench.require("\(name)_p99_ratio", ratio(\.p99Milliseconds), .atMost(maximumLatencyRatio))
        }
        bench.require("\(name)_errors", rounds.map { $0[0].errors }.reduce(0, +), .equal(0))
        bench.note("\(name)_requests_per_second", rounds.map { $0[0].requestsPerSecond }.median)
        bench.note("\(name)_peer_requests_per_second", rounds.map { $0[1].requestsPerSecond }.median)
        bench.note("\(name)_cpu_microseconds", rounds.map { $0[0].cpuMicroseconds }.median)
        bench.note("\(name)_peer_cpu_microseconds", rounds.map { $0[1].cpuMicroseconds }.median)
    }
}
