import Concurrency
import HTTP
import HTTPServer
import TestSupport
import Testing
import Time

/// Handlers that answer by `Reply` instead of being a task.
@Suite struct DeferredTests {
    private static let elsewhere = BlockingExecutor(threads: 2, name: "elsewhere")

    private static func routes(_ router: inout Router) {
        router.onDeferred(.post, "/now/{name}", maximumBodyBytes: 8) { request, reply in
            reply.send(.text(200, "\(request.parameters["name"] ?? "") \(request.body.count)"))
        }
        router.onDeferred(.get, "/elsewhere/{name}") { request, reply in
            Task {
                try await elsewhere.run { reply.send(.text(200, request.parameters["name"] ?? "")) }
            }
        }
        router.onDeferred(.get, "/twice") { _, reply in
            reply.send(.text(200, "first"))
            reply.send(.text(500, "second"))
        }
        router.onDeferred(.get, "/never") { _, _ in }
        router.onDeferred(.get, "/stream") { _, reply in
            reply.send(HTTPResponse(status: 200, body: .stream(length: 1) { try await $0.write([1]) }))
        }
    }

    @Test func `answers come from any thread and keep the order of their requests`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        var input = ""
        for number in 0..<100 {
            input +=
                number % 2 == 0
                ? "POST /now/n\(number) HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                : "GET /elsewhere/n\(number) HTTP/1.1\r\nHost: h\r\n\r\n"
        }
        try await client.send(input)
        for number in 0..<100 {
            let answer = try await client.answer()
            #expect(answer.status == 200 && answer.body == (number % 2 == 0 ? "n\(number) 2" : "n\(number)"))
        }
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `the first answer counts, and a reply without one is a 500`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        for (path, status) in [("/twice", 200), ("/never", 500), ("/stream", 500), ("/twice", 200)] {
            try await client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == status, "\(path)")
        }
        await server.stop()
    }

    @Test func `a body over the limit never reaches the handler`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await server.client()
        try await client.send("POST /now/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789")
        #expect(try await client.answer().status == 413)
        await server.stop()
    }

    @Test func `an answer after the route's time is dropped, and so is one to a client that has gone`() async throws {
        let replies = Locked<[Reply]>([])
        let server = try await RunningServer.start { router in
            router.onDeferred(.get, "/slow", timeout: .milliseconds(30)) { _, reply in
                replies.withLock { $0.append(reply) }
            }
            router.onDeferred(.get, "/held") { _, reply in replies.withLock { $0.append(reply) } }
        }
        let client = try await server.client()
        try await client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.status == 503 && answer.has("Connection: close"))
        #expect(try await client.receiveAll().isEmpty)
        try await server.client().send("GET /held HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        await eventually { replies.withLock { $0.count } == 2 }
        for reply in replies.withLock({ $0 }) { reply.send(.text(200, "late")) }
        await eventually { server.metric("atelier_http_requests_in_flight", "listener") == 0 }
        await server.stop()
    }

    @Test func `streams of HTTP 2 are answered too`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client())
        for number in 0..<20 {
            let stream = UInt32(2 * number + 1)
            try await client.sendRequest(stream, RawHTTP2Client.request("GET", "/elsewhere/n\(number)"))
            #expect(try await client.answer(stream).text == "n\(number)")
        }
        try await client.sendRequest(41, RawHTTP2Client.request("GET", "/never"))
        #expect(try await client.answer(41).status == 500)
        await server.stop()
    }

    @Test func `a gate stands before deferred handlers, others and the fallback`() async throws {
        var router = Router()
        Self.routes(&router)
        router.on(.get, "/task") { _ in .text(200, "task") }
        router.gates.append { $0.fields["Pass"] == nil ? .text(503, "closed") : nil }
        for path in ["/twice", "/task", "/nowhere"] {
            #expect(try await router.answer(HTTPRequest(method: .get, target: path)).status == 503)
            let passed = HTTPRequest(method: .get, target: path, fields: ["Pass": "1"])
            #expect(try await router.answer(passed).status == (path == "/nowhere" ? 404 : 200))
        }
    }
}
