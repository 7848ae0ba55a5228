import Concurrency
import EventLoop
import Foundation
import HTTP
import HTTPClient
import HTTPServer
import Telemetry
import TestSupport
import Testing

/// The client and our own server over TLS, where they agree on HTTP/2.
@Suite struct OwnServerTests {
    private static func with(
        _ routes: (inout Router) -> Void,
        _ body: (_ client: HTTPClient, _ url: String, _ connections: () -> Double) async throws -> Void
    ) async throws {
        let certificates = try await TestCertificates()
        try await certificates.issue("server", subject: "localhost", names: "DNS:localhost")
        let loop = EventLoop(name: "own-server-test")
        let metrics = Metrics(service: "test")
        let log = Log(service: "test", level: .error)
        var configuration = HTTPServerConfiguration(host: "127.0.0.1", port: 0, name: "public")
        let identity = TLSConfiguration.Identity(
            certificateFile: certificates.path("server.pem"),
            keyFile: certificates.path("server.key")
        )
        configuration.tls = TLSConfiguration(identities: [identity])
        var router = Router()
        routes(&router)
        let server = HTTPServer(configuration, router: router, loop: loop, metrics: metrics, log: log)
        let port = try await server.start()
        let client = HTTPClient(
            loop: loop,
            configuration: HTTPClientConfiguration(certificateAuthorityFile: certificates.path("ca.pem")),
            metrics: metrics,
            log: log
        )
        func connections() -> Double {
            let lines = String(decoding: metrics.render(), as: UTF8.self).split(separator: "\n")
            let line = lines.first { $0.hasPrefix("atelier_http_connections_total{") }
            return line?.split(separator: " ").last.flatMap { Double($0) } ?? 0
        }
        try await body(client, "https://localhost:\(port)", connections)
        await client.shutdown()
        await server.stop(within: .zero)
        loop.shutdown()
    }

    @Test func `calls at the same time share one connection, each with its own answer`() async throws {
        let callers = 20
        let inside = Locked(0)
        try await Self.with { router in
            router.on(.get, "/") { _ in .text(200, "x") }
            // Nobody is answered before all are there, so one connection must carry them side by side.
            router.on(.post, "/together/{name}", timeout: .seconds(20)) { request in
                inside.withLock { $0 += 1 }
                while inside.withLock({ $0 }) < callers { try await EventLoop.current?.sleep(for: .milliseconds(5)) }
                return .text(200, "\(request.parameters["name"] ?? "") \(request.body.count)")
            }
        } _: { client, url, connections in
            #expect(try await client.send(ClientRequest(url: "\(url)/")).status == 200)
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<callers {
                    group.addTask {
                        let body = ClientBody.bytes([UInt8](repeating: 1, count: 1_000 * number))
                        let call = ClientRequest(method: .post, url: "\(url)/together/\(number)", body: body)
                        return String(decoding: try await client.send(call).body, as: UTF8.self)
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(answers == Set((0..<callers).map { "\($0) \(1_000 * $0)" }))
            #expect(connections() == 1)
        }
    }

    @Test func `files go up as the handler reads them and come down whole`() async throws {
        let size = 3_000_000
        let content = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let (up, down) = (temporaryPath(), temporaryPath())
        try content.write(to: URL(filePath: up))
        defer { for path in [up, down] { try? FileManager.default.removeItem(atPath: path) } }
        try await Self.with { router in
            router.onStream(.put, "/file", maximumBodyBytes: size, timeout: .seconds(30)) { request in
                var received = Data()
                while let piece = try await request.stream?.next() { received += piece }
                return .text(received == content ? 200 : 409, "\(received.count)")
            }
            router.on(.get, "/file") { _ in
                HTTPResponse(status: 200, body: .file(path: up, offset: 0, length: Int64(size)))
            }
        } _: { client, url, connections in
            let answer = try await client.send(
                ClientRequest(method: .put, url: "\(url)/file", body: .file(path: up), timeout: .seconds(30))
            )
            #expect(answer.status == 200)
            let call = ClientRequest(url: "\(url)/file", timeout: .seconds(30))
            #expect(try await client.download(call, to: down, maximumBytes: Int64(size)).status == 200)
            #expect(try Data(contentsOf: URL(filePath: down)) == content)
            #expect(connections() == 1)
        }
    }
}
