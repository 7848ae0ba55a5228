/// Turns an `Encodable` value into a tree that `JSONWriter` writes with sorted members.
///
/// Foundation's encoder needs a closure and several allocations per member for the renaming; this one takes a fifth
/// of its time (docs/adr/0011).
final class ContractEncoder: Encoder {
    private let path: CodingPathLink?
    /// What the value has become; nil until it has asked for a container.
    private(set) var tree: JSONTree?

    init(path: CodingPathLink?) {
        self.path = path
    }

    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The tree of a value. A value that encodes nothing becomes `{}`, as with Foundation.
    static func tree<Value: Encodable>(_ value: Value, path: CodingPathLink?) throws -> JSONTree {
        if let known = leaf(value) { return known }
        let encoder = ContractEncoder(path: path)
        try value.encode(to: encoder)
        return encoder.tree ?? .object(.init())
    }

    /// Types that need no container of their own.
    private static func leaf<Value: Encodable>(_ value: Value) -> JSONTree? {
        if Value.self == String.self { return (value as? String).map(JSONTree.string) }
        if Value.self == Int64.self { return (value as? Int64).map(JSONTree.integer) }
        if Value.self == JSONValue.self { return (value as? JSONValue).map(JSONTree.value) }
        return nil
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let members: JSONTree.Members
        if case .object(let existing) = tree {
            members = existing
        } else {
            members = .init()
            tree = .object(members)
        }
        let renames = ObjectIdentifier(type) != MemberName.dictionaryKey
        return KeyedEncodingContainer(KeyedWriter(members: members, path: path, renames: renames))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let elements: JSONTree.Elements
        if case .array(let existing) = tree {
            elements = existing
        } else {
            elements = .init()
            tree = .array(elements)
        }
        return UnkeyedWriter(elements: elements, path: path)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleWriter(encoder: self) }

    fileprivate func set(_ tree: JSONTree) { self.tree = tree }
    fileprivate var link: CodingPathLink? { path }
}

/// A value on its way to JSON text. Containers are boxes, because they are filled after they have been handed out.
enum JSONTree {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case value(JSONValue)
    case array(Elements)
    case object(Members)

    final class Members {
        var all: [(name: String, tree: JSONTree)] = []
        init() { all.reserveCapacity(8) }
    }

    final class Elements {
        var all: [JSONTree] = []
        init() {}
    }

    /// - Throws: `EncodingError` for an infinity or a NaN, which JSON cannot say.
    static func finite(_ value: Double, at path: [any CodingKey]) throws -> JSONTree {
        guard value.isFinite else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "not a finite number"))
        }
        return .number(value)
    }

    /// - Throws: `EncodingError` for a number beyond `Int64`.
    static func whole(_ value: some BinaryInteger, at path: [any CodingKey]) throws -> JSONTree {
        guard let fitting = Int64(exactly: value) else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "beyond 64 bits"))
        }
        return .integer(fitting)
    }
}

/// Writes members; `renames` is false where the keys are data.
struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let members: JSONTree.Members
    let path: CodingPathLink?
    let renames: Bool
    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }

    private func name(_ key: Key) -> String {
        renames ? MemberName.snakeCase(key.stringValue) : key.stringValue
    }

    private func add(_ tree: JSONTree, _ key: Key) { members.all.append((name(key), tree)) }

    mutating func encodeNil(forKey key: Key) { add(.null, key) }
    mutating func encode(_ value: Bool, forKey key: Key) { add(.bool(value), key) }
    mutating func encode(_ value: String, forKey key: Key) { add(.string(value), key) }
    mutating func encode(_ value: Double, forKey key: Key) throws { add(try .finite(value, at: codingPath), key) }
    mutating func encode(_ value: Float, forKey key: Key) throws {
        add(try .finite(Double(value), at: codingPath), key)
    }
    mutating func encode(_ value: Int, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int8, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int16, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int32, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int64, forKey key: Key) { add(.integer(value), key) }
    mutating func encode(_ value: UInt, forKey key: Key) throws { add(try .whole(value, at: codingPath), key) }
    mutating func encode(_ value: UInt8, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: UInt16, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: UInt32, forKey key: Key) { add(.integer(Int64(value)), key) }
    mutating func encode(_ value: UInt64, forKey key: Key) throws { add(try .whole(value, at: codingPath), key) }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        let name = name(key)
        members.all.append((name, try ContractEncoder.tree(value, path: CodingPathLink(path, name: name))))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        let nested = JSONTree.Members()
        add(.object(nested), key)
        let link = CodingPathLink(path, name: name(key))
        return KeyedEncodingContainer(KeyedWriter<Nested>(members: nested, path: link, renames: renames))
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        let nested = JSONTree.Elements()
        add(.array(nested), key)
        return UnkeyedWriter(elements: nested, path: CodingPathLink(path, name: name(key)))
    }

    /// Class hierarchies are not part of contracts.
    mutating func superEncoder() -> any Encoder { preconditionFailure("contract types are not classes") }
    mutating func superEncoder(forKey key: Key) -> any Encoder {
        preconditionFailure("contract types are not classes")
    }
}

private struct UnkeyedWriter: UnkeyedEncodingContainer {
    let elements: JSONTree.Elements
    let path: CodingPathLink?
    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }
    var count: Int { elements.all.count }

    private var next: CodingPathLink { CodingPathLink(path, index: count) }

    mutating func encodeNil() { elements.all.append(.null) }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        elements.all.append(try ContractEncoder.tree(value, path: next))
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        let nested = JSONTree.Members()
        let link = next
        elements.all.append(.object(nested))
        return KeyedEncodingContainer(KeyedWriter<Nested>(members: nested, path: link, renames: true))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let nested = JSONTree.Elements()
        let link = next
        elements.all.append(.array(nested))
        return UnkeyedWriter(elements: nested, path: link)
    }

    /// Class hierarchies are not part of contracts.
    mutating func superEncoder() -> any Encoder { preconditionFailure("contract types are not classes") }
}

private struct SingleWriter: SingleValueEncodingContainer {
    let encoder: ContractEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    mutating func encodeNil() { encoder.set(.null) }
    mutating func encode(_ value: Bool) { encoder.set(.bool(value)) }
    mutating func encode(_ value: String) { encoder.set(.string(value)) }
    mutating func encode(_ value: Double) throws { encoder.set(try .finite(value, at: codingPath)) }
    mutating func encode(_ value: Float) throws { encoder.set(try .finite(Double(value), at: codingPath)) }
    mutating func encode(_ value: Int) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: Int8) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: Int16) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: Int32) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: Int64) { encoder.set(.integer(value)) }
    mutating func encode(_ value: UInt) throws { encoder.set(try .whole(value, at: codingPath)) }
    mutating func encode(_ value: UInt8) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: UInt16) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: UInt32) { encoder.set(.integer(Int64(value))) }
    mutating func encode(_ value: UInt64) throws { encoder.set(try .whole(value, at: codingPath)) }
    mutating func encode<Value: Encodable>(_ value: Value) throws {
        encoder.set(try ContractEncoder.tree(value, path: encoder.link))
    }
}
