internal import Contracts

/// A text with formatting, as messages carry it.
struct FormattedText: Equatable, Sendable, Codable {
    var text = ""
    /// `MessageEntity` objects, ordered by offset; offsets and lengths in UTF-16 units.
    var entities: [JSONValue] = []

    /// Length as the limits of 4,096 and 1,024 count it.
    var length: Int { text.unicodeScalars.count }
}

/// Telegram's HTML (`parse_mode` HTML): the same tags, the same errors.
struct HTMLText {
    private struct Open {
        let tag: String
        let offset: Int
        let entity: [String: JSONValue]
    }

    private let bytes: [UInt8]
    private var index = 0
    private var output: [UInt8] = []
    private var units = 0
    private var open: [Open] = []
    private var entities: [[String: JSONValue]] = []

    /// - Throws: 400 "can't parse entities: …".
    static func parse(_ source: String) throws(TelegramError) -> FormattedText {
        var parser = HTMLText(bytes: Array(source.utf8))
        return try parser.run()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func failure(_ text: String) -> TelegramError { .bad("can't parse entities: " + text) }

    private mutating func run() throws(TelegramError) -> FormattedText {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "<"): try tag()
            case UInt8(ascii: "&"): reference()
            default: take(bytes[index])
            }
        }
        if let last = open.last {
            throw failure("Can't find end tag corresponding to start tag \"\(last.tag)\"")
        }
        let ordered = entities.enumerated().sorted { left, right in
            let (first, second) = (left.element["offset"]?.integer ?? 0, right.element["offset"]?.integer ?? 0)
            // The outer entity comes first; it was closed last.
            return first != second ? first < second : left.offset > right.offset
        }.map(\.element)
        return FormattedText(
            text: String(decoding: output, as: UTF8.self),
            entities: ordered.map { .object($0) }
        ).trimmed()
    }

    private mutating func take(_ byte: UInt8) {
        output.append(byte)
        // The first byte of a character counts: one unit, two above the basic plane.
        if byte & 0xC0 != 0x80 { units += byte >= 0xF0 ? 2 : 1 }
        index += 1
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        output += Array(String(scalar).utf8)
        units += scalar.value > 0xFFFF ? 2 : 1
    }

    /// `&lt;`, `&gt;`, `&amp;`, `&quot;` and numbers; everything else stays as it is.
    private mutating func reference() {
        let rest = bytes[(index + 1)...].prefix(10)
        guard let end = rest.firstIndex(of: UInt8(ascii: ";")) else { return take(bytes[index]) }
        let name = String(decoding: bytes[index + 1..<end], as: UTF8.self)
        guard let scalar = Self.scalar(name) else { return take(bytes[index]) }
        put(scalar)
        index = end + 1
    }

    private static func scalar(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        default:
            guard name.hasPrefix("#") else { return nil }
            let digits = name.dropFirst()
            let isHex = digits.hasPrefix("x") || digits.hasPrefix("X")
            let value = isHex ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            guard let value, value > 0 else { return nil }
            return Unicode.Scalar(value)
        }
    }

    private mutating func tag() throws(TelegramError) {
        let start = index
        guard let end = endOfTag(from: index) else { throw failure("Unclosed start tag at byte offset \(start)") }
        let content = String(decoding: bytes[index + 1..<end], as: UTF8.self)
        index = end + 1
        if content.hasPrefix("/") {
            try close(content.dropFirst().trimmingSpaces().lowercased(), at: start)
        } else {
            try begin(content, at: start)
        }
    }

    /// The closing bracket, not looking into quoted attributes.
    private func endOfTag(from start: Int) -> Int? {
        var quote: UInt8?
        for place in start..<bytes.count {
            let byte = bytes[place]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return place
            }
        }
        return nil
    }

    private mutating func begin(_ content: String, at start: Int) throws(TelegramError) {
        let name = String(content.prefix { !$0.isWhitespace }).lowercased()
        let attributes = Self.attributes(String(content.dropFirst(name.count)))
        guard let entity = Self.entity(name, attributes) else {
            throw failure("Unsupported start tag \"\(name)\" at byte offset \(start)")
        }
        open.append(Open(tag: name, offset: units, entity: entity))
    }

    private mutating func close(_ name: String, at start: Int) throws(TelegramError) {
        guard let last = open.popLast() else { throw failure("Unexpected end tag at byte offset \(start)") }
        guard name.isEmpty || name == last.tag else {
            throw failure(
                "Unmatched end tag at byte offset \(start), expected \"</\(last.tag)>\", found \"</\(name)>\""
            )
        }
        guard units > last.offset, var entity = Optional(last.entity), !entity.isEmpty else { return }
        if last.tag == "a", entity["url"] == nil {
            let text = String(decoding: output, as: UTF8.self)
            entity["url"] = .string(String(decoding: Array(text.utf16)[last.offset...], as: UTF16.self))
        }
        // <pre><code class="language-x"> is one entity with a language.
        if last.tag == "code", let outer = open.last, outer.tag == "pre", outer.offset == last.offset {
            open[open.count - 1] = Open(
                tag: "pre",
                offset: outer.offset,
                entity: outer.entity.merging(entity["language"].map { ["language": $0] } ?? [:]) { $1 }
            )
            return
        }
        entity["language"] = last.tag == "pre" ? entity["language"] : nil
        entity["offset"] = last.offset.json
        entity["length"] = (units - last.offset).json
        entities.append(entity)
    }

    /// The entity that a tag makes, without its place; nil for a tag that Telegram does not know.
    private static func entity(_ name: String, _ attributes: [String: String]) -> [String: JSONValue]? {
        switch name {
        case "b", "strong": return ["type": "bold"]
        case "i", "em": return ["type": "italic"]
        case "u", "ins": return ["type": "underline"]
        case "s", "strike", "del": return ["type": "strikethrough"]
        case "tg-spoiler": return ["type": "spoiler"]
        case "span": return attributes["class"] == "tg-spoiler" ? ["type": "spoiler"] : nil
        case "blockquote":
            return ["type": attributes["expandable"] == nil ? "blockquote" : "expandable_blockquote"]
        case "pre": return ["type": "pre"]
        case "code":
            let language = attributes["class"].flatMap { $0.hasPrefix("language-") ? String($0.dropFirst(9)) : nil }
            return language.map { ["type": "code", "language": .string($0)] } ?? ["type": "code"]
        case "a":
            return attributes["href"].map { ["type": "text_link", "url": .string($0)] } ?? ["type": "text_link"]
        case "tg-emoji":
            return attributes["emoji-id"].map { ["type": "custom_emoji", "custom_emoji_id": .string($0)] }
        case "tg-time": return ["type": "date_time"]
        default: return nil
        }
    }

    private static func attributes(_ text: String) -> [String: String] {
        var attributes: [String: String] = [:]
        var rest = text[...]
        while true {
            rest = rest.drop { $0.isWhitespace }
            let name = rest.prefix { !$0.isWhitespace && $0 != "=" }
            guard !name.isEmpty else { return attributes }
            rest = rest.dropFirst(name.count)
            guard rest.first == "=" else {
                attributes[name.lowercased()] = ""
                continue
            }
            rest = rest.dropFirst()
            if let quote = rest.first, quote == "\"" || quote == "'" {
                let value = rest.dropFirst().prefix { $0 != quote }
                attributes[name.lowercased()] = unescaped(value)
                rest = rest.dropFirst(value.count + 2)
            } else {
                let value = rest.prefix { !$0.isWhitespace }
                attributes[name.lowercased()] = unescaped(value)
                rest = rest.dropFirst(value.count)
            }
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        ["quot": "\"", "lt": "<", "gt": ">", "amp": "&"].sorted { $0.key > $1.key }.reduce(String(text)) {
            $0.replacing("&\($1.key);", with: $1.value)
        }
    }
}

extension FormattedText {
    /// Without white space at both ends, as Telegram stores texts; entities move and shrink accordingly.
    func trimmed() -> FormattedText {
        let scalars = Array(text.unicodeScalars)
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return FormattedText() }
        let units = { (part: ArraySlice<Unicode.Scalar>) in part.reduce(0) { $0 + ($1.value > 0xFFFF ? 2 : 1) } }
        let cut = units(scalars[..<first])
        let kept = units(scalars[first...last])
        guard cut > 0 || last < scalars.count - 1 else { return self }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[first...last])
        let moved = entities.compactMap { entity -> JSONValue? in
            guard let offset = entity["offset"]?.integer, let length = entity["length"]?.integer else { return nil }
            let start = max(0, Int(offset) - cut)
            let end = min(kept, Int(offset + length) - cut)
            return end > start ? entity.merging(["offset": start.json, "length": (end - start).json]) : nil
        }
        return FormattedText(text: String(view), entities: moved)
    }
}
