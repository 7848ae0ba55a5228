internal import Contracts

/// Words for a user in one language; nothing else in the service holds a sentence.
struct Texts: Sendable {
    let language: Language

    init(_ language: Language) {
        self.language = language
    }

    /// A value that is put into a text.
    enum Argument: Sendable {
        /// Escaped; anything that comes from a user, a model or another service.
        case text(String)
        /// HTML that this type made itself.
        case html(String)
    }

    /// Telegram HTML; `{name}` stands for the argument of that name.
    func html(_ key: TextKey, _ arguments: [String: Argument] = [:]) -> String {
        Self.filled(template(key)) { name in
            switch arguments[name] {
            case .text(let text): Self.escape(text)
            case .html(let html): html
            case nil: nil
            }
        }
    }

    /// Text without markup, for buttons and toasts.
    func plain(_ key: TextKey, _ arguments: [String: String] = [:]) -> String {
        Self.filled(template(key)) { arguments[$0] }
    }

    /// Puts values in their places in one pass, so that a value which looks like a place stays as the user wrote it.
    private static func filled(_ template: String, _ value: (String) -> String?) -> String {
        var result = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            result += rest[..<open] + (value(name) ?? "{\(name)}")
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// The untouched text of a key.
    func template(_ key: TextKey) -> String {
        switch language {
        case .russian: Self.russian(key)
        case .english: Self.english(key)
        }
    }

    /// Makes any text safe inside Telegram HTML: the three characters that its parser knows (Bot API, "HTML style"), and
    /// control characters that it refuses.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case let control where control.value < 0x20: continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Our own HTML without its tags, still escaped: text that no parser can refuse.
    static func withoutMarkup(_ html: String) -> String {
        var text = ""
        var isInTag = false
        for character in html {
            switch character {
            case "<": isInTag = true
            case ">" where isInTag: isInTag = false
            default: if !isInTag { text.append(character) }
            }
        }
        return text
    }

    /// What a user wrote, as a quotation in HTML.
    static func quoted(_ text: String, to limit: Int = 300) -> String {
        "<blockquote>\(escape(shortened(text, to: limit)))</blockquote>"
    }

    /// At most `limit` UTF-16 units, which Telegram counts in, whole characters only, with an ellipsis where something was
    /// cut.
    static func shortened(_ text: String, to limit: Int) -> String {
        guard text.utf16.count > limit else { return text }
        var result = ""
        var count = 1
        for character in text {
            count += character.utf16.count
            guard count <= limit else { break }
            result.append(character)
        }
        return result + "…"
    }
}
