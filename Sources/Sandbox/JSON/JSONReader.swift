internal import Contracts

/// A recursive-descent reader over the bytes of one JSON document.
struct JSONReader {
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONText.Malformed) -> JSONValue {
        let value = try self.value()
        skipSpace()
        guard index == bytes.count else { throw malformed }
        return value
    }

    private var malformed: JSONText.Malformed { JSONText.Malformed(offset: index) }

    private var peeked: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[index]) { index += 1 }
    }

    private mutating func value() throws(JSONText.Malformed) -> JSONValue {
        skipSpace()
        switch peeked {
        case UInt8(ascii: "{"): return try nested { reader throws(JSONText.Malformed) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSONText.Malformed) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(JSONText.Malformed) -> JSONValue
    ) throws(JSONText.Malformed) -> JSONValue {
        depth += 1
        guard depth <= JSONText.maximumDepth else { throw malformed }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONText.Malformed) -> JSONValue {
        for byte in text.description.utf8 {
            guard peeked == byte else { throw malformed }
            index += 1
        }
        return value
    }

    private mutating func object() throws(JSONText.Malformed) -> JSONValue {
        index += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if peeked == UInt8(ascii: "}") {
            index += 1
            return .object(members)
        }
        while true {
            skipSpace()
            let name = try string()
            skipSpace()
            guard peeked == UInt8(ascii: ":") else { throw malformed }
            index += 1
            members[name] = try value()
            if try ended(by: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    private mutating func array() throws(JSONText.Malformed) -> JSONValue {
        index += 1
        var items: [JSONValue] = []
        skipSpace()
        if peeked == UInt8(ascii: "]") {
            index += 1
            return .array(items)
        }
        while true {
            items.append(try value())
            if try ended(by: UInt8(ascii: "]")) { return .array(items) }
        }
    }

    /// Whether the closing bracket follows; a comma means that more items do.
    private mutating func ended(by bracket: UInt8) throws(JSONText.Malformed) -> Bool {
        skipSpace()
        guard let byte = peeked, byte == bracket || byte == UInt8(ascii: ",") else { throw malformed }
        index += 1
        return byte == bracket
    }

    private mutating func number() throws(JSONText.Malformed) -> JSONValue {
        let start = index
        if peeked == UInt8(ascii: "-") { index += 1 }
        let firstDigit = index
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[firstDigit] != UInt8(ascii: "0") else { throw malformed }
        var isWhole = true
        if peeked == UInt8(ascii: ".") {
            isWhole = false
            index += 1
            guard digits() > 0 else { throw malformed }
        }
        if peeked == UInt8(ascii: "e") || peeked == UInt8(ascii: "E") {
            isWhole = false
            index += 1
            if peeked == UInt8(ascii: "+") || peeked == UInt8(ascii: "-") { index += 1 }
            guard digits() > 0 else { throw malformed }
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw malformed }
        return .number(value)
    }

    private mutating func digits() -> Int {
        let start = index
        while let byte = peeked, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
        return index - start
    }

    private mutating func string() throws(JSONText.Malformed) -> String {
        guard peeked == UInt8(ascii: "\"") else { throw malformed }
        index += 1
        var content: [UInt8] = []
        while let byte = peeked {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                guard let text = String(validating: content, as: UTF8.self) else { throw malformed }
                return text
            case UInt8(ascii: "\\"):
                index += 1
                try escape(into: &content)
            case 0..<0x20:
                throw malformed
            default:
                content.append(byte)
                index += 1
            }
        }
        throw malformed
    }

    private mutating func escape(into content: inout [UInt8]) throws(JSONText.Malformed) {
        guard let byte = peeked else { throw malformed }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content += Array(String(Character(try scalar())).utf8)
        default: throw malformed
        }
    }

    private mutating func scalar() throws(JSONText.Malformed) -> Unicode.Scalar {
        let first = try hexadecimal()
        if (0xD800..<0xDC00).contains(first) {
            guard peeked == UInt8(ascii: "\\") else { throw malformed }
            index += 1
            guard peeked == UInt8(ascii: "u") else { throw malformed }
            index += 1
            let second = try hexadecimal()
            guard (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw malformed }
            return scalar
        }
        guard let scalar = Unicode.Scalar(first) else { throw malformed }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONText.Malformed) -> UInt32 {
        guard index + 4 <= bytes.count else { throw malformed }
        var value: UInt32 = 0
        for byte in bytes[index..<index + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { throw malformed }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }
}
