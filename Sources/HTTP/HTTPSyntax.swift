/// The character classes of RFC 9110 and RFC 3986 as bit masks of the 128 ASCII characters, so that a check costs a shift a
/// byte.
package enum HTTPSyntax {
    /// `tchar`: names of methods and fields are made of letters, digits and ``!#$%&'*+-.^_`|~``.
    package static func isTokenByte(_ byte: UInt8) -> Bool {
        isInMask(byte, low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)
    }

    /// What a path and query may contain (`pchar`, `/`, `?`); a `%` must start a triplet.
    package static func isTargetByte(_ byte: UInt8) -> Bool {
        isInMask(byte, low: 0xafff_fff2_0000_0000, high: 0x47ff_fffe_87ff_ffff)
    }

    /// `reg-name`; brackets and the port's colon are looked at apart.
    package static func isHostByte(_ byte: UInt8) -> Bool {
        isInMask(byte, low: 0x2bff_7ff2_0000_0000, high: 0x47ff_fffe_87ff_fffe)
    }

    /// What a field's value may contain: visible characters, space, tab and, opaque to us, bytes from 0x80.
    package static func isFieldValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 ? byte != 0x7f : byte == 0x09 }

    static func isInMask(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        (byte < 64 ? low >> UInt64(byte) : byte < 128 ? high >> UInt64(byte & 63) : 0) & 1 != 0
    }

    /// Whether there is at least one byte and all are `tchar`.
    package static func isToken(_ bytes: String.UTF8View) -> Bool {
        for byte in bytes where !isTokenByte(byte) { return false }
        return !bytes.isEmpty
    }

    /// The value of a hexadecimal digit, either case.
    package static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// ASCII letters as lower case, everything else as it is.
    package static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// Whether two texts are equal when ASCII case does not count.
    package static func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        var (left, right) = (left, right)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                for index in left.indices {
                    let (one, other) = unsafe (left[index], right[index])
                    if one != other, lowercase(one) != lowercase(other) { return false }
                }
                return true
            }
        }
    }
}
