/// The amounts that the ledger takes.
enum LedgerLimits {
    /// One hold, charge or credit: a million roubles.
    static let maximumAmountKopecks: Int64 = 100_000_000
    /// What an account may have: ten million roubles. Far from what `Int64` holds, so that sums can't overflow.
    static let maximumBalanceKopecks: Int64 = 1_000_000_000
    /// The longest memo, reason, reference, model or variant, in characters.
    static let maximumTextLength = 200
    /// How far ahead a hold may expire.
    static let maximumHoldDuration: Duration = .seconds(7 * 86_400 + 60)
}
