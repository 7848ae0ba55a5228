import Concurrency
import EventLoop
import HTTP
import HTTPServer
import Testing
import Time

private typealias Raw = RawHTTP2Client

/// What a peer may not do. Each case goes over a socket of its own, and a fresh connection is served afterwards.
@Suite struct HTTP2LimitTests {
    static func routes(_ router: inout Router) {
        router.on(.get, "/") { _ in .text(200, "x") }
        router.on(.post, "/", maximumBodyBytes: 100_000) { .text(200, "\($0.body.count)") }
        router.on(.get, "/large") { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 200_000)))
        }
        router.on(.get, "/held") { _ in
            try await EventLoop.current?.sleep(for: .seconds(600))
            return .text(200, "late")
        }
    }

    /// Sends, and returns the GOAWAY's error code; nil if the connection ends without one.
    private static func goAway(after bytes: [UInt8], _ server: RunningServer) async throws -> UInt32? {
        let client = try await Raw.open(try await server.client())
        // The server may cut us off in the middle of a flood.
        try? await client.send(bytes)
        let error = try await client.next(.goAway)?.error
        let fresh = try await Raw.open(try await server.client())
        try await fresh.sendRequest(1, Raw.request("GET", "/"))
        #expect(try await fresh.answer(1).status == 200)
        return error
    }

    static let calm: UInt32 = 11

    @Test(arguments: [
        ("SETTINGS", Raw.frame(.settings)), ("PING", Raw.frame(.ping, payload: [0, 0, 0, 0, 0, 0, 0, 0])),
        ("PRIORITY", Raw.frame(.priority, stream: 3, payload: [0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE", Raw.frame(.windowUpdate, payload: Raw.bytes(1))),
    ])
    func `a flood of control frames ends the connection`(_ name: String, _ frame: [UInt8]) async throws {
        let server = try await RunningServer.start({ $0.http2.controlFrameBurst = 50 }, Self.routes)
        let flood = Array(repeatElement(frame, count: 200).joined())
        #expect(try await Self.goAway(after: flood, server) == Self.calm, "\(name)")
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="http2_control_frames""#) == 1)
        await server.stop()
    }

    @Test func `a flood of empty DATA frames ends the connection`() async throws {
        let server = try await RunningServer.start({ $0.http2.controlFrameBurst = 50 }, Self.routes)
        let block = Raw.block(Raw.request("POST", "/"))
        let flood = Array(repeatElement(Raw.frame(.data, stream: 1), count: 200).joined())
        let bytes = Raw.frame(.headers, flags: Raw.endHeaders, stream: 1, payload: block) + flood
        #expect(try await Self.goAway(after: bytes, server) == Self.calm)
        await server.stop()
    }

    @Test func `requests that are cancelled at once end the connection after a burst`() async throws {
        let server = try await RunningServer.start({ $0.http2.resetBurst = 20 }, Self.routes)
        let block = Raw.block(Raw.request("GET", "/held"))
        let flood = (0..<100).flatMap { number -> [UInt8] in
            let stream = UInt32(2 * number + 1)
            return Raw.frame(.headers, flags: 5, stream: stream, payload: block)
                + Raw.frame(.reset, stream: stream, payload: Raw.bytes(8))
        }
        #expect(try await Self.goAway(after: flood, server) == Self.calm)
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="http2_resets""#) == 1)
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `a peer that makes the server reset streams is one that cancels them`() async throws {
        let server = try await RunningServer.start({ $0.http2.resetBurst = 20 }, Self.routes)
        // A body longer than announced is an error of its stream only.
        let block = Raw.block(Raw.request("POST", "/", [("content-length", "1")]))
        let client = try await Raw.open(try await server.client())
        for number in 0..<100 {
            let stream = UInt32(2 * number + 1)
            // It may be cut off in the middle.
            try? await client.send(
                Raw.frame(.headers, flags: 4, stream: stream, payload: block)
                    + Raw.frame(.data, flags: 1, stream: stream, payload: [1, 2])
            )
        }
        #expect(try await client.next(.goAway)?.error == Self.calm)
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="http2_resets""#) == 1)
        await server.stop()
    }

    @Test func `a header that never ends is cut, by frames, by size and by time`() async throws {
        let server = try await RunningServer.start({ $0.headerDeadline = .seconds(2) }, Self.routes)
        let begin = Raw.frame(.headers, flags: 1, stream: 1, payload: Raw.block(Raw.request("GET", "/")))
        let many = begin + Array(repeatElement(Raw.frame(.continuation, stream: 1), count: 50).joined())
        #expect(try await Self.goAway(after: many, server) == Self.calm)
        // Each byte of an indexed field stands for the same 60 bytes of text.
        let field = Raw.block([("x-bomb", String(repeating: "b", count: 4_000))])
        let bomb = Raw.frame(.headers, flags: 1, stream: 1, payload: [0x40] + field.dropFirst())
        let references = [UInt8](repeating: 0xbe, count: 16_000)
        let blocks = bomb + Raw.frame(.continuation, flags: 4, stream: 1, payload: references)
        #expect(try await Self.goAway(after: blocks, server) == Self.calm)
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="http2_header_block""#) == 2)
        // One frame and then silence.
        let slow = try await Raw.open(try await server.client())
        try await slow.send(begin)
        #expect(try await slow.next(.goAway)?.error == Self.calm)
        #expect(server.metric("atelier_http_refused_total", #"reason="header_deadline""#) == 1)
        await server.stop()
    }

    /// Found by `make fuzz`: the library counts reads of a CONTINUATION frame's header, not frames.
    @Test func `a header in two frames may arrive byte by byte`() async throws {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await Raw.open(try await server.client())
        let block = Raw.block(Raw.request("GET", "/"))
        let frames =
            Raw.frame(.headers, flags: 1, stream: 1, payload: Array(block.prefix(4)))
            + Raw.frame(.continuation, flags: 4, stream: 1, payload: Array(block.dropFirst(4)))
        for byte in frames { try await client.send([byte]) }
        #expect(try await client.answer(1).status == 200)
        await server.stop()
    }

    @Test func `limits of header, target and body are answered on their stream, and the connection goes on`()
        async throws
    {
        let server = try await RunningServer.start({ _ in }, Self.routes)
        let client = try await Raw.open(try await server.client())
        let long = String(repeating: "a", count: 9_000)
        let many = (0..<101).map { ("x-\($0)", "v") }
        let cases: [([(String, String)], Int)] = [
            (Raw.request("GET", "/", [("x-large", long), ("y-large", long)]), 431),
            (Raw.request("GET", "/", many), 431), (Raw.request("GET", "/" + long), 414),
            (Raw.request("GET", "/%zz"), 400), (Raw.request("GET", "/%00"), 400),
            (Raw.request("GET", "/", [("host", "other")]), 400), (Raw.request("GET", "/", [("expect", "x")]), 417),
            (Raw.request("GET", "/"), 200),
        ]
        for (index, (fields, status)) in cases.enumerated() {
            let stream = UInt32(2 * index + 1)
            try await client.sendRequest(stream, fields)
            #expect(try await client.answer(stream).status == status, "case \(index)")
        }
        // Announced too long, and grown too long.
        let announced = Raw.request("POST", "/", [("content-length", "100001")])
        try await client.send(Raw.frame(.headers, flags: 4, stream: 101, payload: Raw.block(announced)))
        #expect(try await client.answer(101).status == 413)
        try await client.send(Raw.frame(.headers, flags: 4, stream: 103, payload: Raw.block(Raw.request("POST", "/"))))
        for _ in 0..<11 {
            try await client.send(Raw.frame(.data, stream: 103, payload: [UInt8](repeating: 0, count: 10_000)))
        }
        #expect(try await client.answer(103).status == 413)
        try await client.sendRequest(105, Raw.request("POST", "/"), body: [1, 2, 3])
        #expect(try await client.answer(105).text == "3")
        #expect(server.metric("atelier_http_refused_total", #"reason="body_too_large""#) == 2)
        await server.stop()
    }

    @Test func `dropped bodies give their window back`() async throws {
        let server = try await RunningServer.start({ $0.http2.connectionWindowBytes = 65_535 }, Self.routes)
        let client = try await Raw.open(try await server.client())
        let block = Raw.block(Raw.request("POST", "/nowhere"))
        let piece = [UInt8](repeating: 0, count: 10_000)
        var window = 65_535
        for number in 0..<40 {
            let stream = UInt32(2 * number + 1)
            while window < 10_000 {
                let update = try #require(try await client.next(.windowUpdate))
                if update.stream == 0 { window += Int(update.payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }) }
            }
            try await client.send(
                Raw.frame(.headers, flags: 4, stream: stream, payload: block)
                    + Raw.frame(.data, flags: 1, stream: stream, payload: piece)
            )
            window -= 10_000
        }
        await server.stop()
    }

    @Test func `what a route does not keep of a body is read and dropped`() async throws {
        let server = try await RunningServer.start({ _ in }) { router in
            router.on(.post, "/cut", maximumBodyBytes: 1_000_000, keptBodyBytes: 25_000) {
                .text(200, "\($0.body.count)")
            }
        }
        let client = try await Raw.open(try await server.client())
        let block = Raw.block(Raw.request("POST", "/cut"))
        try await client.send(Raw.frame(.headers, flags: 4, stream: 1, payload: block))
        for number in 0..<20 {
            let piece = [UInt8](repeating: 0, count: 10_000)
            try await client.send(Raw.frame(.data, flags: number == 19 ? 1 : 0, stream: 1, payload: piece))
        }
        let answer = try await client.answer(1)
        #expect(answer.status == 200 && answer.text == "25000")
        await server.stop()
    }

    @Test func `more streams than agreed end the connection`() async throws {
        let server = try await RunningServer.start({ $0.http2.maximumStreams = 5 }, Self.routes)
        let client = try await Raw.open(try await server.client())
        for number in 0..<6 { try await client.sendRequest(UInt32(2 * number + 1), Raw.request("GET", "/held")) }
        #expect(try await client.next(.goAway)?.error == 1)
        await server.stop()
    }

    @Test func `handlers of cancelled streams count until they have ended`() async throws {
        let waiting = Locked<[CheckedContinuation<Void, Never>]>([])
        let server = try await RunningServer.start({ $0.http2.maximumStreams = 3 }) { router in
            router.on(.get, "/stubborn") { _ in
                await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
                return .text(200, "late")
            }
        }
        let client = try await Raw.open(try await server.client())
        for stream in [1, 3, 5] as [UInt32] {
            try await client.sendRequest(stream, Raw.request("GET", "/stubborn"))
            try await client.send(Raw.frame(.reset, stream: stream, payload: Raw.bytes(8)))
        }
        try await client.sendRequest(7, Raw.request("GET", "/stubborn"))
        #expect(try await client.answer(7).reset == 7)
        for continuation in waiting.withLock({ $0 }) { continuation.resume() }
        // They come to their end when the loop gets to them.
        var stream: UInt32 = 9
        var answer = Raw.Answer(reset: 7)
        while answer.reset == 7, stream < 199 {
            try await client.sendRequest(stream, Raw.request("GET", "/nowhere"))
            answer = try await client.answer(stream)
            stream += 2
        }
        #expect(answer.status == 404)
        await server.stop()
    }

    @Test func `unfinished bodies that fill the memory cost the newest stream`() async throws {
        let server = try await RunningServer.start({ $0.http2.bodyBytes = 100_000 }) { router in
            router.on(.post, "/", maximumBodyBytes: 100_000) { .text(200, "\($0.body.count)") }
        }
        let client = try await Raw.open(try await server.client())
        let block = Raw.block(Raw.request("POST", "/"))
        for stream in [1, 3, 5] as [UInt32] {
            try await client.send(Raw.frame(.headers, flags: 4, stream: stream, payload: block))
            for _ in 0..<4 {
                try await client.send(Raw.frame(.data, stream: stream, payload: [UInt8](repeating: 0, count: 10_000)))
            }
        }
        #expect(try await client.answer(5).status == 503)
        try await client.send(Raw.frame(.data, flags: 1, stream: 1, payload: [1]))
        #expect(try await client.answer(1).text == "40001")
        #expect(server.metric("atelier_http_refused_total", #"reason="body_memory""#) == 1)
        await server.stop()
    }

    @Test func `a body that is not complete in time is 408, an answer nobody takes is reset, idle ends quietly`()
        async throws
    {
        let server = try await RunningServer.start(
            {
                $0.bodyDeadline = .milliseconds(60)
                $0.writeDeadline = .milliseconds(60)
                $0.idleTimeout = .seconds(2)  // The second request must come before it.
            },
            Self.routes
        )
        let client = try await Raw.open(try await server.client(), window: 10)
        try await client.send(Raw.frame(.headers, flags: 4, stream: 1, payload: Raw.block(Raw.request("POST", "/"))))
        let timeout = try #require(try await client.next(.headers))
        #expect(Raw.status(timeout.payload) == 408)
        try await client.sendRequest(3, Raw.request("GET", "/large"))
        #expect(try await client.next(.reset) != nil)
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="write_deadline""#) >= 1)
        #expect(try await client.next(.goAway)?.error == 0)
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="idle""#) == 1)
        await server.stop()
    }

    @Test func `the last request of a connection is told so, and later ones are left to another`() async throws {
        let server = try await RunningServer.start({ $0.requestsPerConnection = 2 }, Self.routes)
        let client = try await Raw.open(try await server.client())
        let request = Raw.frame(.headers, flags: 5, stream: 1, payload: Raw.block(Raw.request("GET", "/")))
        let second = Raw.frame(.headers, flags: 5, stream: 3, payload: Raw.block(Raw.request("GET", "/")))
        try await client.send(request + second)
        let goAway = try #require(try await client.next(.goAway))
        #expect(goAway.error == 0 && goAway.payload[3] == 3)
        await server.stop()
    }

    @Test func `stop lets streams in flight end and tells the peer twice`() async throws {
        let gate = Locked<CheckedContinuation<Void, Never>?>(nil)
        let server = try await RunningServer.start { router in
            router.on(.get, "/held") { _ in
                await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
                return .text(200, "done")
            }
            router.on(.get, "/") { _ in .text(200, "x") }
        }
        let client = try await Raw.open(try await server.client())
        try await client.sendRequest(1, Raw.request("GET", "/held"))
        while gate.withLock({ $0 == nil }) { await Task.yield() }
        async let stopped: Void = server.server.stop(within: .seconds(60))
        let notice = try #require(try await client.next(.goAway))
        #expect(notice.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
        // What was on its way is still answered.
        try await client.sendRequest(3, Raw.request("GET", "/"))
        let ping = try #require(try await client.next(.ping))
        try await client.send(Raw.frame(.ping, flags: 1, payload: ping.payload))
        let last = try #require(try await client.next(.goAway))
        #expect(last.payload.prefix(4) == [0, 0, 0, 3])
        gate.withLock { $0.take() }?.resume()
        #expect(try await client.answer(1).text == "done")
        client.raw.finish()
        await stopped
        server.loop.shutdown()
    }
}
