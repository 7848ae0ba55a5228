internal import Contracts

/// Why a call's parameters could not be read.
enum ParameterError: Error, Equatable {
    case malformedBody
    case tooManyBytes
}

/// The parameters of a call, whichever way they came: query string, form, multipart or JSON.
struct Parameters: Sendable {
    /// Non-file parameters together may not be larger than this, in bytes.
    static let maximumValueBytes = 1 << 20

    private(set) var values: [String: JSONValue] = [:]
    private(set) var files: [String: FormPart] = [:]

    /// - Throws: If the body does not have the form that its type announces, or its values are too large.
    init(query: String, contentType: String, body: [UInt8]) throws(ParameterError) {
        Self.readForm(query, into: &values)
        let type = contentType.split(separator: ";").first.map { $0.trimmingSpaces().lowercased() } ?? ""
        if let boundary = Multipart.boundary(of: contentType) {
            guard let parts = Multipart.parse(body, boundary: boundary) else { throw .malformedBody }
            try take(parts)
        } else if type == "application/json", !body.isEmpty {
            guard body.count <= Self.maximumValueBytes else { throw .tooManyBytes }
            // Why it is malformed helps nobody.
            guard let value = try? JSONText.parse(body), let members = value.object else {
                throw .malformedBody
            }
            values.merge(members) { $1 }
        } else if type == "application/x-www-form-urlencoded" {
            guard body.count <= Self.maximumValueBytes else { throw .tooManyBytes }
            Self.readForm(String(decoding: body, as: UTF8.self), into: &values)
        }
    }

    /// Parameters that are known already, for methods called in a webhook's answer.
    init(values: [String: JSONValue]) {
        self.values = values
    }

    private mutating func take(_ parts: [FormPart]) throws(ParameterError) {
        var size = 0
        for part in parts {
            if part.fileName != nil {
                files[part.name] = part
                continue
            }
            size += part.content.count
            guard size <= Self.maximumValueBytes else { throw .tooManyBytes }
            values[part.name] = .string(String(decoding: part.content, as: UTF8.self))
        }
    }

    private static func readForm(_ text: String, into values: inout [String: JSONValue]) {
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            values[formDecode(sides[0])] = .string(sides.count > 1 ? formDecode(sides[1]) : "")
        }
    }

    /// Undoes form encoding: `+` is a space, `%XX` a byte.
    static func formDecode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(0x20)
            } else if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A text; numbers and truth values count as their text. Absent and null are nil.
    func text(_ name: String) -> String? {
        switch values[name] {
        case .string(let value): value
        case .integer(let value): String(value)
        case .number(let value): String(value)
        case .bool(let value): value ? "true" : "false"
        default: nil
        }
    }

    /// A whole number, also as text.
    func integer(_ name: String) -> Int64? {
        if let value = values[name]?.integer { return value }
        return values[name]?.string.flatMap { Int64($0) }
    }

    /// Whether a parameter says yes: `true`, `yes`, `1`.
    func flag(_ name: String) -> Bool {
        ["true", "yes", "1"].contains(text(name)?.lowercased() ?? "")
    }

    /// A structure, nested or as JSON text; nil if absent, `.null` is never returned.
    ///
    /// - Throws: If the text is not JSON.
    func structure(_ name: String) throws(JSONText.Malformed) -> JSONValue? {
        guard let value = values[name], value != .null else { return nil }
        guard case .string(let text) = value else { return value }
        if text.isEmpty { return nil }
        let parsed = try JSONText.parse(text)
        return parsed == .null ? nil : parsed
    }
}
