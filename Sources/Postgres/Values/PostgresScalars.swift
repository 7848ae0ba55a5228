package import Foundation
package import Time

extension Int64: PostgresScalar {
    package static var postgresType: PostgresType { .int8 }

    package func encode(into buffer: inout [UInt8]) {
        buffer.appendBigEndian(self)
    }

    /// Also widens int4, int2 and oid. numeric is refused: cast sums of bigint (`sum(x)::bigint`).
    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        switch oid {
        case PostgresType.int8.oid:
            guard let value = bytes.only(Int64.self) else { return nil }
            self = value
        case PostgresType.int4.oid:
            guard let value = bytes.only(Int32.self) else { return nil }
            self = Int64(value)
        case PostgresType.int2.oid:
            guard let value = bytes.only(Int16.self) else { return nil }
            self = Int64(value)
        case PostgresType.oidType:
            guard let value = bytes.only(UInt32.self) else { return nil }
            self = Int64(value)
        default:
            return nil
        }
    }
}

extension Int: PostgresScalar {
    package static var postgresType: PostgresType { .int8 }

    package func encode(into buffer: inout [UInt8]) {
        buffer.appendBigEndian(Int64(self))
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard let value = Int64(postgres: bytes, oid: oid) else { return nil }
        self.init(exactly: value)
    }
}

extension Int32: PostgresScalar {
    package static var postgresType: PostgresType { .int4 }

    package func encode(into buffer: inout [UInt8]) {
        buffer.appendBigEndian(self)
    }

    /// From int4 or int2; an int8 column is refused even if the value would fit.
    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard oid != PostgresType.int8.oid, let value = Int64(postgres: bytes, oid: oid) else { return nil }
        self.init(exactly: value)
    }
}

extension Bool: PostgresScalar {
    package static var postgresType: PostgresType { .bool }

    package func encode(into buffer: inout [UInt8]) {
        buffer.append(self ? 1 : 0)
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard oid == PostgresType.bool.oid, let value = bytes.only(UInt8.self) else { return nil }
        self = value != 0
    }
}

extension Double: PostgresScalar {
    package static var postgresType: PostgresType { .float8 }

    package func encode(into buffer: inout [UInt8]) {
        buffer.appendBigEndian(bitPattern)
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        switch oid {
        case PostgresType.float8.oid:
            guard let bits = bytes.only(UInt64.self) else { return nil }
            self.init(bitPattern: bits)
        case PostgresType.float4.oid:
            guard let bits = bytes.only(UInt32.self) else { return nil }
            self.init(Float(bitPattern: bits))
        default:
            return nil
        }
    }
}

extension String: PostgresScalar {
    package static var postgresType: PostgresType { .text }

    /// A text with U+0000 is refused by the server (SQLSTATE 22021).
    package func encode(into buffer: inout [UInt8]) {
        buffer.append(contentsOf: utf8)
    }

    /// From text, varchar, char, name and json; jsonb reads as `JSONText`.
    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        switch oid {
        case PostgresType.text.oid, PostgresType.varchar.oid, PostgresType.bpchar, PostgresType.name,
            PostgresType.unknown, PostgresType.json.oid:
            self = bytes.text
        case PostgresType.void:
            self = ""
        default:
            return nil
        }
    }
}

extension UUID: PostgresScalar {
    package static var postgresType: PostgresType { .uuid }

    package func encode(into buffer: inout [UInt8]) {
        unsafe Swift.withUnsafeBytes(of: uuid) { unsafe buffer.append(contentsOf: $0) }
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard oid == PostgresType.uuid.oid, bytes.count == 16, let high = bytes.integer(UInt64.self, at: 0),
            let low = bytes.integer(UInt64.self, at: 8)
        else { return nil }
        self.init(uuid: unsafe unsafeBitCast((high.bigEndian, low.bigEndian), to: uuid_t.self))
    }
}

extension Timestamp: PostgresScalar {
    package static var postgresType: PostgresType { .timestamptz }

    /// Microseconds from 1970-01-01, where `Timestamp` starts, to 2000-01-01, where PostgreSQL does.
    private static let epochOffset: Int64 = 946_684_800_000_000

    package func encode(into buffer: inout [UInt8]) {
        let (value, overflows) = microseconds.subtractingReportingOverflow(Self.epochOffset)
        buffer.appendBigEndian(overflows ? Int64.min : value)
    }

    /// `infinity` and `-infinity` don't decode.
    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        guard oid == PostgresType.timestamptz.oid, let value = bytes.only(Int64.self) else { return nil }
        let (sum, overflows) = value.addingReportingOverflow(Self.epochOffset)
        guard !overflows, value != .min else { return nil }
        self.init(microseconds: sum)
    }
}

/// JSON as text, stored as jsonb.
package struct JSONText: Hashable, Sendable, PostgresScalar {
    /// One JSON value; what comes back from jsonb is normalised (spacing, order of members, duplicates).
    package var text: String

    package init(_ text: String) {
        self.text = text
    }

    /// - Parameter bytes: One JSON value in UTF-8.
    package init(_ bytes: some Sequence<UInt8>) {
        self.text = String(decoding: Array(bytes), as: UTF8.self)
    }

    package static var postgresType: PostgresType { .jsonb }

    package func encode(into buffer: inout [UInt8]) {
        buffer.append(1)  // The version of jsonb's binary form.
        buffer.append(contentsOf: text.utf8)
    }

    package init?(postgres bytes: PostgresBytes, oid: UInt32) {
        switch oid {
        case PostgresType.jsonb.oid:
            guard bytes.integer(UInt8.self) == 1, let rest = bytes.part(at: 1, count: bytes.count - 1) else {
                return nil
            }
            self.text = rest.text
        case PostgresType.json.oid:
            self.text = bytes.text
        default:
            return nil
        }
    }
}
