/// Lower-case hexadecimal.
package enum Hex {
    private static let digits = [UInt8]("0123456789abcdef".utf8)

    /// Two characters a byte, lower case.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads either case; nil for an odd length or another character.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[index]), let low = value(characters[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Base64 with `+`, `/` and padding (RFC 4648 section 4), for HTTP Basic credentials.
package enum Base64 {
    private static let codec = SixBitCodec(last: "+/", isPadded: true)

    /// Four characters for each three bytes begun.
    package static func encode(_ bytes: [UInt8]) -> String { codec.encode(bytes) }

    /// The bytes; nil for another alphabet, missing padding, or stray bits after the last byte.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? { codec.decode(Array(text.utf8)) }
}

/// Base64 with `-`, `_` and no padding (RFC 4648 section 5), for tokens in URLs.
package enum Base64URL {
    private static let codec = SixBitCodec(last: "-_", isPadded: false)

    /// 43 characters for 32 bytes.
    package static func encode(_ bytes: [UInt8]) -> String { codec.encode(bytes) }

    /// The bytes; nil for another alphabet, padding, or stray bits after the last byte, so that each byte string has
    /// exactly one text form and a token can't be varied without becoming invalid.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? { codec.decode(Array(text.utf8)) }
}

/// Letters and digits only, for tokens that people copy and that no separator may break.
package enum Base62 {
    private static let alphabet = [UInt8]("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// The bytes as one big-endian number in base 62, padded to the length that any value of that many bytes needs
    /// (22 characters for 16 bytes, 43 for 32), so that equal lengths sort as the bytes do.
    package static func encode(_ bytes: [UInt8]) -> String {
        var number = bytes
        var text: [UInt8] = []
        for _ in 0..<length(forBytes: bytes.count) {
            var remainder = 0
            for index in number.indices {
                let value = remainder << 8 | Int(number[index])
                number[index] = UInt8(value / 62)
                remainder = value % 62
            }
            text.append(alphabet[remainder])
        }
        return String(decoding: text.reversed(), as: UTF8.self)
    }

    /// Unpredictable text of `count` characters, 5.95 bits each, without bias.
    package static func random(_ count: Int) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(count)
        while text.count < count {
            // 248 is the largest multiple of 62 in a byte; a larger value would favour the first letters.
            for byte in secureRandom(count - text.count + 8) where byte < 248 && text.count < count {
                text.append(alphabet[Int(byte) % 62])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Smallest n with 62ⁿ ≥ 256ᵇʸᵗᵉˢ; log(256)/log(62) is 1.34359…
    private static func length(forBytes count: Int) -> Int {
        (count * 134_360 + 99_999) / 100_000
    }
}

/// What the two base64 alphabets share.
private struct SixBitCodec: Sendable {
    private let alphabet: [UInt8]
    private let values: [UInt8]
    private let isPadded: Bool
    private static let invalid: UInt8 = 255
    private static let padding = UInt8(ascii: "=")

    init(last: String, isPadded: Bool) {
        alphabet = [UInt8](("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last).utf8)
        var values = [UInt8](repeating: Self.invalid, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        self.values = values
        self.isPadded = isPadded
    }

    func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let present = min(3, bytes.count - start)
            var group: UInt32 = 0
            for offset in 0..<3 { group = group << 8 | (offset < present ? UInt32(bytes[start + offset]) : 0) }
            for place in 0..<4 {
                if place <= present {
                    text.append(alphabet[Int(group >> (18 - 6 * UInt32(place)) & 63)])
                } else if isPadded {
                    text.append(Self.padding)
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    func decode(_ characters: [UInt8]) -> [UInt8]? {
        var text = characters[...]
        if isPadded {
            guard text.count.isMultiple(of: 4) else { return nil }
            for _ in 0..<2 where text.last == Self.padding { text.removeLast() }
        }
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var bits: UInt32 = 0
        var pending: UInt32 = 0
        for character in text {
            let value = values[Int(character)]
            guard value != Self.invalid else { return nil }
            bits = bits << 6 | UInt32(value)
            pending += 6
            if pending >= 8 {
                pending -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> pending))
                bits &= (1 << pending) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }
}
