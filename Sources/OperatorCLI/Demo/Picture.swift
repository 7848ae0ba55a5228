internal import Cryptography

/// A small photo that differs from run to run, so that it can be recognised at the other end.
enum Picture {
    static let side = 96

    /// A PNG with stored deflate blocks: no compression, valid everywhere.
    static func png(seed: Int64) -> [UInt8] {
        var raw: [UInt8] = []
        for y in 0..<side {
            raw.append(0)
            for x in 0..<side {
                raw += [UInt8((x * 2 + Int(seed % 97)) & 0xFF), UInt8(y * 2), UInt8((x ^ y ^ Int(seed & 0x7F)) & 0xFF)]
            }
        }
        let header = bytes(UInt32(side)) + bytes(UInt32(side)) + [8, 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
            + chunk("IDAT", [0x78, 0x01] + stored(raw) + bytes(adler(raw))) + chunk("IEND", [])
    }

    private static func stored(_ raw: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var at = 0
        while at < raw.count {
            let end = min(at + 65_535, raw.count)
            let length = UInt16(end - at)
            out += [end == raw.count ? 1 : 0, UInt8(length & 0xFF), UInt8(length >> 8)]
            out += [UInt8(~length & 0xFF), UInt8(~length >> 8)] + raw[at..<end]
            at = end
        }
        return out
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        return bytes(UInt32(data.count)) + body + bytes(crc(body))
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    private static func crc(_ data: [UInt8]) -> UInt32 {
        var crc: UInt32 = ~0
        for byte in data {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }

    private static func adler(_ data: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in data {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }
}
