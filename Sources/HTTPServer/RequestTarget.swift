internal import HTTP

/// The target of a request line (RFC 9112, section 3.2): `/path?query`, `http://host/path?query`, or `*` for OPTIONS.
struct RequestTarget {
    /// Path and query.
    let text: String
    /// Where host and port of an absolute target stand.
    let authority: Range<Int>?

    /// Reads up to the space behind the target and moves behind it.
    init(
        _ bytes: Span<UInt8>,
        _ index: inout Int,
        method: HTTPMethod,
        limit: Int
    ) throws(HTTPRefusal) {
        let start = index
        while true {
            index = bytes.endOfPlainTarget(index)
            if bytes[index] == UInt8(ascii: "%") {
                try Self.checkTriplet(bytes, index)
            } else if !Self.isAuthorityBracket(bytes, index, start) {
                break
            }
            index += 1
        }
        // A line that ends here is HTTP/0.9, or has a space inside the target.
        guard bytes[index] == UInt8(ascii: " "), index > start else {
            throw bytes[index] == 13 ? .requestLine : .target
        }
        guard index - start <= limit else { throw .targetTooLong }
        let range = start..<index
        index += 1
        if bytes[start] == UInt8(ascii: "/") {
            (text, authority) = (bytes.text(range), nil)
        } else if bytes[start] == UInt8(ascii: "*"), range.count == 1, method == .options {
            (text, authority) = ("*", nil)
        } else {
            (text, authority) = try Self.absolute(bytes, range)
        }
    }

    /// Brackets are only for IPv6 hosts of absolute targets; `absolute` checks their place.
    private static func isAuthorityBracket(_ bytes: Span<UInt8>, _ index: Int, _ start: Int) -> Bool {
        (bytes[index] == UInt8(ascii: "[") || bytes[index] == UInt8(ascii: "]")) && bytes[start] != UInt8(ascii: "/")
    }

    /// `%00` is refused too: no text that is stored or compared further in may hold a NUL.
    private static func checkTriplet(_ bytes: Span<UInt8>, _ index: Int) throws(HTTPRefusal) {
        guard let high = HTTPSyntax.hexValue(bytes[index + 1]), let low = HTTPSyntax.hexValue(bytes[index + 2]),
            high | low != 0
        else { throw .target }
    }

    private static func absolute(
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) throws(HTTPRefusal) -> (String, Range<Int>) {
        let start =
            if range.count > 7, bytes.matches("http://", range.lowerBound..<range.lowerBound + 7) {
                range.lowerBound + 7
            } else if range.count > 8, bytes.matches("https://", range.lowerBound..<range.lowerBound + 8) {
                range.lowerBound + 8
            } else { throw HTTPRefusal.target }
        var end = start
        while end < range.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
        guard HostSyntax.isValid(bytes, start..<end) else { throw .target }
        for index in end..<range.upperBound where !HTTPSyntax.isTargetByte(bytes[index]) { throw .target }
        let path = bytes.text(end..<range.upperBound)
        return (path.utf8.first == UInt8(ascii: "/") ? path : "/" + path, start..<end)
    }
}
