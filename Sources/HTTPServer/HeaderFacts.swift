internal import HTTP

/// What a request's header says about the message itself: host, length, codings, connection (RFC 9112, sections 3.2 and 6).
///
/// Keeps positions in the parser's bytes, not text, so that most of a header is never copied.
struct HeaderFacts {
    private let minorVersion: Int
    private var host: Range<Int>?
    private var length: Int?
    private var coding = TransferCoding()
    private var saysClose = false
    private var saysKeepAlive = false
    private(set) var expectsContinue = false

    init(minorVersion: Int) {
        self.minorVersion = minorVersion
    }

    var framing: HTTP1Head.Framing {
        if coding.isPresent { return .chunked }
        return length.map { .length($0) } ?? .none
    }

    var keepsAlive: Bool { saysClose ? false : minorVersion >= 1 || saysKeepAlive }

    /// Looks at one line.
    mutating func note(_ bytes: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>) throws(HTTPRefusal) {
        switch name.count {
        case 4 where bytes.matches("host", name):
            guard host == nil, HostSyntax.isValid(bytes, value) else { throw .host }
            host = value
        case 6 where bytes.matches("expect", name):
            guard bytes.matches("100-continue", value) else { throw .expectation }
            expectsContinue = true
        case 10 where bytes.matches("connection", name):
            bytes.forEachListElement(value) { element in
                if bytes.matches("close", element) { saysClose = true }
                if bytes.matches("keep-alive", element) { saysKeepAlive = true }
            }
        case 14 where bytes.matches("content-length", name):
            // A repeated field is refused even if it says the same: nobody who means well sends it.
            guard length == nil, let number = Self.length(bytes, value) else { throw .contentLength }
            length = number
        case 17 where bytes.matches("transfer-encoding", name):
            bytes.forEachListElement(value) { coding.add(isChunked: bytes.matches("chunked", $0)) }
        default: break
        }
    }

    /// Digits only: no sign, no list, no white space inside; at most 18 digits, which cannot overflow.
    private static func length(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard (1...18).contains(range.count) else { return nil }
        var length = 0
        for index in range {
            guard bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") else { return nil }
            length = length * 10 + Int(bytes[index] - UInt8(ascii: "0"))
        }
        return length
    }

    /// Checks what only the whole header can tell.
    func check(_ bytes: Span<UInt8>, target: RequestTarget) throws(HTTPRefusal) {
        if minorVersion >= 1, host == nil { throw .host }
        // A proxy could route by one and the application by the other.
        if let authority = target.authority, let host, !bytes.equalIgnoringCase(authority, host) { throw .host }
        guard coding.isPresent else { return }
        if length != nil || minorVersion == 0 { throw .lengthAndCoding }
        try coding.check()
    }
}

/// The transfer codings of a request, over all lines of the field. An empty element counts as an unknown coding: RFC 9110
/// lets a recipient skip it, and those who do not skip it see another body.
private struct TransferCoding {
    private var count = 0
    private var chunkedCount = 0
    private var endsChunked = false

    var isPresent: Bool { count > 0 }

    mutating func add(isChunked: Bool) {
        count += 1
        chunkedCount += isChunked ? 1 : 0
        endsChunked = isChunked
    }

    /// Without `chunked` at the end nobody can tell where the body ends: 400. With it, a coding before it is one that
    /// this server does not decode: 501 (RFC 9112, sections 6.1 and 6.3).
    func check() throws(HTTPRefusal) {
        guard endsChunked, chunkedCount == 1 else { throw .chunkedNotLast }
        if count > 1 { throw .unknownCoding }
    }
}
