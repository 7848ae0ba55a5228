/// Walks over JSON bytes once: checks that they are RFC 8259 JSON and reports every value with its path.
///
/// It builds nothing, so that a webhook costs one pass and no allocation for members that nobody wants. Refused: anything
/// but one value, nesting over `maximumDepth`, invalid UTF-8, control characters in strings, lone surrogates in escapes,
/// leading zeros and bare signs. A UTF-8 byte order mark is refused too (RFC 8259 section 8.1).
struct JSONOutline {
    /// A value at a path; `start..<end` are its bytes, a string's without the quotes.
    struct Value {
        enum Kind { case string, number, literal, object, array }
        var kind: Kind
        var start: Int
        var end: Int
    }

    static let maximumDepth = 200
    /// Paths deeper than this are checked but not reported.
    static let reportedDepth = 4

    private let bytes: [UInt8]
    private var at = 0
    /// Byte ranges of the member names on the way to the current value.
    private var names: [Range<Int>] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        names.reserveCapacity(Self.reportedDepth)
    }

    /// Walks over the whole text.
    ///
    /// - Parameter visit: Called for each value that is a member, at most `reportedDepth` deep; objects and arrays are
    ///   reported when they begin.
    /// - Returns: Whether the text is valid.
    mutating func walk(_ visit: (JSONPath, Value) -> Void) -> Bool {
        skipSpace()
        guard value(depth: 0, visit) else { return false }
        skipSpace()
        return at == bytes.count
    }

    private mutating func value(depth: Int, _ visit: (JSONPath, Value) -> Void) -> Bool {
        guard at < bytes.count else { return false }
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "{"):
            report(.init(kind: .object, start: start, end: start), visit)
            return object(depth: depth + 1, visit)
        case UInt8(ascii: "["):
            report(.init(kind: .array, start: start, end: start), visit)
            return array(depth: depth + 1, visit)
        case UInt8(ascii: "\""):
            guard let range = string() else { return false }
            report(.init(kind: .string, start: range.lowerBound, end: range.upperBound), visit)
            return true
        case UInt8(ascii: "t"): return literal("true", start, visit)
        case UInt8(ascii: "f"): return literal("false", start, visit)
        case UInt8(ascii: "n"): return literal("null", start, visit)
        default:
            guard number() else { return false }
            report(.init(kind: .number, start: start, end: at), visit)
            return true
        }
    }

    private func report(_ value: Value, _ visit: (JSONPath, Value) -> Void) {
        guard !names.isEmpty && names.count <= Self.reportedDepth else { return }
        visit(JSONPath(bytes: bytes, names: names), value)
    }

    private mutating func object(depth: Int, _ visit: (JSONPath, Value) -> Void) -> Bool {
        guard depth <= Self.maximumDepth else { return false }
        at += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return true }
        while true {
            guard let name = string() else { return false }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return false }
            skipSpace()
            names.append(name)
            defer { names.removeLast() }
            guard value(depth: depth, visit) else { return false }
            skipSpace()
            if take(UInt8(ascii: "}")) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
            skipSpace()
        }
    }

    private mutating func array(depth: Int, _ visit: (JSONPath, Value) -> Void) -> Bool {
        guard depth <= Self.maximumDepth else { return false }
        at += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return true }
        // Items have no name: an unnamed step keeps them from being taken for members of the object around them.
        names.append(0..<0)
        defer { names.removeLast() }
        while true {
            guard value(depth: depth, visit) else { return false }
            skipSpace()
            if take(UInt8(ascii: "]")) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
            skipSpace()
        }
    }

    /// Reads a string; returns the range between its quotes.
    private mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = at
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\""):
                at += 1
                return start..<(at - 1)
            case UInt8(ascii: "\\"):
                guard escape() else { return nil }
            case 0..<0x20: return nil
            case 0x20..<0x80: at += 1
            default:
                guard multibyte() else { return nil }
            }
        }
        return nil
    }

    private mutating func escape() -> Bool {
        at += 1
        guard at < bytes.count else { return false }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            guard let unit = hexUnit() else { return false }
            if (0xDC00...0xDFFF).contains(unit) { return false }
            guard (0xD800...0xDBFF).contains(unit) else { return true }
            guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let low = hexUnit() else { return false }
            return (0xDC00...0xDFFF).contains(low)
        default: return false
        }
    }

    private mutating func hexUnit() -> Int? {
        guard at + 4 <= bytes.count else { return nil }
        var unit = 0
        for byte in bytes[at..<(at + 4)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | Int(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | Int(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        at += 4
        return unit
    }

    /// One UTF-8 sequence of 2 to 4 bytes (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
    private mutating func multibyte() -> Bool {
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

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) {
            guard digits() else { return false }
        }
        if take(UInt8(ascii: ".")) {
            guard digits() else { return false }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard digits() else { return false }
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        return at > start
    }

    private mutating func literal(
        _ word: StaticString,
        _ start: Int,
        _ visit: (JSONPath, Value) -> Void
    ) -> Bool {
        for byte in "\(word)".utf8 {
            guard take(byte) else { return false }
        }
        report(.init(kind: .literal, start: start, end: at), visit)
        return true
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }
}
