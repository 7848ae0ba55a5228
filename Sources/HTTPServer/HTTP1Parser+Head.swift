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
        fields.reserveCapacity(8, bytes: end - index)
        while bytes[index] != Self.carriageReturn {
            let (name, value) = try Self.scanField(bytes, &index)
            try facts.note(bytes, name, value)
            fields.add(bytes, name: name, value: value)
        }
        try facts.check(bytes, target: target)
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
        index = bytes.endOfToken(index)
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
        index = bytes.endOfLine(start, before: bytes.count)
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

    /// Finds one line's name and trimmed value, and moves behind its end. Also for trailers.
    static func scanField(
        _ bytes: Span<UInt8>,
        _ index: inout Int
    ) throws(HTTPRefusal) -> (name: Range<Int>, value: Range<Int>) {
        let nameStart = index
        let nameEnd = bytes.endOfToken(nameStart)
        index = nameEnd
        guard bytes[index] == UInt8(ascii: ":"), nameEnd > nameStart else {
            guard bytes[index] == space || bytes[index] == 9 else { throw .fieldName }
            throw nameEnd == nameStart ? .foldedLine : .spaceBeforeColon
        }
        index += 1
        while bytes[index] == space || bytes[index] == 9 { index += 1 }
        let valueStart = index
        index = bytes.endOfFieldValue(valueStart)
        guard bytes[index] == carriageReturn else { throw .controlByte }
        var valueEnd = index
        while valueEnd > valueStart, bytes[valueEnd - 1] == space || bytes[valueEnd - 1] == 9 { valueEnd -= 1 }
        index += 2
        return (nameStart..<nameEnd, valueStart..<valueEnd)
    }
}
