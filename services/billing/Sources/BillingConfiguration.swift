import Configuration
import Time

/// The limits that the operator sets, from configuration.
extension LedgerRules {
    static let keys: [any ConfigurationKeyDescription] = [
        Key.dailySpend, Key.dailyGrant, Key.loneAdjustment, Key.dayOffset,
    ]

    /// - Throws: `ConfigurationError` for a value that does not fit.
    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        self.init(
            dailySpendKopecks: Self.limit(try reader.value(Key.dailySpend)),
            dailyGrantKopecks: Self.limit(try reader.value(Key.dailyGrant)),
            loneAdjustmentKopecks: Self.limit(try reader.value(Key.loneAdjustment)),
            dayOffset: .seconds(Int64(try reader.value(Key.dayOffset)) * 60)
        )
    }

    private static func limit(_ kopecks: Int) -> Int64? { kopecks == 0 ? nil : Int64(kopecks) }

    private enum Key {
        static let dailySpend = ConfigurationKey.int(
            "ATELIER_DAILY_SPEND_KOPECKS",
            default: 0,
            range: 0...1_000_000_000_000,
            help: "What one user may spend a day, held money included; 0: no limit."
        )
        static let dailyGrant = ConfigurationKey.int(
            "ATELIER_DAILY_GRANT_KOPECKS",
            default: 10_000_000,
            range: 0...1_000_000_000_000,
            help: "What all users together may be granted a day (bonus, promo, referral); 0: no limit."
        )
        static let loneAdjustment = ConfigurationKey.int(
            "ATELIER_LONE_ADJUSTMENT_KOPECKS",
            default: 100_000,
            range: 0...1_000_000_000_000,
            help: "The largest correction that one operator may make alone; above it another approves. 0: no limit."
        )
        static let dayOffset = ConfigurationKey.int(
            "ATELIER_DAY_OFFSET_MINUTES",
            default: 180,
            range: 0...840,
            help: "How far the operator's day is ahead of UTC's, in minutes; Moscow's by default."
        )
    }
}
