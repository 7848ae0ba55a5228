internal import Concurrency
internal import EventLoop
internal import LoadtestKit
internal import LocalSystem

/// What connections cost that ask for nothing, and what a server costs that nobody asks.
enum IdleCosts {
    private static let connectionCount = 10_000
    private static let request = Array(
        "POST /webhooks/telegram/main HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}".utf8
    )

    static func measure(_ server: Contestant, _ loop: EventLoop, _ bench: inout Bench) async throws {
        let before = server.residentBytes
        // Each has sent a request and has its answer: kept alive, not merely open.
        let connections = try await BlockingExecutor.shared.run {
            try (0..<connectionCount).map { _ in
                let connection = try RawConnection(port: server.port)
                guard connection.send(request), !connection.receive().isEmpty else {
                    throw OperatorError("An idle connection was refused.", "")
                }
                return connection
            }
        }
        let megabytes = Double(server.residentBytes - before) / 1e6
        // A moment to settle. The twenty seconds after it hold the one at which each header's deadline would have been.
        try await loop.sleep(for: .seconds(2))
        let cpu = server.cpuSeconds
        try await loop.sleep(for: .seconds(20))
        let share = (server.cpuSeconds - cpu) * 5
        Console.say(
            "\n\(connections.count) idle connections: \(Bench.format(megabytes)) MB, \(Bench.format(share)) % of a core"
        )
        bench.require("idle_connections_megabytes", megabytes, .atMost(60))
        bench.require("idle_cpu_percent", share, .atMost(0.2))
    }
}
