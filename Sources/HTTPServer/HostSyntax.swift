internal import HTTP

/// A host and its optional port: the value of `Host` and the authority of an absolute target (RFC 9110, section 7.2; RFC
/// 3986, section 3.2.2, without `IPvFuture`, which nobody has defined).
enum HostSyntax {
    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        var index = range.lowerBound
        if bytes[index] == UInt8(ascii: "[") {
            while index < range.upperBound, bytes[index] != UInt8(ascii: "]") { index += 1 }
            guard index < range.upperBound, isIPv6(bytes, (range.lowerBound + 1)..<index) else { return false }
            index += 1
        } else {
            while index < range.upperBound, bytes[index] != UInt8(ascii: ":") {
                guard isNameByte(bytes, index, range.upperBound) else { return false }
                index += 1
            }
            guard index > range.lowerBound else { return false }
        }
        guard index < range.upperBound else { return true }
        return bytes[index] == UInt8(ascii: ":") && isPort(bytes, (index + 1)..<range.upperBound)
    }

    /// A percent sign must begin a triplet.
    private static func isNameByte(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
        guard HTTPSyntax.isHostByte(bytes[index]) else { return false }
        guard bytes[index] == UInt8(ascii: "%") else { return true }
        return index + 2 < end && HTTPSyntax.hexValue(bytes[index + 1]) != nil
            && HTTPSyntax.hexValue(bytes[index + 2]) != nil
    }

    /// May be empty, which means the scheme's own.
    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count <= 5 else { return false }
        var number = 0
        for index in range {
            guard let digit = digit(bytes[index]) else { return false }
            number = number * 10 + digit
        }
        return number <= 65_535
    }

    /// Eight groups of one to four hexadecimal digits; one run of groups may be `::`, the last two may be an IPv4 address.
    private static func isIPv6(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        func isColon(_ index: Int) -> Bool { index < range.upperBound && bytes[index] == UInt8(ascii: ":") }
        var index = range.lowerBound
        var groups = 0
        var isCompressed = false
        if isColon(index) {
            guard isColon(index + 1) else { return false }
            isCompressed = true
            index += 2
        }
        while index < range.upperBound {
            let start = index
            while index < range.upperBound, HTTPSyntax.hexValue(bytes[index]) != nil { index += 1 }
            if index < range.upperBound, bytes[index] == UInt8(ascii: ".") {
                return isIPv4(bytes, start..<range.upperBound) && (isCompressed ? groups <= 5 : groups == 6)
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < range.upperBound else { break }
            guard isColon(index) else { return false }
            index += 1
            guard index < range.upperBound else { return false }  // A single colon at the end.
            if isColon(index) {
                guard !isCompressed else { return false }
                isCompressed = true
                index += 1
            }
        }
        return isCompressed ? groups <= 7 : groups == 8
    }

    private static func isIPv4(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        for part in 1...4 {
            let start = index
            var number = 0
            while index < range.upperBound, index - start < 3, let digit = digit(bytes[index]) {
                number = number * 10 + digit
                index += 1
            }
            let hasLeadingZero = index - start > 1 && bytes[start] == UInt8(ascii: "0")
            guard index > start, number <= 255, !hasLeadingZero else { return false }
            if part == 4 { return index == range.upperBound }
            guard index < range.upperBound, bytes[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
        return false
    }

    private static func digit(_ byte: UInt8) -> Int? {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
    }
}
