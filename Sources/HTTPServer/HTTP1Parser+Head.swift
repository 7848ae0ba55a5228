internal import HTTP

/// What one pass over a complete header collects. The bytes have been searched: every CR is followed by an LF and no LF
/// stands alone, and the header ends with an empty line, so looking one byte ahead never leaves it.
extension HTTP1Parser {
    private static let carriageReturn: UInt8 = 13
    private static let space = UInt8(ascii: " ")

    func parseHead(_ bytes: Span<UInt8>, _ start: Int, end: Int) throws(HTTPRefusal) -> HTTP1Head {
        var index = start
        let method = try parseMethod(bytes, &index)
        let target = try RequestTarget(bytes, &index, method: method, limit: limits.targetBytes)
        let minorVersion = try parseVersion(bytes, &index)
        var facts = HeaderFacts(minorVersion: minorVersion)
        var fields = HTTPFields()
        fields.reserveCapacity(8)
        while bytes[index] != Self.carriageReturn { try parseField(bytes, &index, &fields, &facts) }
        try facts.check(target: target)
        return HTTP1Head(
            method: method,
            target: target.text,
            fields: fields,
            minorVersion: minorVersion,
            framing: facts.framing,
            keepsAlive: facts.keepsAlive,
            expectsContinue: facts.expectsContinue && minorVersion >= 1
        )
    }

    private func parseMethod(_ bytes: Span<UInt8>, _ index: inout Int) throws(HTTPRefusal) -> HTTPMethod {
        let start = index
        while HTTPSyntax.isTokenByte(bytes[index]) { index += 1 }
        guard bytes[index] == Self.space, index > start else { throw .requestLine }
        defer { index += 1 }
        if bytes.holds("GET", start..<index) { return .get }
        if bytes.holds("POST", start..<index) { return .post }
        guard let method = HTTPMethod(rawValue: bytes.text(start..<index)), method != .connect else { throw .method }
        return method
    }

    /// `HTTP/1.0` and `HTTP/1.1`, and higher minor versions, which are treated as 1.1 (RFC 9110, section 2.5).
    private func parseVersion(_ bytes: Span<UInt8>, _ index: inout Int) throws(HTTPRefusal) -> Int {
        let start = index
        while bytes[index] != Self.carriageReturn { index += 1 }
        defer { index += 2 }
        guard index - start == 8, bytes.holds("HTTP/", start..<start + 5), bytes[start + 6] == UInt8(ascii: "."),
            let major = Self.digit(bytes[start + 5]), let minor = Self.digit(bytes[start + 7])
        else { throw .requestLine }
        guard major == 1 else { throw .version }
        return min(minor, 1)
    }

    private static func digit(_ byte: UInt8) -> Int? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
    }

    private func parseField(
        _ bytes: Span<UInt8>,
        _ index: inout Int,
        _ fields: inout HTTPFields,
        _ facts: inout HeaderFacts
    ) throws(HTTPRefusal) {
        let (name, value) = try Self.scanField(bytes, &index)
        let text = bytes.text(value)
        try facts.note(bytes, name, value, text)
        fields.add(bytes.text(name), text)
    }

    /// Finds one line's name and trimmed value, and moves behind its end. Also for trailers.
    static func scanField(
        _ bytes: Span<UInt8>,
        _ index: inout Int
    ) throws(HTTPRefusal) -> (name: Range<Int>, value: Range<Int>) {
        let nameStart = index
        while HTTPSyntax.isTokenByte(bytes[index]) { index += 1 }
        let nameEnd = index
        guard bytes[index] == UInt8(ascii: ":"), nameEnd > nameStart else {
            guard bytes[index] == space || bytes[index] == 9 else { throw .fieldName }
            throw nameEnd == nameStart ? .foldedLine : .spaceBeforeColon
        }
        index += 1
        while bytes[index] == space || bytes[index] == 9 { index += 1 }
        let valueStart = index
        while HTTPSyntax.isFieldValueByte(bytes[index]) { index += 1 }
        guard bytes[index] == carriageReturn else { throw .controlByte }
        var valueEnd = index
        while valueEnd > valueStart, bytes[valueEnd - 1] == space || bytes[valueEnd - 1] == 9 { valueEnd -= 1 }
        index += 2
        return (nameStart..<nameEnd, valueStart..<valueEnd)
    }
}

/// What the header says about the message itself.
private struct HeaderFacts {
    let minorVersion: Int
    private var host: String?
    private var length: Int?
    private var codings: [Substring]?
    private var saysClose = false
    private var saysKeepAlive = false
    private(set) var expectsContinue = false

    init(minorVersion: Int) {
        self.minorVersion = minorVersion
    }

    var framing: HTTP1Head.Framing {
        if codings != nil { return .chunked }
        return length.map { .length($0) } ?? .none
    }

    var keepsAlive: Bool { saysClose ? false : minorVersion >= 1 || saysKeepAlive }

    mutating func note(
        _ bytes: Span<UInt8>,
        _ name: Range<Int>,
        _ valueRange: Range<Int>,
        _ value: String
    ) throws(HTTPRefusal) {
        switch name.count {
        case 4 where bytes.matches("host", name):
            guard host == nil, HostSyntax.isValid(value) else { throw .host }
            host = value
        case 6 where bytes.matches("expect", name):
            guard HTTPSyntax.equalsIgnoringCase(value, "100-continue") else { throw .expectation }
            expectsContinue = true
        case 10 where bytes.matches("connection", name):
            for option in value.split(separator: ",") { noteConnection(option.trimmed) }
        case 14 where bytes.matches("content-length", name):
            // A repeated field is refused even if it says the same: nobody who means well sends it.
            guard length == nil, let number = Self.length(bytes, valueRange) else { throw .contentLength }
            length = number
        case 17 where bytes.matches("transfer-encoding", name):
            codings = (codings ?? []) + value.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmed)
        default: break
        }
    }

    private mutating func noteConnection(_ option: Substring) {
        if HTTPSyntax.equalsIgnoringCase(String(option), "close") { saysClose = true }
        if HTTPSyntax.equalsIgnoringCase(String(option), "keep-alive") { saysKeepAlive = true }
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
    func check(target: RequestTarget) throws(HTTPRefusal) {
        if minorVersion >= 1, host == nil { throw .host }
        // A proxy could route by one and the application by the other.
        if let authority = target.authority, let host, !HTTPSyntax.equalsIgnoringCase(authority, host) { throw .host }
        guard let codings else { return }
        if length != nil { throw .lengthAndCoding }
        if minorVersion == 0 { throw .lengthAndCoding }
        let isChunked = codings.map { HTTPSyntax.equalsIgnoringCase(String($0), "chunked") }
        guard let last = isChunked.last, last else {
            throw isChunked.contains(true) || codings.allSatisfy(\.isEmpty) ? .chunkedNotLast : .unknownCoding
        }
        if isChunked.dropLast().contains(true) { throw .chunkedNotLast }
        if codings.count > 1 { throw .unknownCoding }
    }
}

/// The `Host` field's value: a name or address and an optional port (RFC 9110, section 7.2).
enum HostSyntax {
    static func isValid(_ text: String) -> Bool {
        let bytes = ContiguousArray(text.utf8)
        var nameEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = bytes[1..<close]
            let isAddress = address.allSatisfy { HTTPSyntax.hexValue($0) != nil || $0 == 58 || $0 == 46 }
            guard address.count >= 2, isAddress else { return false }
            nameEnd = close + 1
        } else {
            guard nameEnd > 0, bytes[..<nameEnd].allSatisfy(HTTPSyntax.isHostByte) else { return false }
        }
        guard nameEnd < bytes.count else { return true }
        let port = bytes[(nameEnd + 1)...]
        return bytes[nameEnd] == UInt8(ascii: ":") && port.count <= 5
            && port.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while let first = text.utf8.first, first == 32 || first == 9 { text.removeFirst() }
        while let last = text.utf8.last, last == 32 || last == 9 { text.removeLast() }
        return text
    }
}
