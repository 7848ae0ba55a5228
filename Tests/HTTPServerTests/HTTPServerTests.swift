import Concurrency
import EventLoop
import HTTP
import HTTPServer
import Telemetry
import TestSupport
import Testing
import Time

@Suite struct RequestAndAnswerTests {
    private static func echo(_ router: inout Router) {
        router.on(.post, "/echo", maximumBodyBytes: 50_000) { request in
            HTTPResponse(status: 200, fields: ["X-Length": "\(request.body.count)"], body: .bytes(request.body))
        }
        router.on(.get, "/later/{name}") { request in
            await Task.yield()
            return .text(200, "\(request.parameters["name"] ?? "") \(request.remoteAddress)")
        }
        router.on(.get, "/failure") { _ in throw CancellationError() }
        router.on(.get, "/injection") { _ in
            HTTPResponse(status: 200, fields: ["X": "a\r\nSet-Cookie: b"], body: .bytes([1]))
        }
        router.on(.delete, "/echo") { _ in HTTPResponse(status: 204) }
    }

    @Test func `requests on one connection are answered in order, pipelined in one piece`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        var input = ""
        for number in 0..<200 {
            input +=
                number % 2 == 0
                ? "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\(1_000 + number)"
                : "GET /later/n\(number) HTTP/1.1\r\nHost: h\r\n\r\n"
        }
        try await client.send(input)
        for number in 0..<200 {
            let answer = try await client.answer()
            #expect(answer.status == 200)
            #expect(answer.body == (number % 2 == 0 ? "\(1_000 + number)" : "n\(number) 127.0.0.1"))
        }
        #expect(server.metric("atelier_http_requests_total", #"route="/echo",method="POST",status="2xx""#) == 100)
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `a request that drips in byte by byte is answered`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        let text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for byte in text.utf8 { try await client.send([byte]) }
        #expect(try await client.answer().body == "hello")
        await server.stop()
    }

    @Test func `HEAD gets GET's header without its body`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        try await client.send("HEAD /later/abc HTTP/1.1\r\nHost: h\r\n\r\nDELETE /echo HTTP/1.1\r\nHost: h\r\n\r\n")
        let head = try await client.answer(toHead: true)
        #expect(head.status == 200 && head.has("Content-Length: 13"))
        let deleted = try await client.answer()
        #expect(deleted.status == 204 && !deleted.head.lowercased().contains("content-length"))
        await server.stop()
    }

    @Test func `100 Continue is sent when the client waits for it, and only then`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        let head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        try await client.send(head)
        #expect(try await client.answer().status == 100)
        try await client.send("hi")
        #expect(try await client.answer().body == "hi")
        try await client.send(head + "ho")
        #expect(try await client.answer().body == "ho")
        // A body that is too long is refused before it is sent.
        try await client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 50001\r\n\r\n")
        #expect(try await client.answer().status == 413)
        await server.stop()
    }

    @Test func `a body over the route's limit is 413 and the connection ends`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let announced = try await server.client()
        try await announced.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
        try await announced.send(String(repeating: "x", count: 60_000))
        let refusal = try await announced.answer()
        #expect(refusal.status == 413 && refusal.has("Connection: close"))
        #expect(try await announced.receiveAll().isEmpty)

        let chunked = try await server.client()
        try await chunked.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<6 { try await chunked.send("2710\r\n\(String(repeating: "x", count: 10_000))\r\n") }
        #expect(try await chunked.answer().status == 413)
        #expect(server.metric("atelier_http_refused_total", #"reason="body_too_large""#) == 2)
        await server.stop()
    }

    @Test func `nothing after a refused request is looked at`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        try await client.send(
            "GET /later/a HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                + "Transfer-Encoding: chunked\r\n\r\nGET /later/b HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        #expect(try await client.answer().status == 200)
        let refusal = try await client.answer()
        #expect(refusal.status == 400 && refusal.body.contains("length_and_coding"))
        #expect(try await client.receiveAll().isEmpty)
        await server.stop()
    }

    @Test func `a failed handler is 500 and the connection goes on`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        try await client.send("GET /failure HTTP/1.1\r\nHost: h\r\n\r\nGET /later/x HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.answer().status == 500)
        #expect(try await client.answer().status == 200)
        try await client.send("GET /injection HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.status == 500 && !answer.head.contains("Set-Cookie"))
        await server.stop()
    }

    @Test func `an unknown path with a body is 404 and the body is not taken for a request`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        let inner = "GET /later/x HTTP/1.1\r\nHost: h\r\n\r\n"
        try await client.send(
            "POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: \(inner.utf8.count)\r\n\r\n" + inner
        )
        #expect(try await client.answer().status == 404)
        #expect(try await client.receiveAll().isEmpty)
        await server.stop()
    }

    @Test func `HTTP 1.0 is closed unless it asks to stay`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        try await client.send("GET /later/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try await client.answer().has("Connection: keep-alive"))
        try await client.send("GET /later/a HTTP/1.0\r\n\r\n")
        #expect(try await client.answer().has("Connection: close"))
        #expect(try await client.receiveAll().isEmpty)
        await server.stop()
    }

    @Test func `a client that closes its half after the request still gets the answer`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.echo)
        let client = try await server.client()
        try await client.send("GET /later/a HTTP/1.1\r\nHost: h\r\n\r\n")
        client.finish()
        #expect(try await client.answer().status == 200)
        #expect(try await client.receiveAll().isEmpty)
        await server.stop()
    }
}

@Suite struct LimitTests {
    @Test func `a header that is not complete in time is 408`() async throws {
        let server = try await RunningServer.start({ $0.headerDeadline = .seconds(2) }) { _ in }
        let client = try await server.client()
        // The clock starts with a request's first byte; before the first request it starts with the connection.
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.answer().status == 404)
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n")
        // Bytes that go on dripping do not move the deadline.
        async let dripping: Void = {
            for _ in 0..<20 { try await client.send("x") }
        }()
        #expect(try await client.answer().status == 408)
        try? await dripping  // The server may have closed already.
        #expect(server.metric("atelier_http_refused_total", #"reason="header_deadline""#) == 1)
        await server.stop()
    }

    @Test func `a body that is not complete in time is 408`() async throws {
        let server = try await RunningServer.start({ $0.bodyDeadline = .milliseconds(30) }) {
            $0.on(.post, "/p") { _ in .text(200, "") }
        }
        let client = try await server.client()
        try await client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
        #expect(try await client.answer().status == 408)
        await server.stop()
    }

    @Test func `an idle connection is closed in silence`() async throws {
        let server = try await RunningServer.start({ $0.idleTimeout = .milliseconds(30) }) {
            $0.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await server.client()
        try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.answer().status == 200)
        #expect(try await client.receiveAll().isEmpty)
        // The client can see the end before it is counted.
        await eventually { server.metric("atelier_http_connections_closed_total", #"reason="idle""#) == 1 }
        await server.stop()
    }

    @Test func `a handler over its time is cancelled and answered 503`() async throws {
        let wasCancelled = Locked(false)
        let server = try await RunningServer.start { router in
            router.on(.get, "/slow", timeout: .milliseconds(30)) { _ in
                guard let loop = EventLoop.current else { return .text(500, "not on the loop") }
                do { try await loop.sleep(for: .seconds(600)) } catch {
                    wasCancelled.withLock { $0 = true }
                    throw error
                }
                return .text(200, "late")
            }
        }
        let client = try await server.client()
        try await client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.status == 503 && answer.has("Retry-After: 1") && answer.has("Connection: close"))
        #expect(try await client.receiveAll().isEmpty)
        await eventually { wasCancelled.withLock { $0 } }
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `connections beyond the limits are turned away, and let in when others have gone`() async throws {
        let server = try await RunningServer.start({ $0.maximumConnectionsPerAddress = 2 }) {
            $0.on(.get, "/") { _ in .text(200, "x") }
        }
        let clients = [try await server.client(), try await server.client()]
        for client in clients {
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == 200)
        }
        let third = try await server.client()
        #expect(try await third.answer().status == 503)
        #expect(server.metric("atelier_http_refused_total", #"reason="connections_per_address""#) == 1)
        try await clients[0].send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(try await clients[0].receiveAll().hasSuffix("\r\n\r\nx"))
        clients[0].finish()
        while server.metric("atelier_http_connections", "listener") > 1 { await Task.yield() }
        let fourth = try await server.client()
        try await fourth.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await fourth.answer().status == 200)
        await server.stop()
    }

    @Test func `the last request of a connection is told so`() async throws {
        let server = try await RunningServer.start({ $0.requestsPerConnection = 3 }) {
            $0.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await server.client()
        try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 5))
        #expect(try await !client.answer().has("Connection: close"))
        #expect(try await !client.answer().has("Connection: close"))
        #expect(try await client.answer().has("Connection: close"))
        #expect(try await client.receiveAll().isEmpty)
        await server.stop()
    }

    @Test func `a port that is taken is told apart from other failures`() async throws {
        let server = try await RunningServer.start { _ in }
        let taken = await #expect(throws: HTTPServerError.self) {
            _ = try await RunningServer.start({ $0.port = server.port }) { _ in }
        }
        #expect(taken?.code == .addressInUse)
        let invalid = await #expect(throws: HTTPServerError.self) {
            _ = try await RunningServer.start({ $0.host = "not an address" }) { _ in }
        }
        #expect(invalid?.code == .addressInvalid)
        await server.stop()
    }
}

@Suite struct StopTests {
    @Test func `stop lets the request in flight end and closes idle connections`() async throws {
        let gate = Locked<CheckedContinuation<Void, Never>?>(nil)
        let server = try await RunningServer.start { router in
            router.on(.get, "/held") { _ in
                await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
                return .text(200, "done")
            }
        }
        let (busy, idle) = (try await server.client(), try await server.client())
        try await busy.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n")
        while gate.withLock({ $0 == nil }) { await Task.yield() }
        async let stopped: Void = server.server.stop(within: .seconds(60))
        #expect(try await idle.receiveAll().isEmpty)
        idle.finish()
        await #expect(throws: (any Error).self) { _ = try await server.client() }
        gate.withLock { $0.take() }?.resume()
        let answer = try await busy.answer()
        #expect(answer.body == "done" && answer.has("Connection: close"))
        busy.finish()
        await stopped
        server.loop.shutdown()
    }

    @Test func `stop does not wait longer than it is told to`() async throws {
        let server = try await RunningServer.start { router in
            router.on(.get, "/never") { _ in
                try await EventLoop.current?.sleep(for: .seconds(600))
                return .text(200, "")
            }
        }
        let client = try await server.client()
        try await client.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
        while server.metric("atelier_http_requests_in_flight", "listener") == 0 { await Task.yield() }
        let began = Deadline.monotonicNow()
        await server.server.stop(within: .milliseconds(20))
        #expect(Deadline.monotonicNow() - began < 5_000_000_000)
        #expect(try await client.receiveAll().isEmpty)
        server.loop.shutdown()
    }
}

@Suite struct BodyTests {
    @Test func `a stream without length is chunked, one with a length is not`() async throws {
        let server = try await RunningServer.start { router in
            router.on(.get, "/chunked") { _ in
                HTTPResponse(
                    status: 200,
                    body: .stream(length: nil) { writer in
                        for number in 0..<5 {
                            try await writer.write(Array("piece \(number);".utf8))
                            try await writer.write([])
                            await Task.yield()
                        }
                    }
                )
            }
            router.on(.get, "/known") { _ in
                HTTPResponse(status: 200, body: .stream(length: 6) { try await $0.write(Array("sixsix".utf8)) })
            }
        }
        let client = try await server.client()
        try await client.send("GET /chunked HTTP/1.1\r\nHost: h\r\n\r\nGET /known HTTP/1.1\r\nHost: h\r\n\r\n")
        let chunked = try await client.answer()
        #expect(chunked.has("Transfer-Encoding: chunked"))
        #expect(chunked.body == "piece 0;piece 1;piece 2;piece 3;piece 4;")
        let known = try await client.answer()
        #expect(known.body == "sixsix" && known.has("Content-Length: 6"))
        try await client.send("GET /chunked HTTP/1.0\r\n\r\n")
        #expect(try await client.receiveAll().hasSuffix("\r\n\r\npiece 0;piece 1;piece 2;piece 3;piece 4;"))
        await server.stop()
    }

    @Test(arguments: ["/short", "/long", "/failing"])
    func `a stream that breaks its word breaks the connection`(path: String) async throws {
        let server = try await RunningServer.start { router in
            router.on(.get, "/short") { _ in
                HTTPResponse(status: 200, body: .stream(length: 9) { try await $0.write([65]) })
            }
            router.on(.get, "/long") { _ in
                HTTPResponse(status: 200, body: .stream(length: 1) { try await $0.write([65, 66]) })
            }
            router.on(.get, "/failing") { _ in
                HTTPResponse(
                    status: 200,
                    body: .stream(length: nil) {
                        try await $0.write([65])
                        throw CancellationError()
                    }
                )
            }
        }
        let client = try await server.client()
        try await client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
        await #expect(throws: (any Error).self) { _ = try await client.answer() }
        // The client sees the end before the server has counted it.
        await eventually { server.metric("atelier_http_connections_closed_total", #"reason="broken_body""#) == 1 }
        await server.stop()
    }

    @Test func `a writer waits for a slow reader and nothing is lost`() async throws {
        let written = Locked(0)
        let server = try await RunningServer.start({ $0.outputBytes = 65_536 }) { router in
            router.on(.get, "/flood") { _ in
                HTTPResponse(
                    status: 200,
                    body: .stream(length: 20_000_000) { writer in
                        for number in 0..<200 {
                            try await writer.write([UInt8](repeating: UInt8(number), count: 100_000))
                            written.withLock { $0 += 1 }
                        }
                    }
                )
            }
        }
        let client = try await RawClient(port: server.port, receiveBuffer: 16_384)
        try await client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
        // The writer comes to rest far from its end while nobody reads.
        var before = -1
        while written.withLock({ $0 }) != before {
            before = written.withLock { $0 }
            try await server.loop.sleep(for: .milliseconds(20))
        }
        #expect(before < 150)
        var received = 0
        while true {
            let piece = try await client.receive()
            if piece.isEmpty { break }
            received += piece.count
            if received > 20_000_000 { break }
        }
        #expect(received > 20_000_000)
        #expect(written.withLock { $0 } == 200)
        await server.stop()
    }

    @Test func `a reader that has stopped reading is given up`() async throws {
        let outcome = Locked<String?>(nil)
        let server = try await RunningServer.start({ $0.writeDeadline = .milliseconds(50) }) { router in
            router.on(.get, "/flood") { _ in
                HTTPResponse(
                    status: 200,
                    body: .stream(length: nil) { writer in
                        do {
                            while true { try await writer.write([UInt8](repeating: 0, count: 100_000)) }
                        } catch {
                            outcome.withLock { $0 = "\(type(of: error))" }
                            throw error
                        }
                    }
                )
            }
        }
        let client = try await RawClient(port: server.port, receiveBuffer: 16_384)
        try await client.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
        while outcome.withLock({ $0 == nil }) { await Task.yield() }
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="write_deadline""#) == 1)
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `a peer that goes away cancels the stream`() async throws {
        let hasEnded = Locked(false)
        let server = try await RunningServer.start { router in
            router.on(.get, "/events") { _ in
                HTTPResponse(
                    status: 200,
                    body: .stream(length: nil) { writer in
                        defer { hasEnded.withLock { $0 = true } }
                        try await writer.write([65])
                        try await EventLoop.current?.sleep(for: .seconds(600))
                    }
                )
            }
        }
        let client = try await server.client()
        try await client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await !client.receive().isEmpty)
        client.finish()
        while !hasEnded.withLock({ $0 }) { await Task.yield() }
        await server.stop()
    }

    @Test func `a file is sent from its offset, a missing one is 500`() async throws {
        let path = "/tmp/atelier-body-\(Deadline.monotonicNow()).bin"
        let content = (0..<700_000).map { UInt8(65 + $0 % 26) }
        try writeFile(path, content)
        defer { removeFile(path) }
        let server = try await RunningServer.start { router in
            router.on(.get, "/file") { _ in
                HTTPResponse(status: 200, body: .file(path: path, offset: 100_000, length: 600_000))
            }
            router.on(.get, "/missing") { _ in
                HTTPResponse(status: 200, body: .file(path: path + ".missing", offset: 0, length: 1))
            }
            router.on(.get, "/beyond") { _ in
                HTTPResponse(status: 200, body: .file(path: path, offset: 600_000, length: 200_000))
            }
        }
        let client = try await server.client()
        try await client.send("GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try await client.answer()
        #expect(Array(answer.body.utf8) == Array(content[100_000...]))
        for path in ["/missing", "/beyond"] {
            try await client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await client.answer().status == 500)
        }
        await server.stop()
    }
}
