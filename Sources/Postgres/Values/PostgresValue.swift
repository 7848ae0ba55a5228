/// A value that can stand in `\(…)` of a `SQL` literal.
///
/// Conforming types: Int64, Int32, Int, Bool, Double, String, UUID, Timestamp, [UInt8] (bytea), JSONText (jsonb),
/// `Identifier` (in Jobs), optionals and arrays of those.
package protocol PostgresBindable: Sendable {
    /// The parameter's declared type; the server never has to guess.
    static var parameterOID: UInt32 { get }
    /// Appends the binary form without a length, or returns false for NULL.
    func encodeParameter(into buffer: inout [UInt8]) -> Bool
}

/// A type that a column can be decoded as.
package protocol PostgresDecodable: Sendable {
    /// - Throws: `PostgresError` with code `.decoding` for a NULL, or a column of another type.
    static func decode(_ cell: borrowing PostgresCell) throws(PostgresError) -> Self
}

/// A single (not array) value; conforming gives binding, decoding, optionals and arrays.
///
/// A `RawRepresentable` type over a scalar (an enum stored as text, an id stored as uuid) conforms without any code.
package protocol PostgresScalar: PostgresBindable, PostgresDecodable, PostgresArrayElement {
    static var postgresType: PostgresType { get }
    /// Appends the binary form.
    func encode(into buffer: inout [UInt8])
    /// Reads the binary form; nil if the column's type or the bytes don't fit.
    init?(postgres bytes: PostgresBytes, oid: UInt32)
}

/// A type that arrays may hold: a scalar, or an optional scalar for arrays with NULLs.
///
/// `UInt8` conforms with its own encoding, so that `[UInt8]` is bytea and not an array.
package protocol PostgresArrayElement: Sendable {
    static func arrayOID() -> UInt32
    static func encode(array: [Self], into buffer: inout [UInt8])
    static func decode(array cell: borrowing PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresScalar {
    package static var parameterOID: UInt32 { postgresType.oid }

    package func encodeParameter(into buffer: inout [UInt8]) -> Bool {
        encode(into: &buffer)
        return true
    }

    package static func decode(_ cell: borrowing PostgresCell) throws(PostgresError) -> Self {
        guard let bytes = cell.bytes else { throw cell.mismatch("is null where \(Self.self) was asked for") }
        guard let value = Self(postgres: bytes, oid: cell.oid) else {
            throw cell.mismatch("has type \(cell.oid), which does not decode as \(Self.self)")
        }
        return value
    }
}

extension PostgresScalar where Self: RawRepresentable, RawValue: PostgresScalar {
    package static var postgresType: PostgresType { RawValue.postgresType }

    package func encode(into buffer: inout [UInt8]) {
        rawValue.encode(into: &buffer)
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard let raw = RawValue(postgres: bytes, oid: oid) else { return nil }
        self.init(rawValue: raw)
    }
}

extension Optional: PostgresBindable where Wrapped: PostgresBindable {
    package static var parameterOID: UInt32 { Wrapped.parameterOID }

    package func encodeParameter(into buffer: inout [UInt8]) -> Bool {
        self?.encodeParameter(into: &buffer) ?? false
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func decode(_ cell: borrowing PostgresCell) throws(PostgresError) -> Wrapped? {
        if cell.bytes == nil { return nil }
        return try Wrapped.decode(cell)
    }
}
