internal import HTTP

/// Walks over JSON bytes once: checks that they are RFC 8259 JSON and reports every value with its path.
///
/// It builds nothing, so that a webhook costs one pass and no allocation for members that nobody wants. Refused: anything
/// but one value, nesting over `maximumDepth`, invalid UTF-8, control characters in strings, lone surrogates in escapes,
/// leading zeros and bare signs. A UTF-8 byte order mark is refused too (RFC 8259 section 8.1).
struct JSONOutline {
    /// A value at a path.
    struct Value {
        enum Kind { case string, number, literal, object, array }
        var kind: Kind
        /// Where its bytes stand, a string's without the quotes; empty for objects and arrays.
        var range: Range<Int>
    }

    /// Is shown a value, the way to it and the bytes in which both stand.
    typealias Visit = (borrowing JSONPath, Value, Span<UInt8>) -> Void

    static let maximumDepth = 200

    private var at = 0
    /// The way to the current value.
    private var path = JSONPath()

    private init() {}

    /// Walks over a whole text.
    ///
    /// - Parameter visit: Called for each value that is a member, at most `JSONPath.maximumDepth` deep; objects and arrays are
    ///   reported when they begin.
    /// - Returns: Whether the text is valid.
    static func walk(_ text: [UInt8], _ visit: Visit) -> Bool {
        // Handed down and not kept in `self`, where every access would be looked up and checked.
        let bytes = text.span
        var outline = JSONOutline()
        outline.skipSpace(bytes)
        guard outline.value(bytes, depth: 0, visit) else { return false }
        outline.skipSpace(bytes)
        return outline.at == bytes.count
    }

    private mutating func value(_ bytes: Span<UInt8>, depth: Int, _ visit: Visit) -> Bool {
        guard at < bytes.count else { return false }
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "{"):
            report(.init(kind: .object, range: start..<start), in: bytes, visit)
            return object(bytes, depth: depth + 1, visit)
        case UInt8(ascii: "["):
            report(.init(kind: .array, range: start..<start), in: bytes, visit)
            return array(bytes, depth: depth + 1, visit)
        case UInt8(ascii: "\""):
            guard let range = string(bytes) else { return false }
            report(.init(kind: .string, range: range), in: bytes, visit)
            return true
        case UInt8(ascii: "t"): return literal(bytes, "true", start, visit)
        case UInt8(ascii: "f"): return literal(bytes, "false", start, visit)
        case UInt8(ascii: "n"): return literal(bytes, "null", start, visit)
        default:
            guard number(bytes) else { return false }
            report(.init(kind: .number, range: start..<at), in: bytes, visit)
            return true
        }
    }

    private func report(_ value: Value, in bytes: Span<UInt8>, _ visit: Visit) {
        guard (1...JSONPath.maximumDepth).contains(path.depth) else { return }
        visit(path, value, bytes)
    }

    private mutating func object(_ bytes: Span<UInt8>, depth: Int, _ visit: Visit) -> Bool {
        guard depth <= Self.maximumDepth else { return false }
        at += 1
        skipSpace(bytes)
        if take(UInt8(ascii: "}"), bytes) { return true }
        while true {
            guard let name = string(bytes) else { return false }
            skipSpace(bytes)
            guard take(UInt8(ascii: ":"), bytes) else { return false }
            skipSpace(bytes)
            path.push(name)
            defer { path.pop() }
            guard value(bytes, depth: depth, visit) else { return false }
            skipSpace(bytes)
            if take(UInt8(ascii: "}"), bytes) { return true }
            guard take(UInt8(ascii: ","), bytes) else { return false }
            skipSpace(bytes)
        }
    }

    private mutating func array(_ bytes: Span<UInt8>, depth: Int, _ visit: Visit) -> Bool {
        guard depth <= Self.maximumDepth else { return false }
        at += 1
        skipSpace(bytes)
        if take(UInt8(ascii: "]"), bytes) { return true }
        // Items have no name: an unnamed step keeps them from being taken for members of the object around them.
        path.push(0..<0)
        defer { path.pop() }
        while true {
            guard value(bytes, depth: depth, visit) else { return false }
            skipSpace(bytes)
            if take(UInt8(ascii: "]"), bytes) { return true }
            guard take(UInt8(ascii: ","), bytes) else { return false }
            skipSpace(bytes)
        }
    }

    /// Reads a string; returns the range between its quotes.
    private mutating func string(_ bytes: Span<UInt8>) -> Range<Int>? {
        guard take(UInt8(ascii: "\""), bytes) else { return nil }
        let start = at
        // In a variable of its own, which lives in a register.
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            at = index - 1
            switch byte {
            case UInt8(ascii: "\""):
                at = index
                return start..<(index - 1)
            case UInt8(ascii: "\\"):
                guard escape(bytes) else { return nil }
            case 0..<0x20: return nil
            default:
                guard multibyte(bytes) else { return nil }
            }
            index = at
        }
        return nil
    }

    private mutating func escape(_ bytes: Span<UInt8>) -> Bool {
        at += 1
        guard at < bytes.count else { return false }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            guard let unit = hexUnit(bytes) else { return false }
            if (0xDC00...0xDFFF).contains(unit) { return false }
            guard (0xD800...0xDBFF).contains(unit) else { return true }
            guard take(UInt8(ascii: "\\"), bytes), take(UInt8(ascii: "u"), bytes), let low = hexUnit(bytes) else {
                return false
            }
            return (0xDC00...0xDFFF).contains(low)
        default: return false
        }
    }

    private mutating func hexUnit(_ bytes: Span<UInt8>) -> Int? {
        guard at + 4 <= bytes.count else { return nil }
        var unit = 0
        for index in at..<(at + 4) {
            guard let digit = HTTPSyntax.hexValue(bytes[index]) else { return nil }
            unit = unit << 4 | Int(digit)
        }
        at += 4
        return unit
    }

    /// One UTF-8 sequence of 2 to 4 bytes (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
    private mutating func multibyte(_ bytes: Span<UInt8>) -> Bool {
        let lead = bytes[at]
        let length: Int
        let second: ClosedRange<UInt8>
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return false
        }
        guard at + length <= bytes.count, second.contains(bytes[at + 1]) else { return false }
        for index in (at + 2)..<max(at + 2, at + length) where !(0x80...0xBF).contains(bytes[index]) { return false }
        at += length
        return true
    }

    private mutating func number(_ bytes: Span<UInt8>) -> Bool {
        _ = take(UInt8(ascii: "-"), bytes)
        if !take(UInt8(ascii: "0"), bytes) {
            guard digits(bytes) else { return false }
        }
        if take(UInt8(ascii: "."), bytes) {
            guard digits(bytes) else { return false }
        }
        if take(UInt8(ascii: "e"), bytes) || take(UInt8(ascii: "E"), bytes) {
            if !take(UInt8(ascii: "+"), bytes) { _ = take(UInt8(ascii: "-"), bytes) }
            guard digits(bytes) else { return false }
        }
        return true
    }

    private mutating func digits(_ bytes: Span<UInt8>) -> Bool {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        return at > start
    }

    private mutating func literal(
        _ bytes: Span<UInt8>,
        _ word: StaticString,
        _ start: Int,
        _ visit: Visit
    ) -> Bool {
        for byte in "\(word)".utf8 {
            guard take(byte, bytes) else { return false }
        }
        report(.init(kind: .literal, range: start..<at), in: bytes, visit)
        return true
    }

    private mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }
}
