import HTTPServer

/// HTTP/2 frames as a test wants them, right or wrong. Headers are written without compression and read back without a
/// dynamic table, so that every byte is known.
final class RawHTTP2Client: Sendable {
    /// RFC 9113, section 6.
    enum Kind: UInt8, Sendable {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    struct Frame: Sendable {
        let kind: Kind?
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]

        var endsStream: Bool { (kind == .data || kind == .headers) && flags & 1 != 0 }

        /// The error code of RST_STREAM or GOAWAY.
        var error: UInt32 {
            let bytes = kind == .goAway ? payload.dropFirst(4).prefix(4) : payload.prefix(4)
            return bytes.reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// What became of one request.
    struct Answer: Sendable {
        var status = 0
        var body: [UInt8] = []
        /// The error code of a RST_STREAM.
        var reset: UInt32?

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4

    let raw: RawClient

    init(_ raw: RawClient) {
        self.raw = raw
    }

    /// A client that has said hello: no dynamic table, and windows of the given size for answers.
    static func open(_ raw: RawClient, window: UInt32 = 65_535) async throws -> RawHTTP2Client {
        let client = RawHTTP2Client(raw)
        let settings = setting(1, 0) + setting(4, window)
        // The server's settings count from our acknowledgement on, whenever they come.
        try await raw.send(preface + frame(.settings, payload: settings) + frame(.settings, flags: 1))
        return client
    }

    static func setting(_ number: UInt16, _ value: UInt32) -> [UInt8] {
        [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] + bytes(value)
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) -> [UInt8] {
        Array(bytes(UInt32(payload.count)).dropFirst()) + [kind.rawValue, flags] + bytes(stream) + payload
    }

    /// A header block of literals that neither use nor change a table (RFC 7541, section 6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + literal(name) + literal(value) }
    }

    private static func literal(_ text: String) -> [UInt8] {
        var rest = text.utf8.count
        guard rest >= 127 else { return [UInt8(rest)] + Array(text.utf8) }
        var length: [UInt8] = [127]
        rest -= 127
        while rest >= 128 {
            length.append(UInt8(rest % 128) | 128)
            rest /= 128
        }
        return length + [UInt8(rest)] + Array(text.utf8)
    }

    static func request(
        _ method: String = "GET",
        _ path: String,
        _ others: [(String, String)] = []
    ) -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":authority", "h"), (":path", path)] + others
    }

    func send(_ bytes: [UInt8]) async throws {
        try await raw.send(bytes)
    }

    func sendRequest(
        _ stream: UInt32,
        _ fields: [(String, String)],
        body: [UInt8]? = nil
    ) async throws {
        let block = Self.block(fields)
        let isOne = block.count <= 16_384
        let flags = (isOne ? Self.endHeaders : 0) | (body == nil ? Self.endStream : 0)
        var bytes = Self.frame(.headers, flags: flags, stream: stream, payload: Array(block.prefix(16_384)))
        if !isOne {
            let rest = Array(block.dropFirst(16_384))
            bytes += Self.frame(.continuation, flags: Self.endHeaders, stream: stream, payload: rest)
        }
        if let body { bytes += Self.frame(.data, flags: Self.endStream, stream: stream, payload: body) }
        try await send(bytes)
    }

    /// The next frame; nil at the end of the stream.
    func next() async throws -> Frame? {
        guard let head = try await raw.takeBytes(9) else { return nil }
        let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        guard let payload = try await raw.takeBytes(length) else { return nil }
        let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        return Frame(kind: Kind(rawValue: head[3]), flags: head[4], stream: stream, payload: payload)
    }

    /// The next frame of that kind; others are passed over.
    func next(_ kind: Kind) async throws -> Frame? {
        while let frame = try await next() {
            if frame.kind == kind { return frame }
        }
        return nil
    }

    /// Reads until the stream has its answer or is reset.
    func answer(_ stream: UInt32) async throws -> Answer {
        var answer = Answer()
        while let frame = try await next() {
            guard frame.stream == stream else { continue }
            switch frame.kind {
            case .headers: answer.status = Self.status(frame.payload)
            case .data: answer.body += frame.payload
            case .reset: answer.reset = frame.error
            default: continue
            }
            if frame.endsStream || frame.kind == .reset { return answer }
        }
        throw RawClient.Silence()
    }

    /// The status at the beginning of a header block.
    static func status(_ block: [UInt8]) -> Int {
        if let first = block.first, first & 0xe0 == 0x20 { return status(Array(block.dropFirst())) }  // A table's size.
        let known: [UInt8: Int] = [0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500]
        guard let first = block.first else { return 0 }
        if let status = known[first] { return status }
        // A literal with the name `:status`; three digits, plain or in Huffman's code (RFC 7541, appendix B).
        guard block.count > 2 else { return 0 }
        let value = block[2...].prefix(Int(block[1] & 127))
        if block[1] & 128 == 0 { return Int(String(decoding: value, as: UTF8.self)) ?? 0 }
        var bits = value.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }[...]
        var status = 0
        for _ in 0..<3 {
            let short = bits.prefix(5).reduce(0) { $0 << 1 | Int($1) }
            if short < 3 {
                status = status * 10 + short
                bits = bits.dropFirst(5)
            } else {
                status = status * 10 + bits.prefix(6).reduce(0) { $0 << 1 | Int($1) } - 0x19 + 3
                bits = bits.dropFirst(6)
            }
        }
        return status
    }
}
