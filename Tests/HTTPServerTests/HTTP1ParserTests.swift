import HTTP
import HTTPServer
import Testing

/// What a parser made of a piece of input, as text that can be compared.
struct ParsedInput: Equatable, CustomStringConvertible {
    /// `METHOD target framing body` for each complete request.
    var requests: [String] = []
    var refusal: HTTPRefusal?
    /// Whether bytes of an incomplete request are left.
    var isWaiting = false

    var description: String { "\(requests) \(refusal.map(\.rawValue) ?? "-") \(isWaiting ? "waiting" : "")" }

    /// Feeds `input` in pieces that end at `cuts`.
    init(_ input: [UInt8], cuts: [Int] = [], limits: HTTP1Parser.Limits = .forTests, bodyBytes: Int = 100) {
        var parser = HTTP1Parser(limits)
        var (buffer, head, body) = ([UInt8](), HTTP1Head?.none, [UInt8]())
        var start = 0
        for end in cuts + [input.count] {
            buffer += input[start..<end]
            start = end
            var position = 0
            feeding: while refusal == nil {
                switch parser.next(buffer.span, &position) {
                case .needMore: break feeding
                case .head(let found):
                    head = found
                    refusal = parser.acceptBody(maximumBytes: bodyBytes)
                case .body(let range): body += buffer[range]
                case .end:
                    if let head { requests.append(Self.text(head, body)) }
                    (head, body) = (nil, [])
                case .refused(let reason): refusal = reason
                }
            }
            buffer.removeFirst(position)
        }
        isWaiting = refusal == nil && !(buffer.isEmpty && parser.isBetweenRequests)
    }

    private static func text(_ head: HTTP1Head, _ body: [UInt8]) -> String {
        let marks = (head.keepsAlive ? "" : " close") + (head.expectsContinue ? " continue" : "")
        return "\(head.method) \(head.target)\(marks) \(String(decoding: body, as: UTF8.self))"
    }
}

extension HTTP1Parser.Limits {
    /// Small enough that tests reach them.
    static var forTests: HTTP1Parser.Limits {
        var configuration = HTTPServerConfiguration()
        configuration.headerBytes = 512
        configuration.headerCount = 10
        configuration.targetBytes = 64
        configuration.chunkExtensionBytes = 32
        return HTTP1Parser.Limits(configuration)
    }
}

@Suite struct HTTP1ParserTests {
    @Test func `the corpus is whole`() {
        #expect(RequestSample.all.count >= 400)
        #expect(Set(RequestSample.all.map(\.name)).count == RequestSample.all.count)
        #expect(RequestSample.all.allSatisfy { $0.accepted != nil || $0.refused != nil })
        // Deadlines are no property of bytes, and HTTP/1 has one body at a time; everything else has a sample.
        let others = ["header_deadline", "body_deadline", "body_memory"]
        let reasons = Set(HTTPRefusal.allCases.map(\.rawValue)).subtracting(others)
        #expect(Set(RequestSample.all.compactMap(\.refused)) == reasons)
    }

    @Test(arguments: RequestSample.all)
    func `a request gets its verdict, however it is split`(_ sample: RequestSample) {
        let input = sample.bytes.bytes
        let whole = ParsedInput(input)
        #expect(whole.refusal?.rawValue == sample.refused)
        #expect(whole.requests == sample.requests)
        #expect(!whole.isWaiting)
        expectSplitProof(input, whole)
    }

    @Test(arguments: UInt8.min...UInt8.max)
    func `no byte is misplaced in a name, a value or a target`(byte: UInt8) {
        let head = Array("GET /a".utf8)
        let isTarget = ParsedInput(head + [byte] + "b HTTP/1.1\r\nHost: h\r\n\r\n".utf8).refusal == nil
        // A space ends the target, and what follows is then no version; a percent sign wants two digits.
        #expect(isTarget == (HTTPSyntax.isTargetByte(byte) && byte != UInt8(ascii: "%")))
        let name = Array("GET / HTTP/1.1\r\nHost: h\r\nx".utf8) + [byte] + Array("y: 1\r\n\r\n".utf8)
        #expect((ParsedInput(name).refusal == nil) == (HTTPSyntax.isTokenByte(byte) || byte == UInt8(ascii: ":")))
        let value = Array("GET / HTTP/1.1\r\nHost: h\r\nx: a".utf8) + [byte] + Array("b\r\n\r\n".utf8)
        #expect((ParsedInput(value).refusal == nil) == HTTPSyntax.isFieldValueByte(byte))
    }

    @Test func `an unfinished request waits and is no error`() {
        let whole = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        for length in 1..<whole.utf8.count {
            let parsed = ParsedInput(Array(whole.utf8.prefix(length)))
            #expect(parsed.refusal == nil && parsed.requests.isEmpty && parsed.isWaiting)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func `damaged input never traps and gives one result for every split`(seed: UInt64) {
        var random = seed
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        for _ in 0..<400 {
            var input = RequestSample.acceptedOnes[next(RequestSample.acceptedOnes.count)].bytes.bytes
            for _ in 0...next(4) where !input.isEmpty {
                switch next(3) {
                case 0: input[next(input.count)] = UInt8(next(256))
                case 1: input.remove(at: next(input.count))
                default: input.insert(UInt8(next(128)), at: next(input.count))
                }
            }
            let cuts = Set((0..<6).map { _ in next(input.count + 1) }).sorted()
            #expect(ParsedInput(input) == ParsedInput(input, cuts: cuts), "seed \(seed): \(input)")
        }
    }

    /// Cut once at every place, and everywhere at once.
    private func expectSplitProof(_ input: [UInt8], _ whole: ParsedInput) {
        for cut in input.indices {
            let parsed = ParsedInput(input, cuts: [cut])
            if parsed != whole {
                Issue.record("cut at \(cut): \(parsed) instead of \(whole)")
                return
            }
        }
        #expect(ParsedInput(input, cuts: Array(input.indices)) == whole)
    }
}
