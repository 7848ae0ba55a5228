/// Binary form of one-dimensional arrays: dimensions, has-nulls flag, element oid, length, lower bound, then each
/// element as length and bytes (`array_send` in PostgreSQL's arrayfuncs.c).
extension Array: PostgresBindable where Element: PostgresArrayElement {
    package static var parameterOID: UInt32 { Element.arrayOID() }

    package func encodeParameter(into buffer: inout [UInt8]) -> Bool {
        Element.encode(array: self, into: &buffer)
        return true
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package static func decode(_ cell: borrowing PostgresCell) throws(PostgresError) -> [Element] {
        try Element.decode(array: cell)
    }
}

extension PostgresScalar {
    package static func arrayOID() -> UInt32 { postgresType.arrayOID }

    package static func encode(array: [Self], into buffer: inout [UInt8]) {
        ArrayForm.encode(array, of: postgresType, into: &buffer) { value, buffer in
            value.encode(into: &buffer)
            return true
        }
    }

    package static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [Self] {
        try ArrayForm.decode(cell) { bytes, oid in bytes.flatMap { Self(postgres: $0, oid: oid) } }
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresScalar {
    package static func arrayOID() -> UInt32 { Wrapped.postgresType.arrayOID }

    package static func encode(array: [Wrapped?], into buffer: inout [UInt8]) {
        ArrayForm.encode(array, of: Wrapped.postgresType, into: &buffer) { value, buffer in
            guard let value else { return false }
            value.encode(into: &buffer)
            return true
        }
    }

    package static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [Wrapped?] {
        try ArrayForm.decode(cell) { bytes, oid in
            guard let bytes else { return .some(nil) }
            return Wrapped(postgres: bytes, oid: oid).map(Optional.some)
        }
    }
}

/// `[UInt8]` is bytea.
extension UInt8: PostgresArrayElement {
    package static func arrayOID() -> UInt32 { PostgresType.bytea.oid }

    package static func encode(array: [UInt8], into buffer: inout [UInt8]) {
        buffer.append(contentsOf: array)
    }

    package static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [UInt8] {
        guard let bytes = cell.bytes else { throw cell.mismatch("is null where bytes were asked for") }
        guard cell.oid == PostgresType.bytea.oid else { throw cell.mismatch("has type \(cell.oid) and is not bytea") }
        return bytes.array
    }
}

/// `[[UInt8]]` is bytea[].
extension Array: PostgresArrayElement where Element == UInt8 {
    package static func arrayOID() -> UInt32 { PostgresType.bytea.arrayOID }

    package static func encode(array: [[UInt8]], into buffer: inout [UInt8]) {
        ArrayForm.encode(array, of: .bytea, into: &buffer) { value, buffer in
            buffer.append(contentsOf: value)
            return true
        }
    }

    package static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [[UInt8]] {
        try ArrayForm.decode(cell) { bytes, oid in oid == PostgresType.bytea.oid ? bytes?.array : nil }
    }
}

/// `[[UInt8]?]` is bytea[] with NULLs; a wrapper, because `Optional`'s conformance is taken by scalars.
package struct OptionalBytes: Hashable, Sendable, PostgresArrayElement {
    /// nil is NULL.
    package var bytes: [UInt8]?

    package init(_ bytes: [UInt8]?) {
        self.bytes = bytes
    }

    package static func arrayOID() -> UInt32 { PostgresType.bytea.arrayOID }

    package static func encode(array: [OptionalBytes], into buffer: inout [UInt8]) {
        ArrayForm.encode(array, of: .bytea, into: &buffer) { value, buffer in
            guard let bytes = value.bytes else { return false }
            buffer.append(contentsOf: bytes)
            return true
        }
    }

    package static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [OptionalBytes] {
        try ArrayForm.decode(cell) { bytes, oid in
            oid == PostgresType.bytea.oid ? OptionalBytes(bytes?.array) : nil
        }
    }
}

/// Pure, so that a fuzzer can feed it.
enum ArrayForm {
    static func encode<Element>(
        _ elements: [Element],
        of type: PostgresType,
        into buffer: inout [UInt8],
        _ encode: (Element, inout [UInt8]) -> Bool
    ) {
        buffer.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
        let flagOffset = buffer.count + 3
        buffer.appendBigEndian(Int32(0))
        buffer.appendBigEndian(type.oid)
        guard !elements.isEmpty else { return }
        buffer.appendBigEndian(Int32(clamping: elements.count))
        buffer.appendBigEndian(Int32(1))
        for element in elements {
            let lengthOffset = buffer.count
            buffer.appendBigEndian(Int32(-1))
            guard encode(element, &buffer) else {
                buffer[flagOffset] = 1
                continue
            }
            let length = UInt32(clamping: buffer.count - lengthOffset - 4)
            for index in 0..<4 {
                buffer[lengthOffset + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index)))
            }
        }
    }

    static func decode<Element>(
        _ cell: borrowing PostgresCell,
        _ decode: (PostgresBytes?, UInt32) -> Element?
    ) throws(PostgresError) -> [Element] {
        guard let bytes = cell.bytes else { throw cell.mismatch("is null where an array was asked for") }
        return try Self.decode(bytes, mismatch: { cell.mismatch($0) }, decode)
    }

    /// - Parameter mismatch: Makes the error for bytes that are no such array.
    static func decode<Element>(
        _ bytes: PostgresBytes,
        mismatch: (String) -> PostgresError,
        _ decode: (PostgresBytes?, UInt32) -> Element?
    ) throws(PostgresError) -> [Element] {
        guard let dimensions = bytes.integer(Int32.self, at: 0), let oid = bytes.integer(UInt32.self, at: 8),
            bytes.count >= 12, (0...1).contains(dimensions)
        else { throw mismatch("is not an array of one dimension") }
        guard dimensions == 1 else { return [] }
        guard let count = bytes.integer(Int32.self, at: 12), count >= 0 else {
            throw mismatch("is a broken array")
        }
        var elements: [Element] = []
        elements.reserveCapacity(min(Int(count), bytes.count / 4))
        var offset = 20
        for _ in 0..<count {
            guard let length = bytes.integer(Int32.self, at: offset) else { throw mismatch("is a broken array") }
            offset += 4
            var part: PostgresBytes?
            if length >= 0 {
                part = bytes.part(at: offset, count: Int(length))
                if part == nil { throw mismatch("is a broken array") }
                offset += Int(length)
            }
            guard let element = decode(part, oid) else {
                throw mismatch("has elements of type \(oid) that don't decode as \(Element.self)")
            }
            elements.append(element)
        }
        return elements
    }
}
