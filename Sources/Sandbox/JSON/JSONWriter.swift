internal import Contracts

/// Appends JSON values to a text.
struct JSONWriter {
    private(set) var text = ""
    private let escapingNonASCII: Bool

    init(escapingNonASCII: Bool) {
        self.escapingNonASCII = escapingNonASCII
    }

    mutating func append(_ value: JSONValue) {
        switch value {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): append(value)
        case .string(let value): append(value)
        case .array(let items):
            text += "["
            for (place, item) in items.enumerated() {
                if place > 0 { text += "," }
                append(item)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (place, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if place > 0 { text += "," }
                append(member.key)
                text += ":"
                append(member.value)
            }
            text += "}"
        }
    }

    private mutating func append(_ value: Double) {
        // A whole number is written without ".0", as the providers do.
        if let whole = Int64(exactly: value) { text += String(whole) } else { text += String(value) }
    }

    private mutating func append(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.value < 0x20 || (escapingNonASCII && !scalar.isASCII) {
                    for unit in String(scalar).utf16 { appendEscape(unit) }
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }

    private mutating func appendEscape(_ unit: UInt16) {
        let digits = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
