/// The other sides of users' accounts. They have no stored balance; their sums are read from the entries.
///
/// The raw values are ids of the table `system_account`, which also has the names.
enum SystemAccount: Int64, Sendable, CaseIterable {
    /// What was paid in and has not gone back, negative.
    case yookassa = -1
    case stars = -2
    /// What was given away, negative.
    case bonus = -3
    case promo = -4
    case referral = -5
    /// The operators' corrections.
    case adjustment = -6
    /// What was charged, positive; refunds are not taken off.
    case revenue = -7
    /// Charges that were given back, negative.
    case refund = -8
    /// What the model provider took for charged jobs, negative, …
    case providerCost = -9
    /// … and the same positive: what it is owed.
    case provider = -10
}
