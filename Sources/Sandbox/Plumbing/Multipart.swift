internal import Foundation

/// A part of a `multipart/form-data` body (RFC 7578).
struct FormPart: Equatable, Sendable {
    var name: String
    var fileName: String?
    var contentType: String?
    var content: [UInt8]
}

/// Reads `multipart/form-data`.
enum Multipart {
    /// Parts above this number make the body malformed.
    static let maximumParts = 128

    /// The boundary that a `Content-Type` announces; nil for other types.
    static func boundary(of contentType: String) -> String? {
        let pieces = contentType.split(separator: ";").map { $0.trimmingSpaces() }
        guard pieces.first?.lowercased() == "multipart/form-data" else { return nil }
        for piece in pieces.dropFirst() where piece.lowercased().hasPrefix("boundary=") {
            let value = piece.dropFirst("boundary=".count)
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1
                ? String(value.dropFirst().dropLast()) : String(value)
        }
        return nil
    }

    /// The parts in their order; nil if the body is cut off or has another form.
    static func parse(_ body: [UInt8], boundary: String) -> [FormPart]? {
        let mark = Array("--\(boundary)".utf8)
        let searched = Data(body)
        guard !boundary.isEmpty, var place = find(mark, in: searched, from: 0) else { return nil }
        var parts: [FormPart] = []
        while true {
            var start = place + mark.count
            if body.hasBytes("--", at: start) { return parts }
            guard body.hasBytes("\r\n", at: start), parts.count < maximumParts else { return nil }
            start += 2
            guard let headEnd = find(Array("\r\n\r\n".utf8), in: searched, from: start),
                let end = find(Array("\r\n".utf8) + mark, in: searched, from: headEnd + 2),
                let part = part(
                    head: String(decoding: body[start..<headEnd], as: UTF8.self),
                    content: Array(body[min(headEnd + 4, end)..<end])
                )
            else { return nil }
            parts.append(part)
            place = end + 2
        }
    }

    private static func part(head: String, content: [UInt8]) -> FormPart? {
        var part = FormPart(name: "", content: content)
        var isNamed = false
        for line in head.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingSpaces()
            switch line[..<colon].lowercased() {
            case "content-disposition":
                guard let name = parameter("name", of: value) else { return nil }
                part.name = name
                part.fileName = parameter("filename", of: value)
                isNamed = true
            case "content-type": part.contentType = value
            default: continue
            }
        }
        return isNamed ? part : nil
    }

    /// A quoted or plain parameter of a header value.
    static func parameter(_ name: String, of value: String) -> String? {
        for piece in quotedSplit(value) {
            let text = piece.trimmingSpaces()
            guard text.lowercased().hasPrefix(name + "=") else { continue }
            let content = text.dropFirst(name.count + 1)
            guard content.hasPrefix("\""), content.hasSuffix("\""), content.count > 1 else { return String(content) }
            return unescape(content.dropFirst().dropLast())
        }
        return nil
    }

    private static func unescape(_ text: Substring) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if character == "\\" && !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        // Browsers percent-escape quotes in file names (WHATWG form encoding).
        return result.replacing("%22", with: "\"")
    }

    private static func quotedSplit(_ value: String) -> [Substring] {
        var isQuoted = false
        return value.split { character in
            if character == "\"" { isQuoted.toggle() }
            return character == ";" && !isQuoted
        }
    }

    /// Foundation's search, since bodies have up to 50 MB.
    private static func find(_ needle: [UInt8], in body: Data, from start: Int) -> Int? {
        guard start <= body.count else { return nil }
        return body.range(of: Data(needle), in: start..<body.count)?.lowerBound
    }
}

extension [UInt8] {
    func hasBytes(_ other: [UInt8], at index: Int) -> Bool {
        guard index + other.count <= count else { return false }
        for place in 0..<other.count where self[index + place] != other[place] { return false }
        return true
    }

    func hasBytes(_ other: StaticString, at index: Int) -> Bool {
        hasBytes(Array(other.description.utf8), at: index)
    }
}

extension StringProtocol {
    /// The text without spaces and tabs at its ends.
    func trimmingSpaces() -> String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
