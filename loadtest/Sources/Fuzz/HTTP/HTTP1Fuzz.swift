import HTTP
import HTTPServer

/// The HTTP/1 parser: whatever the bytes are it does not trap, and cutting them anywhere changes nothing.
enum HTTP1Fuzz {
    enum Feeder {
        case faithful
        /// The planted bug: a byte is lost where a cut falls between CR and LF.
        case forgetful
    }

    /// The first byte says after how many bytes the others are cut, so that the fuzzer moves the cuts: one cutting an
    /// input tries more inputs in the same time than all of them would.
    static func check(_ input: [UInt8], feeder: Feeder) {
        guard let seed = input.first else { return }
        let bytes = Array(input.dropFirst())
        let step = Int(seed) + 1
        let whole = Outcome(bytes, step: bytes.count, feeder: .faithful)
        let split = Outcome(bytes, step: step, feeder: feeder)
        precondition(split == whole, "cut every \(step) bytes: \(split) instead of \(whole)")
    }

    private static let limits: HTTP1Parser.Limits = {
        var configuration = HTTPServerConfiguration()
        configuration.headerBytes = 512
        configuration.headerCount = 10
        configuration.targetBytes = 64
        configuration.chunkExtensionBytes = 32
        return HTTP1Parser.Limits(configuration)
    }()

    /// What a parser made of an input.
    private struct Outcome: Equatable {
        var requests: [Request] = []
        var refusal: HTTPRefusal?
        var isBetweenRequests = true

        struct Request: Equatable {
            let method: HTTPMethod
            let target: String
            let fields: HTTPFields
            let closes: Bool
            var body: [UInt8] = []
        }

        /// Feeds the bytes in pieces of `step`.
        init(_ bytes: [UInt8], step: Int, feeder: Feeder) {
            var parser = HTTP1Parser(HTTP1Fuzz.limits)
            var buffer: [UInt8] = []
            var request: Request?
            var start = 0
            while start < bytes.count, refusal == nil {
                let end = min(bytes.count, start + max(1, step))
                let isCutInside = bytes[end - 1] == 13 && end < bytes.count && bytes[end] == 10
                buffer += bytes[start..<(feeder == .forgetful && isCutInside ? end - 1 : end)]
                start = end
                var position = 0
                feeding: while refusal == nil {
                    switch parser.next(buffer.span, &position) {
                    case .needMore: break feeding
                    case .head(let head):
                        request = Request(
                            method: head.method,
                            target: head.target,
                            fields: head.fields,
                            closes: !head.keepsAlive
                        )
                        refusal = parser.acceptBody(maximumBytes: 100)
                    case .body(let range): request?.body += buffer[range]
                    case .end: if let complete = request.take() { requests.append(complete) }
                    case .refused(let reason): refusal = reason
                    }
                }
                buffer.removeFirst(position)
            }
            isBetweenRequests = parser.isBetweenRequests && buffer.isEmpty
        }
    }
}
