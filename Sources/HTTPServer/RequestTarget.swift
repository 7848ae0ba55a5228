internal import HTTP

/// The target of a request line (RFC 9112, section 3.2): `/path?query`, `http://host/path?query`, or `*` for OPTIONS.
struct RequestTarget {
    /// Path and query.
    let text: String
    /// Host and port of an absolute target.
    let authority: String?

    /// Reads up to the space behind the target and moves behind it.
    init(
        _ bytes: Span<UInt8>,
        _ index: inout Int,
        method: HTTPMethod,
        limit: Int
    ) throws(HTTPRefusal) {
        let start = index
        while HTTPSyntax.isTargetByte(bytes[index]) || Self.isAuthorityBracket(bytes, index, start) {
            if bytes[index] == UInt8(ascii: "%") { try Self.checkTriplet(bytes, index) }
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
            (text, authority) = try Self.absolute(bytes.text(range))
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

    private static func absolute(_ target: String) throws(HTTPRefusal) -> (String, String) {
        guard let colon = target.utf8.firstIndex(of: UInt8(ascii: ":")), target[colon...].hasPrefix("://"),
            ["http", "https"].contains(target[..<colon].lowercased())
        else { throw .target }
        let rest = target[target.index(colon, offsetBy: 3)...]
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let (authority, path) = (String(rest[..<end]), String(rest[end...]))
        guard HostSyntax.isValid(authority), !path.utf8.contains(UInt8(ascii: "[")),
            !path.utf8.contains(UInt8(ascii: "]"))
        else { throw .target }
        return (path.hasPrefix("/") ? path : "/" + path, authority)
    }
}

extension Span<UInt8> {
    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    func text(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the bytes are exactly these.
    func holds(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where unsafe self[range.lowerBound + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether the bytes are these when case does not count; `text` is lower case.
    func matches(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count
        where unsafe HTTPSyntax.lowercase(self[range.lowerBound + offset]) != text.utf8Start[offset] {
            return false
        }
        return true
    }
}
