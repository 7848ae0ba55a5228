/// The binary form of one value, read from the network buffer of a result without a copy.
///
/// Valid only while the value is being decoded: never stored. Reads are bounds-checked.
@safe
package struct PostgresBytes {
    private let buffer: UnsafeRawBufferPointer

    init(_ buffer: UnsafeRawBufferPointer) {
        unsafe self.buffer = unsafe buffer
    }

    /// How many bytes the value has.
    package var count: Int { unsafe buffer.count }

    /// A big-endian integer at an offset; nil if the bytes end before it does.
    package func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self, at offset: Int = 0)
        -> Integer?
    {
        guard offset >= 0, offset + MemoryLayout<Integer>.size <= count else { return nil }
        return unsafe Integer(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// The integer that the bytes are, no more and no less; nil if their number differs.
    package func only<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
        count == MemoryLayout<Integer>.size ? integer(type) : nil
    }

    /// A part; nil if it reaches beyond the end.
    package func part(at offset: Int, count length: Int) -> PostgresBytes? {
        guard offset >= 0, length >= 0, offset + length <= count else { return nil }
        return unsafe PostgresBytes(UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + length]))
    }

    /// A copy as bytes.
    package var array: [UInt8] { unsafe [UInt8](buffer) }

    /// A copy as text; broken UTF-8 can't occur because connections use `client_encoding` UTF8.
    package var text: String { unsafe String(decoding: buffer, as: UTF8.self) }
}

extension [UInt8] {
    /// Appends an integer in network byte order.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        var big = value.bigEndian
        unsafe Swift.withUnsafeBytes(of: &big) { unsafe append(contentsOf: $0) }
    }
}
