/// What a connection of `Posts` speaks; makes requests and reads answers, knows no socket.
protocol PostWire {
    /// What a client says first.
    static var greeting: [UInt8] { get }

    init(port: Int, secret: String)

    /// Whether another post may be sent now.
    var hasRoom: Bool { get }

    /// The bytes of a request; `due` comes back with its answer.
    mutating func post(_ body: [UInt8], due: UInt64) -> [UInt8]

    /// Takes what came from the server; what is no whole answer yet waits for the rest.
    ///
    /// - Returns: The answers, and what to send back.
    /// - Throws: `WireError` for anything that this client does not understand.
    mutating func receive(_ bytes: ArraySlice<UInt8>) throws -> (answers: [PostAnswer], reply: [UInt8])
}

struct PostAnswer {
    var due: UInt64
    /// Answered 200.
    var isOK: Bool
}

/// The server has said something that this client does not understand, or has gone.
struct WireError: Error {
    let reason: String
}

/// HTTP/1.1 with keep-alive, one request at a time; understands answers without a body only.
struct HTTP1Posts: PostWire {
    static let greeting: [UInt8] = []

    private let head: String
    private var due: UInt64?
    private var input: [UInt8] = []

    init(port: Int, secret: String) {
        head =
            "POST /webhooks/telegram/main HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\n"
            + "X-Telegram-Bot-Api-Secret-Token: \(secret)\r\nContent-Length: "
    }

    var hasRoom: Bool { due == nil }

    mutating func post(_ body: [UInt8], due: UInt64) -> [UInt8] {
        self.due = due
        return Array("\(head)\(body.count)\r\n\r\n".utf8) + body
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) throws -> (answers: [PostAnswer], reply: [UInt8]) {
        input += bytes
        guard input.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return ([], []) }
        let text = String(decoding: input, as: UTF8.self)
        guard let due, text.hasPrefix("HTTP/1.1 "), text.lowercased().contains("\r\ncontent-length: 0\r\n") else {
            throw WireError(reason: text)
        }
        input.removeAll(keepingCapacity: true)
        self.due = nil
        return ([PostAnswer(due: due, isOK: text.dropFirst(9).hasPrefix("200"))], [])
    }
}

/// HTTP/2 with prior knowledge (RFC 9113): many streams, headers without the dynamic table, answers without a body.
struct HTTP2Posts: PostWire {
    /// Streams at a time.
    static let streams = 32

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
    }

    private static let acknowledgement: UInt8 = 1
    private static let endStream: UInt8 = 1
    private static let endHeaders: UInt8 = 4

    static let greeting =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(FrameType.settings, flags: 0, stream: 0, [])

    private let headers: [UInt8]
    private var open: [UInt32: (due: UInt64, isOK: Bool)] = [:]
    private var nextStream: UInt32 = 1
    /// What the connection's window still lets through; a stream's own is larger than any body here.
    private var window = 65_535
    private var input: [UInt8] = []

    init(port: Int, secret: String) {
        // HPACK (RFC 7541): indexed fields, then literals that are not to be indexed, by the static table where it has
        // their names. Every length is below 127 and so one byte.
        var block: [UInt8] = [0x83, 0x86]
        func literal(_ name: [UInt8], _ value: String) { block += name + [UInt8(value.utf8.count)] + Array(value.utf8) }
        literal([0x04], "/webhooks/telegram/main")
        literal([0x01], "127.0.0.1:\(port)")
        literal([0x0f, 0x10], "application/json")
        let name = "x-telegram-bot-api-secret-token"
        literal([0x00, UInt8(name.utf8.count)] + Array(name.utf8), secret)
        headers = block
    }

    var hasRoom: Bool { open.count < Self.streams && window >= 4_096 }

    mutating func post(_ body: [UInt8], due: UInt64) -> [UInt8] {
        let stream = nextStream
        nextStream += 2
        open[stream] = (due, false)
        window -= body.count
        return Self.frame(FrameType.headers, flags: Self.endHeaders, stream: stream, headers)
            + Self.frame(FrameType.data, flags: Self.endStream, stream: stream, body)
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) throws -> (answers: [PostAnswer], reply: [UInt8]) {
        input += bytes
        var answers: [PostAnswer] = []
        var reply: [UInt8] = []
        var at = 0
        while input.count - at >= 9 {
            let length = Int(input[at]) << 16 | Int(input[at + 1]) << 8 | Int(input[at + 2])
            guard input.count - at >= 9 + length else { break }
            let stream = Self.number(input[(at + 5)..<(at + 9)])
            let payload = input[(at + 9)..<(at + 9 + length)]
            try take(input[at + 3], flags: input[at + 4], stream, payload, &answers, &reply)
            at += 9 + length
        }
        input.removeFirst(at)
        return (answers, reply)
    }

    private mutating func take(
        _ type: UInt8,
        flags: UInt8,
        _ stream: UInt32,
        _ payload: ArraySlice<UInt8>,
        _ answers: inout [PostAnswer],
        _ reply: inout [UInt8]
    ) throws {
        switch type {
        case FrameType.settings where flags & Self.acknowledgement == 0:
            reply += Self.frame(FrameType.settings, flags: Self.acknowledgement, stream: 0, [])
        case FrameType.ping where flags & Self.acknowledgement == 0:
            reply += Self.frame(FrameType.ping, flags: Self.acknowledgement, stream: 0, Array(payload))
        case FrameType.windowUpdate where stream == 0: window += Int(Self.number(payload))
        case FrameType.headers:
            // After a change of the table's size, if any, comes `:status: 200`, which is entry 8 of the static table.
            open[stream]?.isOK = payload.first { $0 & 0xe0 != 0x20 } == 0x88
            if flags & Self.endStream != 0 { end(stream, &answers) }
        case FrameType.data where flags & Self.endStream != 0: end(stream, &answers)
        case FrameType.reset:
            open[stream]?.isOK = false
            end(stream, &answers)
        case FrameType.goAway: throw WireError(reason: "the server says goodbye: \(Array(payload))")
        default: break
        }
    }

    private mutating func end(_ stream: UInt32, _ answers: inout [PostAnswer]) {
        guard let (due, isOK) = open.removeValue(forKey: stream) else { return }
        answers.append(PostAnswer(due: due, isOK: isOK))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    }

    private static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 255) } + payload
    }
}
