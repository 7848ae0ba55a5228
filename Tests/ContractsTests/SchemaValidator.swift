import Contracts
import Foundation
import Time

/// Checks JSON values against the part of JSON Schema 2020-12 that contracts use; other keywords are an error.
struct SchemaValidator {
    let files: ContractFiles

    private static let known: Set<String> = [
        "$ref", "type", "format", "enum", "required", "properties", "additionalProperties", "items", "minimum",
        "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "description", "default",
    ]

    /// Every way in which the value does not fit, each with its place.
    func problems(_ value: JSONValue, _ schema: JSONValue, in file: String, at path: String = "$") throws -> [String] {
        let (schema, file) = try files.resolve(schema, in: file)
        for keyword in schema.object?.keys ?? [:].keys where !keyword.hasPrefix("x-") && !Self.known.contains(keyword) {
            throw FileFailure(file: file, reason: "keyword \(keyword) is outside the subset")
        }
        var found: [String] = []
        switch value {
        case _ where schema["type"] == nil: return []
        case .object(let members): found += try object(members, schema, in: file, at: path)
        case .array(let elements): found += try array(elements, schema, in: file, at: path)
        case .string(let text): found += try string(text, schema, at: path)
        case .integer, .number: found += number(value, schema, at: path)
        case .bool: if schema["type"] != "boolean" { found.append("\(path): a boolean") }
        case .null: found.append("\(path): null")
        }
        return found
    }

    private func object(
        _ members: [String: JSONValue],
        _ schema: JSONValue,
        in file: String,
        at path: String
    ) throws -> [String] {
        guard schema["type"] == "object" else { return ["\(path): an object"] }
        var found: [String] = []
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where members[name] == nil {
            found.append("\(path): \(name) is missing")
        }
        for (name, member) in members {
            guard let inner = schema["properties"]?[name] ?? schema["additionalProperties"] else { continue }
            found += try problems(member, inner, in: file, at: "\(path).\(name)")
        }
        return found
    }

    private func array(
        _ elements: [JSONValue],
        _ schema: JSONValue,
        in file: String,
        at path: String
    ) throws -> [String] {
        guard schema["type"] == "array", let items = schema["items"] else { return ["\(path): an array"] }
        var found: [String] = []
        if let least = schema["minItems"]?.integer, elements.count < least { found.append("\(path): too few") }
        if let most = schema["maxItems"]?.integer, elements.count > most { found.append("\(path): too many") }
        for (index, element) in elements.enumerated() {
            found += try problems(element, items, in: file, at: "\(path)[\(index)]")
        }
        return found
    }

    private func string(_ text: String, _ schema: JSONValue, at path: String) throws -> [String] {
        guard schema["type"] == "string" else { return ["\(path): a string"] }
        var found: [String] = []
        switch schema["format"]?.string {
        case "uuid":
            if UUID(uuidString: text) == nil || text != text.lowercased() { found.append("\(path): not a UUID") }
        case "date-time": if Timestamp(rfc3339: text) == nil { found.append("\(path): not a time") }
        default: break
        }
        if let values = schema["enum"]?.array, !values.contains(.string(text)) { found.append("\(path): \(text)") }
        if let least = schema["minLength"]?.integer, text.count < least { found.append("\(path): too short") }
        if let most = schema["maxLength"]?.integer, text.count > most { found.append("\(path): too long") }
        if let pattern = schema["pattern"]?.string, try !text.contains(Regex(pattern)) {
            found.append("\(path): does not match \(pattern)")
        }
        return found
    }

    private func number(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
        switch schema["type"]?.string {
        case "integer":
            guard let whole = value.integer else { return ["\(path): a fraction"] }
            if schema["format"] == "int32", Int32(exactly: whole) == nil { return ["\(path): beyond 32 bits"] }
        case "number": break
        default: return ["\(path): a number"]
        }
        var found: [String] = []
        guard let number = value.number else { return [] }
        if let least = schema["minimum"]?.number, number < least { found.append("\(path): too small") }
        if let most = schema["maximum"]?.number, number > most { found.append("\(path): too large") }
        return found
    }

    /// The value with an unknown member in every object that has named members (maps are data and stay as they are).
    func withUnknownMembers(_ value: JSONValue, _ schema: JSONValue, in file: String) throws -> JSONValue {
        let (schema, file) = try files.resolve(schema, in: file)
        switch value {
        case .array(let elements):
            guard let items = schema["items"] else { return value }
            return .array(try elements.map { try withUnknownMembers($0, items, in: file) })
        case .object(let members):
            guard schema["type"] == "object" else { return value }
            var grown: [String: JSONValue] = [:]
            for (name, member) in members {
                let inner = schema["properties"]?[name] ?? schema["additionalProperties"] ?? .object([:])
                grown[name] = try withUnknownMembers(member, inner, in: file)
            }
            if schema["additionalProperties"] == nil {
                grown["member_from_the_future"] = ["deep": [1, "two", true]]
            }
            return .object(grown)
        default: return value
        }
    }
}
