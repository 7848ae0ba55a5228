/// A positive number with up to three decimal places, kept whole.
package struct Decimals: Sendable, Equatable, LosslessStringConvertible {
    package var thousandths: Int64

    /// Rounded up.
    package var hundredths: Int64 { (thousandths + 9) / 10 }

    package init(thousandths: Int64) {
        self.thousandths = thousandths
    }

    /// Reads `92`, `92.5` or `1.875`.
    package init?(_ description: String) {
        let parts = description.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = Int64(parts[0]), (0...1_000_000).contains(whole), parts[0].first?.isNumber == true else {
            return nil
        }
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        guard parts.count == 1 || !fraction.isEmpty, fraction.count <= 3,
            fraction.allSatisfy({ $0.isASCII && $0.isNumber })
        else { return nil }
        let padded = fraction + String(repeating: "0", count: 3 - fraction.count)
        self.thousandths = whole * 1_000 + (Int64(padded) ?? 0)
        guard thousandths > 0 else { return nil }
    }

    package var description: String {
        let fraction = String(thousandths % 1_000 + 1_000).dropFirst()
        return thousandths % 1_000 == 0 ? String(thousandths / 1_000) : "\(thousandths / 1_000).\(fraction)"
    }
}
