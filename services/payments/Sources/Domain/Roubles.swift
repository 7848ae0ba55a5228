/// Rouble amounts between kopecks and YooKassa's decimal strings, exactly; no floating point touches them.
package enum Roubles {
    /// `50000` → `500.00`. The amount must not be negative.
    package static func text(kopecks: Int64) -> String {
        let fraction = kopecks % 100
        return "\(kopecks / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    /// `500.00`, `500.0`, `500` → `50000`.
    ///
    /// - Returns: Nil for signs, separators, exponents, fractions of a kopeck, and amounts beyond 64 bits.
    package static func kopecks(_ text: some StringProtocol) -> Int64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty, parts.count == 1 || !parts[1].isEmpty else { return nil }
        var fraction = parts.count == 2 ? Array(parts[1]) : []
        while fraction.count > 2, fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
        guard fraction.count <= 2 else { return nil }
        while fraction.count < 2 { fraction.append(UInt8(ascii: "0")) }
        var total: Int64 = 0
        for byte in Array(parts[0]) + fraction {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (tens, first) = total.multipliedReportingOverflow(by: 10)
            let (sum, second) = tens.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !first, !second else { return nil }
            total = sum
        }
        return total
    }
}
