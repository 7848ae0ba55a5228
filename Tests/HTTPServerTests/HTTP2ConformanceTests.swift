import HTTP
import HTTPServer
import ProofKit
import Testing

private typealias Raw = RawHTTP2Client

/// The important cases of RFC 9113: what is wrong ends the stream or the connection, with the code that the RFC names.
@Suite struct HTTP2ConformanceTests {
    enum End: Sendable, Equatable {
        case stream(UInt32)
        case connection(UInt32)
        case answered(Int)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let end: End
        var testDescription: String { name }

        init(_ name: String, _ end: End, _ bytes: [UInt8]) {
            self.name = name
            self.end = end
            self.bytes = bytes
        }
    }

    private static let get = Raw.request("GET", "/")

    private static func headers(
        _ fields: [(String, String)],
        stream: UInt32 = 1,
        flags: UInt8 = 5
    ) -> [UInt8] {
        Raw.frame(.headers, flags: flags, stream: stream, payload: Raw.block(fields))
    }

    private static func without(_ name: String) -> [(String, String)] { get.filter { $0.0 != name } }

    private static let (proto, flow, size, closed): (UInt32, UInt32, UInt32, UInt32) = (1, 3, 6, 5)
    private static let compression: UInt32 = 9

    static let frames: [Case] = [
        Case(
            "4.2 a frame over the maximum size",
            .connection(size),
            [1, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 65_536)
        ),
        Case(
            "4.3 a header block that can't be decompressed",
            .connection(compression),
            Raw.frame(.headers, flags: 5, stream: 1, payload: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
        ),
        Case("5.1 DATA on an idle stream", .connection(proto), Raw.frame(.data, stream: 1, payload: [1])),
        Case(
            "5.1 RST_STREAM on an idle stream",
            .connection(proto),
            Raw.frame(.reset, stream: 1, payload: Raw.bytes(8))
        ),
        Case(
            "5.1 WINDOW_UPDATE on an idle stream",
            .connection(proto),
            Raw.frame(.windowUpdate, stream: 1, payload: Raw.bytes(1))
        ),
        Case("5.1.1 an even stream number", .connection(proto), headers(get, stream: 2)),
        Case("6.1 DATA without a stream", .connection(proto), Raw.frame(.data, payload: [1])),
        Case(
            "6.1 padding longer than the frame",
            .connection(proto),
            headers(Raw.request("POST", "/"), flags: 4) + Raw.frame(.data, flags: 8, stream: 1, payload: [9, 1])
        ),
        Case("6.2 HEADERS without a stream", .connection(proto), headers(get, stream: 0)),
        Case(
            "6.2 another frame inside a header block",
            .connection(proto),
            headers(get, flags: 1) + Raw.frame(.ping, payload: [UInt8](repeating: 0, count: 8))
        ),
        Case(
            "6.4 RST_STREAM of another length",
            .connection(size),
            headers(Raw.request("POST", "/"), flags: 4) + Raw.frame(.reset, stream: 1, payload: [1])
        ),
        Case(
            "6.5 SETTINGS acknowledged with a payload",
            .connection(size),
            Raw.frame(.settings, flags: 1, payload: Raw.setting(1, 1))
        ),
        Case("6.5 SETTINGS on a stream", .connection(proto), Raw.frame(.settings, stream: 1)),
        Case("6.5 SETTINGS of another length", .connection(size), Raw.frame(.settings, payload: [1, 2, 3])),
        Case("6.5.2 ENABLE_PUSH neither 0 nor 1", .connection(proto), Raw.frame(.settings, payload: Raw.setting(2, 2))),
        Case(
            "6.5.2 a window over the maximum",
            .connection(flow),
            Raw.frame(.settings, payload: Raw.setting(4, 0x8000_0000))
        ),
        Case(
            "6.5.2 a frame size under the minimum",
            .connection(proto),
            Raw.frame(.settings, payload: Raw.setting(5, 1_000))
        ),
        Case(
            "6.6 PUSH_PROMISE from a client",
            .connection(proto),
            Raw.frame(.pushPromise, flags: 4, stream: 1, payload: [0, 0, 0, 2])
        ),
        Case("6.7 PING of another length", .connection(size), Raw.frame(.ping, payload: [1])),
        Case(
            "6.7 PING on a stream",
            .connection(proto),
            Raw.frame(.ping, stream: 1, payload: [UInt8](repeating: 0, count: 8))
        ),
        Case(
            "6.9 WINDOW_UPDATE of zero for the connection",
            .connection(proto),
            Raw.frame(.windowUpdate, payload: Raw.bytes(0))
        ),
        Case("6.9 WINDOW_UPDATE of another length", .connection(size), Raw.frame(.windowUpdate, payload: [1])),
        Case(
            "6.9.1 a connection window over the maximum",
            .connection(flow),
            Raw.frame(.windowUpdate, payload: Raw.bytes(0x7fff_ffff))
        ),
        Case(
            "6.9.1 more DATA than the windows allow",
            .stream(flow),
            headers(Raw.request("POST", "/sink"), flags: 4)
                + Array(
                    repeatElement(Raw.frame(.data, stream: 1, payload: [UInt8](repeating: 0, count: 16_384)), count: 80)
                        .joined()
                )
        ),
        Case(
            "6.10 CONTINUATION without HEADERS",
            .connection(proto),
            Raw.frame(.continuation, flags: 4, stream: 1, payload: [0])
        ),
    ]

    static let messages: [Case] = [
        Case(
            "8.1 DATA after the end of the request",
            .connection(closed),
            headers(get) + Raw.frame(.data, stream: 1, payload: [1])
        ),
        Case(
            "8.1 trailers without an end",
            .stream(proto),
            headers(Raw.request("POST", "/"), flags: 4) + headers([("x", "y")], flags: 4)
        ),
        Case(
            "8.1 pseudo fields in trailers",
            .stream(proto),
            headers(Raw.request("POST", "/"), flags: 4) + headers([(":method", "GET")])
        ),
        Case(
            "8.1.1 a body shorter than announced",
            .stream(proto),
            headers(Raw.request("POST", "/", [("content-length", "2")]), flags: 4)
                + Raw.frame(.data, flags: 1, stream: 1, payload: [1])
        ),
        Case(
            "8.1.1 a body longer than announced",
            .stream(proto),
            headers(Raw.request("POST", "/", [("content-length", "1")]), flags: 4)
                + Raw.frame(.data, flags: 1, stream: 1, payload: [1, 2])
        ),
        Case("8.2 a name in upper case", .stream(proto), headers(get + [("X-Upper", "y")])),
        Case("8.2.1 a name that is no token", .stream(proto), headers(get + [("x y", "z")])),
        Case("8.2.1 a value with a line end", .stream(proto), headers(get + [("x", "a\r\nb: c")])),
        Case("8.2.1 a value with NUL", .stream(proto), headers(get + [("x", "a\0b")])),
        Case("8.2.1 a value with space around it", .stream(proto), headers(get + [("x", " a")])),
        Case("8.2.2 a connection field", .stream(proto), headers(get + [("connection", "close")])),
        Case("8.2.2 transfer-encoding", .stream(proto), headers(get + [("transfer-encoding", "chunked")])),
        Case("8.2.2 te that says more than trailers", .stream(proto), headers(get + [("te", "gzip")])),
        Case("8.3 an unknown pseudo field", .stream(proto), headers(get + [(":x", "y")])),
        Case("8.3 a pseudo field after others", .stream(proto), headers([("x", "y")] + get)),
        Case("8.3 a pseudo field of answers", .stream(proto), headers([(":status", "200")] + get)),
        Case("8.3.1 no method", .stream(proto), headers(without(":method"))),
        Case("8.3.1 no scheme", .stream(proto), headers(without(":scheme"))),
        Case("8.3.1 no path", .stream(proto), headers(without(":path"))),
        Case("8.3.1 an empty path", .stream(proto), headers(Raw.request("GET", ""))),
        Case("8.3.1 two paths", .stream(proto), headers(get + [(":path", "/")])),
        Case("8.3.1 a path without a slash", .stream(proto), headers(Raw.request("GET", "a"))),
        Case(
            "8.3.1 a host that is none",
            .stream(proto),
            headers([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a b")])
        ),
        Case(
            "8.3.1 the host field alone",
            .answered(200),
            headers([(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "h")])
        ),
        Case("8.5 CONNECT", .answered(501), headers([(":method", "CONNECT"), (":authority", "h:1")])),
        Case("8.1 trailers", .answered(200), headers(Raw.request("POST", "/"), flags: 4) + headers([("x", "y")])),
        Case(
            "6.1 padded DATA",
            .answered(200),
            headers(Raw.request("POST", "/"), flags: 4) + Raw.frame(.data, flags: 9, stream: 1, payload: [2, 1, 0, 0])
        ),
        Case("5.5 a frame of an unknown kind", .answered(200), [0, 0, 1, 99, 0, 0, 0, 0, 0, 1] + headers(get)),
    ]

    @Test(arguments: frames + messages)
    func `RFC 9113`(_ item: Case) async throws {
        let server = try await RunningServer.start({ $0.http2.streamWindowBytes = 20_000 }) { router in
            router.on(.get, "/") { _ in .text(200, "x") }
            router.on(.post, "/") { _ in .text(200, "x") }
            router.on(.post, "/sink", maximumBodyBytes: 10 << 20) { _ in .text(200, "x") }
        }
        let client = try await Raw.open(try await server.client())
        try? await client.send(item.bytes)  // It may be cut off in the middle.
        var end: End?
        while end == nil, let frame = try await client.next() {
            switch frame.kind {
            case .goAway: end = .connection(frame.error)
            case .reset: end = .stream(frame.error)
            case .headers: end = .answered(Raw.status(frame.payload))
            default: break
            }
            // A stream's error may come after an answer that was too quick for it.
            if case .answered = end, case .connection = item.end { end = nil }
        }
        #expect(end == item.end)
        await server.stop()
    }

    @Test func `a preface that is wrong after its beginning is HTTP 1, and refused`() async throws {
        let server = try await RunningServer.start { _ in }
        let client = try await server.client()
        try await client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        #expect([400, 505].contains(try await client.answer().status))
        await server.stop()
    }

    /// A conversation that is right here and wrong there.
    private static func nonsense(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = Raw.preface + Raw.frame(.settings)
        var stream: UInt32 = 1
        for _ in 0..<Int.random(in: 1...30, using: &generator) {
            let isNew = Bool.random(using: &generator)
            let flags = UInt8.random(in: 0...0x2f, using: &generator)
            if isNew {
                let request = Raw.request(
                    "POST",
                    "/",
                    [("content-length", "\(Int.random(in: 0...9, using: &generator))")]
                )
                bytes += Raw.frame(.headers, flags: flags | 4, stream: stream, payload: Raw.block(request))
                stream += 2
            } else {
                let kind = Raw.Kind(rawValue: UInt8.random(in: 0...9, using: &generator)) ?? .data
                let length = [0, 4, 5, 8, 9, 40][Int.random(in: 0..<6, using: &generator)]
                let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let target = Bool.random(using: &generator) ? 0 : UInt32.random(in: 0...stream, using: &generator)
                bytes += Raw.frame(kind, flags: flags, stream: target, payload: payload)
            }
        }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            bytes[Int.random(in: 24..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        return bytes
    }

    @Test func `whatever is said ends, and the next one is served`() async throws {
        let server = try await RunningServer.start { router in
            router.on(.post, "/") { .text(200, "\($0.body.count)") }
        }
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<200 {
            let client = try await server.client()
            try? await client.send(Self.nonsense(&generator))  // It may be cut off in the middle.
            client.finish()
            await #expect(throws: Never.self, "conversation \(number) of seed \(seed)") {
                _ = try await client.receiveAll()
            }
        }
        let fresh = try await Raw.open(try await server.client())
        try await fresh.sendRequest(1, Raw.request("POST", "/"), body: [1])
        #expect(try await fresh.answer(1).text == "1", "seed \(seed)")
        #expect(server.metric("atelier_http_requests_in_flight", "listener") == 0)
        await server.stop()
    }

    @Test func `anything but SETTINGS after the preface ends the connection`() async throws {
        let server = try await RunningServer.start { _ in }
        let client = RawHTTP2Client(try await server.client())
        try await client.send(Raw.preface + Raw.frame(.ping, payload: [UInt8](repeating: 0, count: 8)))
        #expect(try await client.next(.goAway)?.error == 1)
        await server.stop()
    }
}
