internal import Contracts
internal import Foundation

/// Short names of long ids for buttons and for people: at most eight characters of base 62.
enum ShortCode {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    /// The largest number that fits eight characters.
    static let maximum: UInt64 = 218_340_105_584_895

    static func text(_ number: UInt64) -> String {
        var rest = number
        var text = ""
        repeat {
            text = String(digits[Int(rest % 62)]) + text
            rest /= 62
        } while rest > 0
        return text
    }

    /// - Returns: Nil for another alphabet, nothing at all, or more than `UInt64` holds.
    static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.count <= 11 else { return nil }
        var number: UInt64 = 0
        for character in text {
            guard let digit = digits.firstIndex(of: character) else { return nil }
            let (product, overflows) = number.multipliedReportingOverflow(by: 62)
            let (sum, wraps) = product.addingReportingOverflow(UInt64(digit))
            guard !overflows, !wraps else { return nil }
            number = sum
        }
        return number
    }
}

extension Identifier {
    /// The low 47 bits, all random in a UUIDv7: unique among the objects of one user for all that matters, and looked up
    /// together with the user, so that guessing one of somebody else's is useless.
    var short: UInt64 {
        let bytes = uuid.uuid
        let low = [bytes.10, bytes.11, bytes.12, bytes.13, bytes.14, bytes.15]
        return low.reduce(0) { $0 << 8 | UInt64($1) } & 0x7FFF_FFFF_FFFF
    }
}
