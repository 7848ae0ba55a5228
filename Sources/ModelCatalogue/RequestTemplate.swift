package import Contracts

/// Builds the provider's request from values by name.
///
/// Fixed members of a model file may hold templates, where the provider wants another shape than one value a name:
/// `{"$input": "text"}` is the value of an input, `{"$each": "images", "$as": …}` a list with one element for each of
/// an input's, in which `"$item"` is that element. An input that a template uses is not sent under its own name.
enum RequestTemplate {
    /// The members of the request.
    static func members(_ fixed: [String: JSONValue], _ values: [String: JSONValue]) -> [String: JSONValue] {
        let used = inputs(in: .object(fixed))
        let filled = fixed.compactMapValues { fill($0, values) }
        return values.filter { !used.contains($0.key) }.merging(filled) { $1 }
    }

    /// Names of the inputs that templates use.
    static func inputs(in value: JSONValue) -> Set<String> {
        switch value {
        case .array(let list): return list.reduce(into: []) { $0.formUnion(inputs(in: $1)) }
        case .object(let members):
            if let name = (members["$input"] ?? members["$each"])?.string { return [name] }
            return members.values.reduce(into: []) { $0.formUnion(inputs(in: $1)) }
        default: return []
        }
    }

    /// Whether every word with a dollar is one of a template: a misspelt one would be sent as it stands.
    static func isSound(_ value: JSONValue, inEach: Bool = false) -> Bool {
        switch value {
        case .string(let text): return !text.hasPrefix("$") || inEach && text == "$item"
        case .array(let list): return list.allSatisfy { isSound($0, inEach: inEach) }
        case .object(let members):
            if members["$input"]?.string != nil { return members.count == 1 }
            if members["$each"]?.string != nil, let shape = members["$as"] {
                return members.count == 2 && isSound(shape, inEach: true)
            }
            return members.allSatisfy { !$0.key.hasPrefix("$") && isSound($0.value, inEach: inEach) }
        default: return true
        }
    }

    /// nil for the value of an input that is not given.
    private static func fill(
        _ template: JSONValue,
        _ values: [String: JSONValue],
        item: JSONValue? = nil
    ) -> JSONValue? {
        switch template {
        case .string("$item"): return item ?? template
        case .array(let list): return .array(list.compactMap { fill($0, values, item: item) })
        case .object(let members):
            if let name = members["$input"]?.string { return values[name] }
            if let name = members["$each"]?.string, let shape = members["$as"] {
                return values[name]?.array.map { list in .array(list.compactMap { fill(shape, values, item: $0) }) }
            }
            return .object(members.compactMapValues { fill($0, values, item: item) })
        default: return template
        }
    }
}

extension ModelEntry {
    /// What the provider is sent for these values, addresses of files among them.
    package func request(_ values: [String: JSONValue]) -> [String: JSONValue] {
        RequestTemplate.members(fixed, values)
    }
}
