import EventLoop
import HTTP
import HTTPClient
import Telemetry
import Testing

@Suite struct ProxyTests {
    private let loop = EventLoop(name: "proxy-test")

    private func with(_ body: (HTTPClient, _ proxy: RawServer, _ direct: RawServer) async throws -> Void) async throws {
        let proxy = RawServer { connection in while connection.read() != nil { connection.answer(200, "by proxy") } }
        let direct = RawServer { connection in while connection.read() != nil { connection.answer(200, "direct") } }
        let client = HTTPClient(
            loop: loop,
            configuration: HTTPClientConfiguration(proxy: "http://127.0.0.1:\(proxy.port)"),
            metrics: Metrics(service: "test"),
            log: Log(service: "test", level: .error)
        )
        try await body(client, proxy, direct)
        await client.shutdown()
        proxy.stop()
        direct.stop()
    }

    @Test func `a provider is called through the proxy, which resolves its name`() async throws {
        try await with { client, proxy, _ in
            let answer = try await client.send(ClientRequest(url: "http://provider.invalid/v1?a=b"))
            #expect(String(decoding: answer.body, as: UTF8.self) == "by proxy")
            #expect(proxy.requests.first?.hasPrefix("GET http://provider.invalid/v1?a=b HTTP/1.1") == true)
        }
    }

    @Test func `our own services are not`() async throws {
        try await with { client, proxy, direct in
            var request = ClientRequest(url: direct.url())
            request.usesProxy = false
            let answer = try await client.send(request)
            #expect(String(decoding: answer.body, as: UTF8.self) == "direct")
            #expect(proxy.accepted == 0)
        }
    }

    @Test func `a guarded call never goes through it, since it would connect in our place`() async throws {
        try await with { client, proxy, direct in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.send(ClientRequest(url: direct.url(), addresses: .publicOnly))
            }
            #expect(error?.code == .addressRefused)
            #expect(proxy.accepted == 0 && direct.accepted == 0)
        }
    }
}
