import Contracts

/// Refusals that say how much is there or left.
extension Book {
    static func insufficient(_ wanted: Int64, _ available: Int64) -> LedgerAnswer {
        .refused(
            Problem(
                .insufficientFunds,
                members: [
                    "shortage_kopecks": .integer(wanted - available), "available_kopecks": .integer(available),
                ]
            )
        )
    }

    static func limit(_ limit: LimitName, _ kopecks: Int64, remaining: Int64, _ detail: String) -> LedgerAnswer {
        .refused(
            Problem(
                .limitExceeded,
                detail,
                members: [
                    "limit": .string(limit.rawValue), "limit_kopecks": .integer(kopecks),
                    "remaining_kopecks": .integer(max(0, remaining)),
                ]
            )
        )
    }
}

/// Which limit a `limit_exceeded` is about.
enum LimitName: String, Sendable, CaseIterable {
    /// What an account may have.
    case balance
    /// What a user may spend a day.
    case dailySpend = "daily_spend"
    /// What all users may be granted a day.
    case dailyGrant = "daily_grant"
    /// What is left of a charge or credit.
    case refundable
    /// What one operator may correct alone.
    case loneAdjustment = "lone_adjustment"
}
