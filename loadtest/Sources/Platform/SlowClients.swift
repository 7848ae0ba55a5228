internal import Concurrency
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import Synchronization

/// `make bench-slow-clients`: honest clients must not suffer from 5,000 connections that say nothing and 500 that send a
/// byte a second, and the latter must be cut at the header's deadline.
enum SlowClients {
    private static let idleCount = 5_000
    private static let drippingCount = 500

    static let scenario = LoadtestCommand.Scenario("bench-slow-clients") { loop, _ in
        let folder = try ServerFolder("bench-slow-clients")
        let server = try await Contestant.ours(folder, loop)
        var quiet: [LoadResult] = []
        var crowded: [LoadResult] = []
        let drip = Drip(port: server.port, count: drippingCount)
        for round in 0..<BenchHTTP.rounds {
            quiet.append(try await honest(server, folder))
            let idle = try await BlockingExecutor.shared.run {
                try (0..<idleCount).map { _ in try RawConnection(port: server.port) }
            }
            drip.start()
            // The first byte of each must have arrived, and some must have been cut, while the honest ones are timed.
            try await loop.sleep(for: .seconds(round == 0 ? 11 : 2))
            crowded.append(try await honest(server, folder))
            drip.stop()
            withExtendedLifetime(idle) {}
        }
        try await server.stop(loop)
        let table = [("alone", quiet), ("in the crowd", crowded)].map { title, results in
            [
                title, Bench.format(results.map(\.requestsPerSecond).median),
                Bench.format(results.map(\.p50Milliseconds).median),
                Bench.format(results.map(\.p99Milliseconds).median),
            ]
        }
        Console.say(TextTable([["64 honest clients", "requests/s", "p50 ms", "p99 ms"]] + table, numbersFrom: 1).text)
        Console.say("\(drip.cutCount) dripping connections were cut and came again")
        var bench = Bench("bench-slow-clients")
        let ratios = zip(crowded, quiet).map { $0.p99Milliseconds / $1.p99Milliseconds }
        bench.require("p99_ratio", ratios.median, .atMost(2))
        bench.require("errors", (quiet + crowded).map(\.errors).reduce(0, +), .equal(0))
        bench.require("dripping_cut", Double(drip.cutCount), .atLeast(Double(drippingCount)))
        return bench.finish()
    }

    private static func honest(_ server: Contestant, _ folder: ServerFolder) async throws -> LoadResult {
        let wrk = Wrk(
            url: server.url(),
            connections: 64,
            seconds: BenchHTTP.seconds,
            script: folder.template("post.lua")
        )
        return LoadResult(try await wrk.run())
    }
}

/// Connections that send one byte of a request each second and begin again when they are cut.
private final class Drip: Sendable {
    private let port: Int
    private let count: Int
    private let isRunning = Atomic(false)
    private let cuts = Atomic(0)
    private let thread = Locked<NativeThread?>(nil)
    private static let request = Array(
        "POST /webhooks/telegram/main HTTP/1.1\r\nHost: h\r\nX-Slow: \(String(repeating: "x", count: 200))".utf8
    )

    init(port: Int, count: Int) {
        self.port = port
        self.count = count
    }

    /// How many connections the server has ended so far.
    var cutCount: Int { cuts.load(ordering: .relaxed) }

    func start() {
        isRunning.store(true, ordering: .sequentiallyConsistent)
        let started = NativeThread.start(name: "drip") { self.main() }
        thread.withLock { $0 = started }
    }

    func stop() {
        isRunning.store(false, ordering: .sequentiallyConsistent)
        thread.withLock { $0.take() }?.join()
    }

    private func main() {
        var clients: [(connection: RawConnection?, sent: Int)] = Array(repeating: (nil, 0), count: count)
        while isRunning.load(ordering: .relaxed) {
            // Spread over the second, as strangers are.
            for index in clients.indices {
                step(&clients[index])
                usleep(UInt32(1_000_000 / count))
            }
        }
    }

    private func step(_ client: inout (connection: RawConnection?, sent: Int)) {
        if let connection = client.connection {
            let byte = Self.request[client.sent % Self.request.count]
            client.sent += 1
            if connection.send([byte]) { return }
            cuts.wrappingAdd(1, ordering: .relaxed)
        }
        // A refused connection is tried again a second later.
        client = (try? RawConnection(port: port), 0)
    }
}
