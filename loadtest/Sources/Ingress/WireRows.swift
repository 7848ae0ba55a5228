internal import EventLoop
internal import LoadtestKit
internal import LocalSystem

/// The rows of `bench-ingress` over HTTP/2 and over TLS, each beside nginx that speaks the same.
struct WireRows {
    private enum Wire: CaseIterable {
        case http2, tls

        /// For the table, and for the figures' names.
        var names: (title: String, figure: String) {
            switch self {
            case .http2: ("HTTP/2", "http2")
            case .tls: ("TLS 1.3", "tls")
            }
        }
    }

    private struct Row {
        var rate: [Double] = []
        var p50: [Double] = []
        var p99: [Double] = []
        var own: [Double] = []
        var postgres: [Double] = []
        /// In PostgreSQL afterwards.
        var new: [Double] = []
    }

    let test: IngressUnderTest
    let peers: BenchPeers
    let seconds: Int
    let rounds: Int
    /// The first update id that is free.
    var nextID: Int
    private(set) var table: [[String]] = []
    private(set) var figures: [(String, Double)] = []

    private static let tlsConnections = 256

    init(test: IngressUnderTest, peers: BenchPeers, seconds: Int, rounds: Int, nextID: Int) {
        self.test = test
        self.peers = peers
        self.seconds = seconds
        self.rounds = rounds
        self.nextID = nextID
    }

    mutating func run() async throws {
        let certificate = try await peers.certificate()
        for wire in Wire.allCases {
            let variables = [
                "ATELIER_PUBLIC_TLS_CERTIFICATES": certificate.file, "ATELIER_PUBLIC_TLS_KEYS": certificate.key,
            ]
            let ingress = try await test.start(wire == .tls ? variables : [:])
            let port = try Tool.freePort()
            let nginx = try await peers.nginx(
                port: port,
                listen: wire == .tls ? "ssl" : "http2",
                certificate: wire == .tls ? certificate : nil
            )
            var rows = (ingress: Row(), nginx: Row())
            for _ in 0..<rounds {
                let books = try await Books(test)
                let (seen, unseen) = try await measure(wire, ingress, port: test.port, &rows.ingress)
                rows.ingress.new.append(Double(try await books.check(seen: seen, unseen: unseen)))
                _ = try await measure(wire, nginx, port: port, &rows.nginx)
            }
            try await ingress.stop(test.loop)
            try await nginx.stop(test.loop)
            report(wire, rows.ingress, rows.nginx)
        }
    }

    /// - Returns: Answers seen, and how many may have gone unseen.
    private mutating func measure(
        _ wire: Wire,
        _ server: RunningProcess,
        port: Int,
        _ row: inout Row
    ) async throws -> (seen: Int, unseen: Int) {
        let (own, postgres) = (usage(server.pid), usage(test.postgres.pid))
        let first = nextID
        nextID += 10_000_000
        let seen: Int
        switch wire {
        case .http2:
            let load = HTTP2Loop(port: port, secret: test.secret, seconds: seconds, firstID: first, loop: test.loop)
            let result = try await load.run()
            guard result.refused == 0 else { throw OperatorError("\(result.refused) posts were refused.", "") }
            seen = result.acknowledged
            row.rate.append(Double(seen) / Double(seconds))
            row.p50.append(result.latencies.milliseconds(0.5))
            row.p99.append(result.latencies.milliseconds(0.99))
        case .tls:
            let wrk = Wrk(
                url: "https://127.0.0.1:\(port)/webhooks/telegram/main",
                connections: Self.tlsConnections,
                seconds: seconds,
                script: test.rig.project.root + "/loadtest/wrk/updates.lua",
                arguments: [test.secret, "\(first)"]
            )
            let result = try await wrk.run()
            guard result.refused == 0, result.socketErrors == 0 else {
                throw OperatorError("\(result.refused) posts refused, \(result.socketErrors) socket errors.", "")
            }
            seen = Int(result.requests)
            row.rate.append(result.requestsPerSecond)
            row.p50.append(result.p50Milliseconds)
            row.p99.append(result.p99Milliseconds)
        }
        row.own.append((usage(server.pid) - own) * 1e6 / Double(seen))
        row.postgres.append((usage(test.postgres.pid) - postgres) * 1e6 / Double(seen))
        return (seen, wire == .tls ? Self.tlsConnections : 0)
    }

    private func usage(_ pid: Int32) -> Double { ProcessUsage.ofTree(pid).cpuSeconds }

    private mutating func report(_ wire: Wire, _ ingress: Row, _ nginx: Row) {
        let (title, figure) = wire.names
        let connections = wire == .tls ? "\(Self.tlsConnections)" : "\(HTTP2Loop.connections)x\(HTTP2Posts.streams)"
        let ratio = ingress.rate.median / nginx.rate.median
        for (name, row, isOurs) in [("ingress", ingress, true), ("nginx", nginx, false)] {
            table.append([
                "\(name), \(title)", connections, Bench.format(row.rate.median.rounded()), Bench.format(row.p50.median),
                Bench.format(row.p99.median), Bench.format(row.own.median),
                isOurs ? Bench.format(row.postgres.median) : "-", isOurs ? Bench.format(ratio) : "-", "-",
                isOurs ? "\(Int(row.new.median))" : "-",
            ])
        }
        figures.append(("\(figure)_requests_per_second", ingress.rate.median))
        figures.append(("\(figure)_to_nginx", ratio))
    }
}
