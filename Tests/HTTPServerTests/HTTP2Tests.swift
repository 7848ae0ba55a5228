import Concurrency
import EventLoop
import HTTP
import HTTPServer
import Testing
import Time

@Suite struct HTTP2ExchangeTests {
    static func routes(_ router: inout Router) {
        router.on(.post, "/echo", maximumBodyBytes: 400_000) { request in
            HTTPResponse(status: 200, fields: ["X-Length": "\(request.body.count)"], body: .bytes(request.body))
        }
        router.on(.get, "/later/{name}") { request in
            await Task.yield()
            return .text(200, "\(request.parameters["name"] ?? "") \(request.fields["host"] ?? "")")
        }
        router.on(.get, "/cookie") { .text(200, $0.fields["Cookie"] ?? "") }
        router.on(.get, "/failure") { _ in throw CancellationError() }
        router.on(.get, "/injection") { _ in
            HTTPResponse(status: 200, fields: ["X": "a\r\nSet-Cookie: b"], body: .bytes([1]))
        }
        router.on(.delete, "/echo") { _ in HTTPResponse(status: 204) }
        router.on(.get, "/stream/{count}") { request in
            let count = request.parameters["count"].flatMap { Int($0) } ?? 0
            return HTTPResponse(
                status: 200,
                body: .stream(length: nil) { writer in
                    for number in 0..<count {
                        try await writer.write([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 10_000))
                    }
                }
            )
        }
        router.on(.get, "/broken") { _ in
            HTTPResponse(status: 200, body: .stream(length: 10) { try await $0.write([1, 2, 3]) })
        }
        router.on(.get, "/slow", timeout: .milliseconds(30)) { _ in
            try await EventLoop.current?.sleep(for: .seconds(600))
            return .text(200, "late")
        }
    }

    @Test func `streams of one connection are answered by the same handlers as HTTP 1`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client())
        for number in 0..<50 {
            let stream = UInt32(2 * number + 1)
            if number % 2 == 0 {
                try await client.sendRequest(stream, RawHTTP2Client.request("GET", "/later/n\(number)"))
                #expect(try await client.answer(stream).text == "n\(number) h")
            } else {
                let body = Array("body \(number)".utf8)
                try await client.sendRequest(stream, RawHTTP2Client.request("POST", "/echo"), body: body)
                let answer = try await client.answer(stream)
                #expect(answer.status == 200 && answer.body == body)
            }
        }
        #expect(server.metric("atelier_http_requests_total", #"route="/echo",method="POST",status="2xx""#) == 25)
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `a connection that drips in byte by byte is understood`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = RawHTTP2Client(try await server.client())
        let request = RawHTTP2Client.frame(
            .headers,
            flags: 4,
            stream: 1,
            payload: RawHTTP2Client.block(RawHTTP2Client.request("POST", "/echo"))
        )
        let bytes =
            RawHTTP2Client.preface + RawHTTP2Client.frame(.settings, payload: RawHTTP2Client.setting(1, 0)) + request
            + RawHTTP2Client.frame(.data, flags: 1, stream: 1, payload: Array("hello".utf8))
        for byte in bytes { try await client.send([byte]) }
        #expect(try await client.answer(1).text == "hello")
        await server.stop()
    }

    @Test func `a body larger than the windows arrives whole, and so does its echo`() async throws {
        let server = try await RunningServer.start({ $0.http2.streamWindowBytes = 20_000 }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client(), window: 1 << 20)
        let flags = RawHTTP2Client.endHeaders
        let block = RawHTTP2Client.block(RawHTTP2Client.request("POST", "/echo"))
        try await client.send(
            RawHTTP2Client.frame(.windowUpdate, payload: RawHTTP2Client.bytes(1 << 20))
                + RawHTTP2Client.frame(.headers, flags: flags, stream: 1, payload: block)
        )
        var sent = 0
        var window = 20_000
        while sent < 300_000 {
            // What the server has not opened must not be sent; its updates say how far we may go.
            while window < 10_000 {
                let update = try #require(try await client.next(.windowUpdate))
                if update.stream == 1 { window += Int(update.payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) }
            }
            let isLast = sent == 290_000
            let piece = [UInt8](repeating: 7, count: 10_000)
            try await client.send(RawHTTP2Client.frame(.data, flags: isLast ? 1 : 0, stream: 1, payload: piece))
            sent += 10_000
            window -= 10_000
        }
        #expect(try await client.answer(1).body.count == 300_000)
        await server.stop()
    }

    @Test func `HEAD, 204, 404, 405 and failures are what they are over HTTP 1`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client())
        let cases: [(String, String, Int)] = [
            ("HEAD", "/later/a", 200), ("DELETE", "/echo", 204), ("GET", "/nowhere", 404), ("PUT", "/echo", 405),
            ("GET", "/failure", 500), ("GET", "/injection", 500), ("GET", "/slow", 503), ("GET", "/later/a", 200),
        ]
        for (index, (method, path, status)) in cases.enumerated() {
            let stream = UInt32(2 * index + 1)
            try await client.sendRequest(stream, RawHTTP2Client.request(method, path))
            let answer = try await client.answer(stream)
            #expect(answer.status == status, "\(method) \(path)")
            if method == "HEAD" || status == 204 { #expect(answer.body.isEmpty) }
        }
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="handler_timeout""#) == 1)
        await server.stop()
    }

    @Test func `cookies sent one a field are one for the handler`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client())
        let cookies = [("cookie", "a=1"), ("cookie", "b=2")]
        try await client.sendRequest(1, RawHTTP2Client.request("GET", "/cookie", cookies))
        #expect(try await client.answer(1).text == "a=1; b=2")
        await server.stop()
    }

    @Test func `a streamed answer waits for the peer's window and then comes whole`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client(), window: 1_000)
        try await client.sendRequest(1, RawHTTP2Client.request("GET", "/stream/30"))
        var received = 0
        while let frame = try await client.next() {
            guard frame.kind == .data else { continue }
            received += frame.payload.count
            if frame.endsStream { break }
            let credit = RawHTTP2Client.bytes(UInt32(frame.payload.count))
            try await client.send(
                RawHTTP2Client.frame(.windowUpdate, payload: credit)
                    + RawHTTP2Client.frame(.windowUpdate, stream: 1, payload: credit)
            )
        }
        #expect(received == 300_000)
        await server.stop()
    }

    @Test func `a streamed body that is not whole ends its stream only`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await RawHTTP2Client.open(try await server.client())
        try await client.sendRequest(1, RawHTTP2Client.request("GET", "/broken"))
        #expect(try await client.answer(1).reset == 2)
        try await client.sendRequest(3, RawHTTP2Client.request("GET", "/later/x"))
        #expect(try await client.answer(3).status == 200)
        await server.stop()
    }

    @Test func `a cancelled request cancels its handler and frees its stream`() async throws {
        let wasCancelled = Locked(false)
        let server = try await RunningServer.start { router in
            router.on(.get, "/held") { _ in
                do { try await EventLoop.current?.sleep(for: .seconds(600)) } catch {
                    wasCancelled.withLock { $0 = true }
                    throw error
                }
                return .text(200, "late")
            }
            router.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await RawHTTP2Client.open(try await server.client())
        try await client.sendRequest(1, RawHTTP2Client.request("GET", "/held"))
        try await client.send(RawHTTP2Client.frame(.reset, stream: 1, payload: RawHTTP2Client.bytes(8)))
        try await client.sendRequest(3, RawHTTP2Client.request("GET", "/"))
        #expect(try await client.answer(3).status == 200)
        while !wasCancelled.withLock({ $0 }) { await Task.yield() }
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }
}
