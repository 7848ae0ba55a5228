internal import Contracts
internal import EventLoop
internal import Foundation
internal import HTTP
internal import HTTPServer
internal import Lifecycle
internal import LoadtestKit
internal import Telemetry

/// The consumer of `bench-ingress`: answers `ok` for every event at once, and costs as little as it can.
struct BenchConsumer {
    static let scenario = LoadtestCommand.Scenario("bench-consumer") { loop, words in
        guard let port = words.first.flatMap({ Int($0) }) else { return 2 }
        return try await run(loop, port)
    }

    private static func run(_ loop: EventLoop, _ port: Int) async throws -> Int32 {
        StopSignals.listen { _ in exit(0) }
        var router = Router()
        for path in [HandleUpdates.path, HandleCallbacks.path, HandlePaymentEvents.path] {
            router.on(.post, path, maximumBodyBytes: 16 << 20) { .json(200, verdicts(for: $0.body)) }
        }
        for path in ["/healthz", "/readyz"] { router.on(.get, path) { _ in .text(200, "ok\n") } }
        let server = HTTPServer(
            HTTPServerConfiguration(host: "127.0.0.1", port: port, name: "consumer"),
            router: router,
            loop: loop,
            metrics: Metrics(service: "bench"),
            log: Log(service: "bench", level: .error)
        )
        _ = try await server.start()
        while true { try await loop.sleep(for: .seconds(3_600)) }
    }

    /// Looks for `"id":` with plain quotes: within an event's body, which is text, they are escaped.
    static func verdicts(for body: [UInt8]) -> [UInt8] {
        let name = Array(#""id":"#.utf8)
        var answer = Array(#"{"verdicts":["#.utf8)
        var isFirst = true
        var index = 1
        while index + name.count < body.count {
            defer { index += 1 }
            guard body[index] == name[0], body[index - 1] != UInt8(ascii: "\\"), body[index + 1] == name[1],
                body[index + 2] == name[2], body[index + 3] == name[3], body[index + 4] == name[4]
            else { continue }
            index += name.count
            if !isFirst { answer.append(UInt8(ascii: ",")) }
            isFirst = false
            answer += #"{"id":"#.utf8
            while index < body.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(body[index]) {
                answer.append(body[index])
                index += 1
            }
            answer += #","verdict":"ok"}"#.utf8
        }
        answer += "]}".utf8
        return answer
    }
}
