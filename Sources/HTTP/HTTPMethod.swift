/// A request method; case-sensitive (RFC 9110, section 9.1).
package struct HTTPMethod: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    /// Nil if the text is not a token of at most 32 bytes.
    package init?(rawValue: String) {
        guard (1...32).contains(rawValue.utf8.count), HTTPSyntax.isToken(rawValue.utf8) else { return nil }
        self.rawValue = rawValue
    }

    private init(known: String) {
        rawValue = known
    }

    package static let get = HTTPMethod(known: "GET")
    package static let post = HTTPMethod(known: "POST")
    package static let put = HTTPMethod(known: "PUT")
    package static let delete = HTTPMethod(known: "DELETE")
    package static let head = HTTPMethod(known: "HEAD")
    package static let patch = HTTPMethod(known: "PATCH")
    package static let options = HTTPMethod(known: "OPTIONS")
    package static let connect = HTTPMethod(known: "CONNECT")

    package var description: String { rawValue }
}
