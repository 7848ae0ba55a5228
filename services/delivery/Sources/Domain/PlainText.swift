/// Telegram HTML without its markup, as the reader sees it.
package enum PlainText {
    /// Removes tags and resolves the entities that Telegram knows; a lone `<` or `&` stays as it is.
    package static func strip(_ html: String) -> String {
        var text = ""
        var rest = html[...]
        while let next = rest.firstIndex(where: { $0 == "<" || $0 == "&" }) {
            text += rest[..<next]
            rest = rest[next...]
            let (replacement, length) = rest.first == "<" ? tag(rest) : entity(rest)
            text += replacement
            rest = rest.dropFirst(length)
        }
        return text + rest
    }

    /// Characters that count towards Telegram's limits, in UTF-16 units: never fewer than Telegram counts.
    package static func length(_ html: String) -> Int { strip(html).utf16.count }

    private static func tag(_ rest: Substring) -> (String, Int) {
        guard let second = rest.dropFirst().first, second.isLetter || second == "/",
            let end = rest.firstIndex(of: ">")
        else { return ("<", 1) }
        return ("", rest.distance(from: rest.startIndex, to: end) + 1)
    }

    private static func entity(_ rest: Substring) -> (String, Int) {
        guard let end = rest.prefix(12).firstIndex(of: ";") else { return ("&", 1) }
        let name = rest[rest.index(after: rest.startIndex)..<end]
        let length = name.count + 2
        switch name {
        case "lt": return ("<", length)
        case "gt": return (">", length)
        case "amp": return ("&", length)
        case "quot": return ("\"", length)
        default:
            guard name.first == "#" else { return ("&", 1) }
            let digits = name.dropFirst()
            let isHex = digits.first == "x" || digits.first == "X"
            guard let value = UInt32(isHex ? digits.dropFirst() : digits, radix: isHex ? 16 : 10),
                let scalar = Unicode.Scalar(value)
            else { return ("&", 1) }
            return (String(scalar), length)
        }
    }
}
