internal import Contracts

/// Reads and writes JSON text the way the providers do it: strict on reading, and on writing either plain UTF-8 or with
/// every non-ASCII character escaped, as Telegram sends its updates.
enum JSONText {
    /// Why a text is not JSON; `offset` counts bytes.
    struct Malformed: Error, Equatable {
        let offset: Int
    }

    /// Nesting beyond this depth is refused, so that a hostile body cannot exhaust the stack.
    static let maximumDepth = 128

    /// - Throws: `Malformed` for anything RFC 8259 does not allow, a lone surrogate, or nesting above `maximumDepth`.
    static func parse(_ bytes: [UInt8]) throws(Malformed) -> JSONValue {
        var reader = JSONReader(bytes)
        return try reader.document()
    }

    /// - Throws: `Malformed`, as for bytes.
    static func parse(_ text: String) throws(Malformed) -> JSONValue {
        try parse(Array(text.utf8))
    }

    /// Compact text with members sorted by name.
    ///
    /// - Parameter escapingNonASCII: Writes `\uXXXX` (surrogate pairs above the basic plane) instead of UTF-8.
    static func write(_ value: JSONValue, escapingNonASCII: Bool = false) -> String {
        var writer = JSONWriter(escapingNonASCII: escapingNonASCII)
        writer.append(value)
        return writer.text
    }

    /// The bytes of `write`.
    static func bytes(_ value: JSONValue) -> [UInt8] {
        Array(write(value).utf8)
    }
}

extension JSONValue {
    /// An object without the members that have no value; Telegram leaves out what it does not know.
    static func members(_ members: [String: JSONValue?]) -> JSONValue {
        .object(members.compactMapValues { $0 })
    }

    /// The object with `other`'s members added; `other` wins.
    func merging(_ other: [String: JSONValue?]) -> JSONValue {
        guard case .object(let own) = self else { return self }
        return .object(own.merging(other.compactMapValues { $0 }) { $1 })
    }
}

extension String {
    /// The text as a JSON value, nil when absent; for building objects.
    var json: JSONValue { .string(self) }
}

extension Int64 {
    /// The number as a JSON value.
    var json: JSONValue { .integer(self) }
}

extension Int {
    /// The number as a JSON value.
    var json: JSONValue { .integer(Int64(self)) }
}
