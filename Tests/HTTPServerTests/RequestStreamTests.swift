import Concurrency
import EventLoop
import HTTP
import HTTPServer
import Testing

@Suite struct RequestStreamTests {
    /// Answers with the number of bytes and their sum; `/held` begins to read when the gate opens.
    private static func server(_ gate: Locked<Bool> = Locked(true), _ outcome: Locked<String> = Locked("")) async throws
        -> RunningServer
    {
        try await RunningServer.start { router in
            router.on(.get, "/") { _ in .text(200, "x") }
            router.onStream(.post, "/sum", maximumBodyBytes: 50_000_000, timeout: .seconds(30)) { request in
                do {
                    while !gate.withLock({ $0 }) { try await EventLoop.current?.sleep(for: .milliseconds(5)) }
                    var (count, sum) = (0, 0)
                    while let piece = try await request.stream?.next() {
                        count += piece.count
                        for byte in piece { sum += Int(byte) }
                    }
                    return .text(200, "\(count) \(sum)")
                } catch {
                    outcome.withLock { $0 = "\(type(of: error))" }
                    throw error
                }
            }
            router.onStream(.post, "/count", maximumBodyBytes: 50_000_000, timeout: .seconds(120)) { request in
                while !gate.withLock({ $0 }) { try await EventLoop.current?.sleep(for: .milliseconds(5)) }
                var count = 0
                while let piece = try await request.stream?.next() { count += piece.count }
                return .text(200, "\(count)")
            }
            router.onStream(.post, "/unread", maximumBodyBytes: 1_000, timeout: .seconds(30)) { _ in .text(403, "no") }
            router.onStream(.post, "/small", maximumBodyBytes: 10, timeout: .seconds(2)) { request in
                while try await request.stream?.next() != nil {}
                return .text(200, "read")
            }
        }
    }

    @Test func `a streamed body arrives whole, with a length or chunked, and the connection goes on`() async throws {
        let server = try await Self.server()
        let client = try await server.client()
        try await client.send("POST /sum HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n")
        try await client.send([UInt8](repeating: 2, count: 300_000))
        #expect(try await client.answer().body == "300000 600000")
        try await client.send("POST /sum HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<5 { try await client.send("3e8\r\n\(String(repeating: "a", count: 1_000))\r\n") }
        try await client.send("0\r\n\r\nPOST /sum HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.answer().body == "5000 485000")
        let empty = try await client.answer()
        #expect(empty.body == "0 0" && !empty.has("Connection: close"))
        await server.stop()
    }

    @Test func `a peer is read no faster than its handler reads`() async throws {
        let gate = Locked(false)
        let server = try await Self.server(gate)
        let client = try await server.client()
        let sent = Locked(0)
        async let upload: Void = {
            try await client.send("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 40000000\r\n\r\n")
            for _ in 0..<400 {
                try await client.send([UInt8](repeating: 1, count: 100_000))
                sent.withLock { $0 += 100_000 }
            }
        }()
        // The upload comes to rest far from its end.
        var before = -1
        while sent.withLock({ $0 }) != before || before == 0 {
            before = sent.withLock { $0 }
            try await server.loop.sleep(for: .milliseconds(50))
        }
        #expect(before < 30_000_000)
        gate.withLock { $0 = true }
        try await upload
        #expect(try await client.answer().body == "40000000")
        await server.stop()
    }

    @Test func `100 Continue is sent when the handler reads, and an unread body ends the connection`() async throws {
        let server = try await Self.server()
        let reading = try await server.client()
        try await reading.send("POST /sum HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try await reading.answer().status == 100)
        try await reading.send([1, 2])
        #expect(try await reading.answer().body == "2 3")
        let refused = try await server.client()
        try await refused.send("POST /unread HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        let answer = try await refused.answer()
        #expect(answer.status == 403 && answer.has("Connection: close"))
        #expect(try await refused.receiveAll().isEmpty)
        await server.stop()
    }

    @Test func `a body too large, broken or too slow is refused, and its handler ends`() async throws {
        let server = try await Self.server()
        let chunked = "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        for (body, status) in [("8\r\n12345678\r\n8\r\n", 413), ("8\r\n12345678XX", 400), ("8\r\n123", 408)] {
            let client = try await server.client()
            try await client.send(chunked + body)
            let answer = try await client.answer()
            #expect(answer.status == status && answer.has("Connection: close"))
            #expect(try await client.receiveAll().isEmpty)
        }
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `a peer that goes away ends the handler`() async throws {
        let outcome = Locked("")
        let server = try await Self.server(Locked(true), outcome)
        let client = try await server.client()
        try await client.send("POST /sum HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
        client.finish()
        while outcome.withLock({ $0 }).isEmpty { await Task.yield() }
        #expect(server.metric("atelier_http_connections_closed_total", #"reason="peer_gone""#) == 1)
        await server.stop()
    }

    // MARK: Over HTTP/2

    private typealias Raw = RawHTTP2Client

    /// Begins a request whose body follows.
    private static func begin(
        _ client: Raw,
        _ stream: UInt32,
        _ path: String,
        _ others: [(String, String)] = []
    ) async throws {
        let block = Raw.block(Raw.request("POST", path, others))
        try await client.send(Raw.frame(.headers, flags: Raw.endHeaders, stream: stream, payload: block))
    }

    /// Sends frames of 16,000 bytes as far as the windows allow; returns how many bytes the stream had room for.
    private static func fill(_ client: Raw, _ stream: UInt32, window: Int) async throws -> Int {
        var sent = 0
        while sent + 16_000 <= window {
            try await client.send(Raw.frame(.data, stream: stream, payload: [UInt8](repeating: 1, count: 16_000)))
            sent += 16_000
        }
        return sent
    }

    @Test func `an HTTP 2 stream's window opens as its handler reads, and others go on meanwhile`() async throws {
        let gate = Locked(false)
        let server = try await Self.server(gate)
        let client = try await Raw.open(try await server.client())
        try await Self.begin(client, 1, "/sum")
        // All that the stream's window holds; nobody reads it.
        var sent = try await Self.fill(client, 1, window: 262_144)
        try await client.sendRequest(3, Raw.request("GET", "/"))
        var isAnswered = false
        while !isAnswered, let frame = try await client.next() {
            #expect(frame.kind != .windowUpdate || frame.stream == 0, "only the connection's window has opened")
            isAnswered = frame.kind == .data && frame.stream == 3
        }
        gate.withLock { $0 = true }
        for _ in 0..<4 {
            var credit: UInt32?
            while credit == nil, let frame = try await client.next(.windowUpdate) {
                if frame.stream == 1 { credit = frame.payload.reduce(0) { $0 << 8 | UInt32($1) } }
            }
            sent += try await Self.fill(client, 1, window: Int(try #require(credit)))
        }
        try await client.send(Raw.frame(.data, flags: Raw.endStream, stream: 1))
        #expect(try await client.answer(1).text == "\(sent) \(sent)")
        #expect(sent > 400_000)
        await server.stop()
    }

    @Test func `over HTTP 2 a body is asked for when it is read, and one that nobody reads is stopped`() async throws {
        let server = try await Self.server()
        let client = try await Raw.open(try await server.client())
        try await Self.begin(client, 1, "/sum", [("expect", "100-continue"), ("content-length", "2")])
        let goOn = try #require(try await client.next(.headers))
        #expect(Raw.status(goOn.payload) == 100)
        try await client.send(Raw.frame(.data, flags: Raw.endStream, stream: 1, payload: [1, 2]))
        #expect(try await client.answer(1).text == "2 3")
        try await Self.begin(client, 3, "/unread", [("expect", "100-continue")])
        let refusal = try #require(try await client.next(.headers))
        #expect(Raw.status(refusal.payload) == 403)
        let reset = try #require(try await client.next(.reset))
        #expect(reset.stream == 3 && reset.error == 0)
        try await client.sendRequest(5, Raw.request("GET", "/"))
        #expect(try await client.answer(5).status == 200)
        await server.stop()
    }

    @Test func `over HTTP 2 a body too large or too slow is refused, and its handler ends`() async throws {
        let server = try await Self.server()
        let client = try await Raw.open(try await server.client())
        try await Self.begin(client, 1, "/small")
        try await client.send(Raw.frame(.data, stream: 1, payload: [UInt8](repeating: 1, count: 8)))
        try await client.send(Raw.frame(.data, stream: 1, payload: [UInt8](repeating: 1, count: 8)))
        #expect(try await client.answer(1).status == 413)
        try await Self.begin(client, 3, "/small")
        try await client.send(Raw.frame(.data, stream: 3, payload: [1]))
        #expect(try await client.answer(3).status == 408)
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `over HTTP 2 a peer that resets its upload ends the handler`() async throws {
        let outcome = Locked("")
        let server = try await Self.server(Locked(true), outcome)
        let client = try await Raw.open(try await server.client())
        try await Self.begin(client, 1, "/sum")
        try await client.send(Raw.frame(.data, stream: 1, payload: [1, 2, 3]))
        try await client.send(Raw.frame(.reset, stream: 1, payload: Raw.bytes(8)))
        while outcome.withLock({ $0 }).isEmpty { await Task.yield() }
        try await client.sendRequest(3, Raw.request("GET", "/"))
        #expect(try await client.answer(3).status == 200)
        await server.stop()
    }
}
