/// Writes a tree as JSON text: no spaces, members sorted by their UTF-8 bytes, `/` as it is.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(256)
    }

    mutating func write(_ tree: JSONTree) {
        switch tree {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): write(value)
        case .number(let value): write(value)
        case .string(let value): write(value)
        case .value(let value): write(value)
        case .array(let elements): write(elements.all) { $0.write($1) }
        case .object(let members):
            members.all.sort { Self.isBefore($0.name, $1.name) }
            write(members: members.all.count) { writer, index in
                writer.write(members.all[index].name)
                writer.bytes.append(UInt8(ascii: ":"))
                writer.write(members.all[index].tree)
            }
        }
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write(JSONTree.null)
        case .bool(let value): write(JSONTree.bool(value))
        case .integer(let value): write(value)
        case .number(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements): write(elements) { $0.write($1) }
        case .object(let object):
            let members = object.sorted { Self.isBefore($0.key, $1.key) }
            write(members: members.count) { writer, index in
                writer.write(members[index].key)
                writer.bytes.append(UInt8(ascii: ":"))
                writer.write(members[index].value)
            }
        }
    }

    private static func isBefore(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    private mutating func write(members count: Int, _ member: (inout JSONWriter, Int) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        for index in 0..<count {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            member(&self, index)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func write<Element>(_ elements: [Element], _ element: (inout JSONWriter, Element) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (index, each) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            element(&self, each)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func write(_ value: Int64) {
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Whole numbers lose their fraction, so that `5` and `5.0` are the same text. A non-finite number of a `JSONValue`
    /// becomes null: JSON has no word for it, and a `Double` property has been refused before.
    private mutating func write(_ value: Double) {
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 {
            write(whole)
        } else {
            bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        }
    }

    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
            case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
            case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: (digits.utf8.count == 1 ? #"\u000"# : #"\u00"#).utf8)
                bytes.append(contentsOf: digits.utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
