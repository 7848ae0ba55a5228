/// The two checksums inside a PNG file.
enum Checksums {
    private static let crcTable: [UInt32] = (0..<256).map { (index: UInt32) in
        (0..<8).reduce(index) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    /// CRC-32 as PNG and gzip use it (ISO 3309, reflected).
    static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let table = crcTable
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8) }
        return ~value
    }

    /// Adler-32 of RFC 1950, the end mark of a zlib stream.
    static func adler32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in bytes {
            low += UInt32(byte)
            if low >= 65_521 { low -= 65_521 }
            high += low
            if high >= 65_521 { high -= 65_521 }
        }
        return high << 16 | low
    }
}

extension [UInt8] {
    /// Appends the four bytes of a big-endian number.
    mutating func appendBigEndian(_ value: UInt32) {
        append(UInt8(value >> 24))
        append(UInt8(value >> 16 & 0xFF))
        append(UInt8(value >> 8 & 0xFF))
        append(UInt8(value & 0xFF))
    }

    /// Appends the bytes of a little-endian number.
    mutating func appendLittleEndian(_ value: UInt32, bytes count: Int = 4) {
        for place in 0..<count { append(UInt8(value >> UInt32(8 * place) & 0xFF)) }
    }
}
