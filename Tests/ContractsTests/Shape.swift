import Contracts
import Time

/// What a JSON value may look like, in the few forms that contracts use; made from Swift types and from YAML schemas
/// alike and then compared.
indirect enum Shape: Equatable {
    case string, uuid, dateTime, int32, int64, double, boolean, any
    /// `fallback` is what an unknown value decodes as; nil if it is refused.
    case enumeration(Set<String>, fallback: String?)
    case array(Shape)
    case map(Shape)
    case object([Field])

    struct Field: Equatable {
        var name: String
        var isRequired: Bool
        var shape: Shape
    }

    /// One line for each member, sorted, so that a difference between two shapes reads well.
    func lines(_ prefix: String = "$") -> [String] {
        switch self {
        case .array(let element): return element.lines(prefix + "[]")
        case .map(let value): return value.lines(prefix + "{}")
        case .object(let fields):
            return ["\(prefix): object"]
                + fields.sorted { $0.name < $1.name }.flatMap { field in
                    field.shape.lines("\(prefix).\(field.name)\(field.isRequired ? "" : "?")")
                }
        case .enumeration(let values, let fallback):
            return ["\(prefix): \(values.sorted().joined(separator: "|")) else \(fallback ?? "refused")"]
        default: return ["\(prefix): \(self)"]
        }
    }
}

// MARK: - From Swift

/// Finds the shape of a Swift type by letting it decode itself from a decoder that only takes notes.
///
/// Synthesised `init(from:)`s ask for each member by name and type; `contains` is only asked for optional ones.
final class ShapeRecorder: Decoder {
    fileprivate var fields: [Shape.Field] = []
    fileprivate var optionalKey: String?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    struct Unsupported: Error, CustomStringConvertible {
        var description: String
    }

    static func shape<Value: Decodable>(of type: Value.Type) throws -> Shape { try sample(type).shape }

    fileprivate static func sample<Value: Decodable>(_ type: Value.Type) throws -> (shape: Shape, value: Value) {
        let found: (Shape, Any)
        if let leaf = type as? any LeafShaped.Type {
            found = (leaf.shape, leaf.sample)
        } else if let container = type as? any ContainerShaped.Type {
            found = try container.sampled()
        } else if let enumeration = type as? any (CaseIterable & RawRepresentable & Decodable).Type {
            found = try Self.enumeration(enumeration)
        } else {
            let recorder = ShapeRecorder()
            found = (.object([]), try Value(from: recorder))
            return (.object(recorder.fields), try cast(found.1))
        }
        return (found.0, try cast(found.1))
    }

    private static func cast<Value>(_ value: Any) throws -> Value {
        guard let value = value as? Value else { throw Unsupported(description: "\(Value.self)") }
        return value
    }

    private static func enumeration<Value: CaseIterable & RawRepresentable & Decodable>(
        _ type: Value.Type
    ) throws -> (Shape, Any) {
        let values = type.allCases.compactMap { $0.rawValue as? String }
        guard let first = type.allCases.first, values.count == type.allCases.count else {
            throw Unsupported(description: "\(type) has raw values other than strings")
        }
        // A refusal is the expected answer of a closed enumeration.
        let future = try? ContractJSON.decode(type, from: Array("\"a_value_from_the_future\"".utf8))
        return (.enumeration(Set(values), fallback: future?.rawValue as? String), first)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingContainer(recorder: self))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unsupported(description: "bare array") }
    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        throw Unsupported(description: "a single value that LeafShaped does not know")
    }
}

private protocol LeafShaped {
    static var shape: Shape { get }
    static var sample: Any { get }
}
extension String: LeafShaped {
    fileprivate static var shape: Shape { .string }
    fileprivate static var sample: Any { "" }
}
extension Bool: LeafShaped {
    fileprivate static var shape: Shape { .boolean }
    fileprivate static var sample: Any { false }
}
extension Int: LeafShaped {
    fileprivate static var shape: Shape { .int32 }
    fileprivate static var sample: Any { 0 }
}
extension Int64: LeafShaped {
    fileprivate static var shape: Shape { .int64 }
    fileprivate static var sample: Any { Int64(0) }
}
extension Double: LeafShaped {
    fileprivate static var shape: Shape { .double }
    fileprivate static var sample: Any { 0.5 }
}
extension Timestamp: LeafShaped {
    fileprivate static var shape: Shape { .dateTime }
    fileprivate static var sample: Any { Timestamp(microseconds: 0) }
}
extension Identifier: LeafShaped {
    fileprivate static var shape: Shape { .uuid }
    fileprivate static var sample: Any { Self() }
}
extension JSONValue: LeafShaped {
    fileprivate static var shape: Shape { .any }
    fileprivate static var sample: Any { JSONValue.null }
}

private protocol ContainerShaped {
    static func sampled() throws -> (Shape, Any)
}
extension Array: ContainerShaped where Element: Decodable {
    fileprivate static func sampled() throws -> (Shape, Any) {
        (.array(try ShapeRecorder.shape(of: Element.self)), Self())
    }
}
extension Dictionary: ContainerShaped where Key == String, Value: Decodable {
    fileprivate static func sampled() throws -> (Shape, Any) {
        (.map(try ShapeRecorder.shape(of: Value.self)), Self())
    }
}

private struct RecordingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let recorder: ShapeRecorder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool {
        recorder.optionalKey = key.stringValue
        return true
    }
    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let isRequired = recorder.optionalKey != key.stringValue
        recorder.optionalKey = nil
        let (shape, value) = try ShapeRecorder.sample(type)
        recorder.fields.append(
            .init(name: ContractJSON.snakeCase(key.stringValue), isRequired: isRequired, shape: shape)
        )
        return value
    }

    /// Number types that no contract uses.
    private func refuse<Value>(_ type: Value.Type) throws -> Value {
        throw ShapeRecorder.Unsupported(description: "\(type)")
    }
    private func take<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
        try decode(type, forKey: key)
    }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try take(type, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try take(type, key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try take(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try take(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try take(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try refuse(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try refuse(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try refuse(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try refuse(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try refuse(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try refuse(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try refuse(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try refuse(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try refuse(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        throw ShapeRecorder.Unsupported(description: "a nested container")
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        throw ShapeRecorder.Unsupported(description: "a nested container")
    }
    func superDecoder() throws -> any Decoder { recorder }
    func superDecoder(forKey key: Key) throws -> any Decoder { recorder }
}

// MARK: - From YAML

extension Shape {
    /// The shape of a schema; constraints such as `minimum` are the validator's business.
    init(_ schema: JSONValue, in file: String, _ files: ContractFiles) throws {
        let (schema, file) = try files.resolve(schema, in: file)
        switch (schema["type"]?.string, schema["format"]?.string) {
        case ("string", "uuid"): self = .uuid
        case ("string", "date-time"): self = .dateTime
        case ("string", nil):
            if let values = schema["enum"]?.array {
                self = .enumeration(
                    Set(values.compactMap(\.string)),
                    fallback: schema["x-unknown-values"]?.string
                )
            } else {
                self = .string
            }
        case ("integer", "int32"): self = .int32
        case ("integer", "int64"): self = .int64
        case ("number", "double"): self = .double
        case ("boolean", nil): self = .boolean
        case ("array", nil): self = .array(try Shape(schema["items"] ?? .null, in: file, files))
        case ("object", nil):
            if let values = schema["additionalProperties"] {
                self = .map(try Shape(values, in: file, files))
            } else {
                let required = Set(schema["required"]?.array?.compactMap(\.string) ?? [])
                let properties = schema["properties"]?.object ?? [:]
                guard required.isSubset(of: properties.keys) else {
                    throw FileFailure(
                        file: file,
                        reason: "requires undeclared \(required.subtracting(properties.keys))"
                    )
                }
                self = .object(
                    try properties.map { name, property in
                        Field(
                            name: name,
                            isRequired: required.contains(name),
                            shape: try Shape(property, in: file, files)
                        )
                    }
                )
            }
        case (nil, nil) where schema["properties"] == nil && schema.object != nil: self = .any
        case (let type, let format):
            throw FileFailure(file: file, reason: "a schema with type \(type ?? "-"), format \(format ?? "-")")
        }
    }
}
