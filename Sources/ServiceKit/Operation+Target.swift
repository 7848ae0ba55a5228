package import Contracts
internal import HTTP

extension Operation {
    /// The path with its values filled in, and the query string from the rest.
    package static func target(_ parameters: Parameters) -> String {
        var target = path
        var query: [String] = []
        for (name, value) in parameters.values {
            let placeholder = "{\(name)}"
            if let range = target.firstRange(of: placeholder) {
                target.replaceSubrange(range, with: percentEncode(value))
            } else {
                query.append("\(percentEncode(name))=\(percentEncode(value))")
            }
        }
        return query.isEmpty ? target : target + "?" + query.joined(separator: "&")
    }

    /// The JSON of the input; nothing for a `GET` or `DELETE` without input.
    static func body(_ input: Input) throws -> [UInt8] {
        guard Input.self == Empty.self else { return try ContractJSON.encode(input) }
        return method == .get || method == .delete ? [] : Array("{}".utf8)
    }
}
