internal import Time

extension Duration {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Reads a whole number followed by ms, s, m, h or d; nil for other text, a sign, or more than 100 years.
    package init?(configurationText text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text.dropFirst(digits.count)
        guard let number = Int64(digits), let unit = Self.units.first(where: { $0.suffix == suffix }) else {
            return nil
        }
        let (milliseconds, overflows) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflows, milliseconds <= 36_525 * 86_400_000 else { return nil }
        self = .milliseconds(milliseconds)
    }

    /// The shortest text that `init(configurationText:)` reads back, e.g. `90s`; a fraction of a millisecond is lost.
    package var configurationText: String {
        let milliseconds = wholeMilliseconds
        let unit = Self.units.last { milliseconds != 0 && milliseconds % $0.milliseconds == 0 } ?? Self.units[1]
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}
