import Time

/// The amounts that the ledger takes.
enum LedgerLimits {
    /// One hold, charge, credit or correction: a million roubles.
    static let maximumAmountKopecks: Int64 = 100_000_000
    /// What an account may have: ten million roubles. Far from what `Int64` holds, so that sums can't overflow.
    static let maximumBalanceKopecks: Int64 = 1_000_000_000
    /// What a provider may have taken for one charge, in kopecks or millionths of a dollar.
    static let maximumProviderCost: Int64 = 1_000_000_000_000
    /// The longest memo, reason, reference, model or variant, in characters.
    static let maximumTextLength = 200
    /// The longest name of a part or an operator, in characters.
    static let maximumNameLength = 64
    /// The most calls of a group.
    static let groupedItems = 500
    /// The most holds of an account that are listed.
    static let listedHolds = 500
    /// How far ahead a hold may expire.
    static let maximumHoldDuration: Duration = .seconds(7 * 86_400 + 60)
}

/// Limits that the operator sets.
struct LedgerRules: Sendable, Equatable {
    /// What one user may spend a day, held money included; nil: no limit.
    var dailySpendKopecks: Int64?
    /// What all users together may be granted a day; nil: no limit.
    var dailyGrantKopecks: Int64?
    /// The largest correction that one operator may make alone; nil: no limit.
    var loneAdjustmentKopecks: Int64?
    /// How far the operator's day is ahead of UTC's: Moscow's by default.
    var dayOffset: Duration = .seconds(3 * 3_600)

    /// Days since 1970-01-01 in the operator's time zone.
    func day(of moment: Timestamp) -> Int64 {
        let microseconds = moment.microseconds + dayOffset.wholeMicroseconds
        let (day, rest) = microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        return rest < 0 ? day - 1 : day
    }
}
