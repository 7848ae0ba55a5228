/// The character classes of RFC 9110 and RFC 3986 as tables, so that a check costs one load a byte.
package enum HTTPSyntax {
    private static let tokens = table("!#$%&'*+-.^_`|~")
    private static let targets = table("-._~!$&'()*+,;=:@/?%")
    private static let hosts = table("-._~!$&'()*+,;=%")

    /// `tchar`: names of methods and fields are made of these.
    @inline(__always)
    package static func isTokenByte(_ byte: UInt8) -> Bool { tokens[Int(byte)] }

    /// What a path and query may contain (`pchar`, `/`, `?`); a `%` must start a triplet.
    @inline(__always)
    package static func isTargetByte(_ byte: UInt8) -> Bool { targets[Int(byte)] }

    /// `reg-name`; brackets and the port's colon are looked at apart.
    @inline(__always)
    package static func isHostByte(_ byte: UInt8) -> Bool { hosts[Int(byte)] }

    /// What a field's value may contain: visible characters, space, tab and, opaque to us, bytes from 0x80.
    @inline(__always)
    package static func isFieldValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 ? byte != 0x7f : byte == 0x09 }

    /// Whether there is at least one byte and all are `tchar`.
    package static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isTokenByte)
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
    @inline(__always)
    package static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// Whether two texts are equal when ASCII case does not count.
    package static func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
        let (left, right) = (left.utf8, right.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).allSatisfy { $0 == $1 || lowercase($0) == lowercase($1) }
    }

    /// Letters, digits and `extra`.
    private static func table(_ extra: String) -> [Bool] {
        var table = [Bool](repeating: false, count: 256)
        for byte in extra.utf8 { table[Int(byte)] = true }
        for byte in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8 { table[Int(byte)] = true }
        return table
    }
}
