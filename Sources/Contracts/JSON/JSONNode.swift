/// Parsed JSON text, before it becomes a contract type. Members keep their order; of two with one name the last counts.
enum JSONNode {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number with a fraction, or a whole one beyond `Int64`.
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([Member])

    struct Member {
        var name: String
        var value: JSONNode
    }

    /// The node as a value that outlives the decoding.
    var value: JSONValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .number(value)
        case .string(let value): .string(value)
        case .array(let elements): .array(elements.map(\.value))
        case .object(let members):
            .object(Dictionary(members.map { ($0.name, $0.value.value) }) { _, last in last })
        }
    }

    /// For messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
