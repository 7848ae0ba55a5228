internal import Foundation

/// How contract types are written as JSON: snake_case members, RFC 3339 times, keys sorted so that equal values give
/// equal bytes (idempotency fingerprints and stored commands rely on it).
package enum ContractJSON {
    /// - Throws: `EncodingError` only for a non-finite number.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .custom { path in Key(snakeCase(path[path.count - 1].stringValue)) }
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(value))
    }

    /// Decodes and tolerates unknown members.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in Key(camelCase(path[path.count - 1].stringValue)) }
        return try decoder.decode(type, from: Data(bytes))
    }

    /// `jobID` → `job_id`, `amountKopecks` → `amount_kopecks`, `assetIDs` → `asset_ids`, `payURL` → `pay_url`.
    package static func snakeCase(_ name: String) -> String {
        var words: [String] = []
        var word = ""
        var previousIsUpper = false
        for character in name {
            if character.isUppercase && !previousIsUpper && !word.isEmpty {
                words.append(word)
                word = ""
            }
            previousIsUpper = character.isUppercase
            word += character.lowercased()
        }
        return (words + [word]).joined(separator: "_")
    }

    /// The inverse of `snakeCase` for the initialisms that contracts use (ID, IDs, URL, URLs).
    static func camelCase(_ name: String) -> String {
        guard name.contains("_") else { return name }
        let words = name.split(separator: "_", omittingEmptySubsequences: false)
        return words.enumerated().map { index, word in
            if index == 0 { return String(word) }
            switch word {
            case "id": return "ID"
            case "ids": return "IDs"
            case "url": return "URL"
            case "urls": return "URLs"
            default: return word.prefix(1).uppercased() + word.dropFirst()
            }
        }.joined()
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { self.stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
