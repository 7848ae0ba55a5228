/// How contract types are written as JSON: snake_case members, RFC 3339 times, keys sorted so that equal values give
/// equal bytes (idempotency fingerprints and stored commands rely on it).
///
/// Keys of a `[String: …]` are data and keep their spelling.
package enum ContractJSON {
    /// - Throws: `EncodingError` only for a non-finite number.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        var writer = JSONWriter()
        writer.write(try ContractEncoder.tree(value, path: nil))
        return writer.bytes
    }

    /// Decodes and tolerates unknown members.
    ///
    /// - Throws: `DecodingError`, whose coding path has the member names of the JSON text; `dataCorrupted` at the root
    ///   if the bytes are not JSON.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
        let node: JSONNode
        do throws(JSONSyntaxError) {
            node = try JSONParser.parse(bytes as? [UInt8] ?? Array(bytes))
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "not JSON: \(error)", underlyingError: error)
            )
        }
        return try ContractDecoder.value(type, node, path: nil)
    }

    /// `jobID` → `job_id`, `amountKopecks` → `amount_kopecks`, `assetIDs` → `asset_ids`, `payURL` → `pay_url`.
    package static func snakeCase(_ name: String) -> String {
        MemberName.snakeCase(name)
    }
}
