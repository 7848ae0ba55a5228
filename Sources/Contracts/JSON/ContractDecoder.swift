/// Reads contract types from parsed JSON: snake_case members, unknown ones skipped.
struct ContractDecoder: Decoder {
    let node: JSONNode
    let path: CodingPathLink?

    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// A value of a node.
    static func value<Value: Decodable>(
        _ type: Value.Type,
        _ node: JSONNode,
        path: @autoclosure () -> CodingPathLink?
    ) throws -> Value {
        if type == String.self, case .string(let text) = node, let value = text as? Value { return value }
        if type == Int64.self, case .integer(let whole) = node, let value = whole as? Value { return value }
        if type == JSONValue.self, let value = node.value as? Value { return value }
        return try Value(from: ContractDecoder(node: node, path: path()))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = node else { throw mismatch(type, "an object") }
        let renames = ObjectIdentifier(type) != MemberName.dictionaryKey
        return KeyedDecodingContainer(KeyedReader<Key>(members: members, path: path, renames: renames))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = node else { throw mismatch([JSONValue].self, "an array") }
        return UnkeyedReader(elements: elements, path: path)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { SingleReader(decoder: self) }

    fileprivate func mismatch(_ type: any Any.Type, _ expected: String) -> DecodingError {
        .typeMismatch(
            type,
            .init(codingPath: codingPath, debugDescription: "expected \(expected), found \(node.kind)")
        )
    }

    fileprivate func bool() throws -> Bool {
        guard case .bool(let value) = node else { throw mismatch(Bool.self, "a boolean") }
        return value
    }

    fileprivate func string() throws -> String {
        guard case .string(let value) = node else { throw mismatch(String.self, "a string") }
        return value
    }

    fileprivate func double() throws -> Double {
        switch node {
        case .integer(let value): return Double(value)
        case .number(let value): return value
        default: throw mismatch(Double.self, "a number")
        }
    }

    fileprivate func whole<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        guard case .integer(let value) = node else { throw mismatch(type, "a whole number") }
        guard let fitting = Value(exactly: value) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "\(value) does not fit")
            )
        }
        return fitting
    }
}

private struct KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [JSONNode.Member]
    let path: CodingPathLink?
    let renames: Bool
    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }

    var allKeys: [Key] {
        members.compactMap { Key(stringValue: renames ? MemberName.camelCase($0.name) : $0.name) }
    }

    private func name(_ key: Key) -> String {
        renames ? MemberName.snakeCase(key.stringValue) : key.stringValue
    }

    private func node(_ name: String) -> JSONNode? {
        members.last { $0.name == name }?.value
    }

    private func decoder(_ key: Key) throws -> ContractDecoder {
        let name = name(key)
        guard let node = node(name) else {
            throw DecodingError.keyNotFound(
                key,
                .init(codingPath: codingPath, debugDescription: "member '\(name)' is missing")
            )
        }
        return ContractDecoder(node: node, path: CodingPathLink(path, name: name))
    }

    /// The decoder of a member that may be absent or null.
    private func present(_ key: Key) -> ContractDecoder? {
        let name = name(key)
        guard let node = node(name) else { return nil }
        if case .null = node { return nil }
        return ContractDecoder(node: node, path: CodingPathLink(path, name: name))
    }

    func contains(_ key: Key) -> Bool { node(name(key)) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        if case .null = try decoder(key).node { true } else { false }
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder(key).bool() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder(key).string() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder(key).double() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try decoder(key).double()) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder(key).whole(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder(key).whole(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder(key).whole(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder(key).whole(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder(key).whole(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder(key).whole(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder(key).whole(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder(key).whole(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder(key).whole(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder(key).whole(type) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let decoder = try decoder(key)
        return try ContractDecoder.value(type, decoder.node, path: decoder.path)
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        guard let decoder = present(key) else { return nil }
        return try ContractDecoder.value(type, decoder.node, path: decoder.path)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { ContractDecoder(node: .object(members), path: path) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

private struct UnkeyedReader: UnkeyedDecodingContainer {
    let elements: [JSONNode]
    let path: CodingPathLink?
    var currentIndex = 0
    var codingPath: [any CodingKey] { CodingPathLink.keys(path) }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    private mutating func next() throws -> ContractDecoder {
        let link = CodingPathLink(path, index: currentIndex)
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                JSONValue.self,
                .init(codingPath: CodingPathLink.keys(link), debugDescription: "the array has ended")
            )
        }
        currentIndex += 1
        return ContractDecoder(node: elements[currentIndex - 1], path: link)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, case .null = elements[currentIndex] else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let decoder = try next()
        return try ContractDecoder.value(type, decoder.node, path: decoder.path)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct SingleReader: SingleValueDecodingContainer {
    let decoder: ContractDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { if case .null = decoder.node { true } else { false } }
    func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool() }
    func decode(_ type: String.Type) throws -> String { try decoder.string() }
    func decode(_ type: Double.Type) throws -> Double { try decoder.double() }
    func decode(_ type: Float.Type) throws -> Float { Float(try decoder.double()) }
    func decode(_ type: Int.Type) throws -> Int { try decoder.whole(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try decoder.whole(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try decoder.whole(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try decoder.whole(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try decoder.whole(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try decoder.whole(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.whole(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.whole(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.whole(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.whole(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try ContractDecoder.value(type, decoder.node, path: decoder.path)
    }
}
