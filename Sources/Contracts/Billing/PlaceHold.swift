package import Time

/// Reserves money for a job (or for all jobs of one confirm) so that a later charge can't overdraw the account.
///
/// Idempotent by key. Problems: `insufficient_funds` with `shortage_kopecks` and `available_kopecks`;
/// `account_frozen`; `limit_exceeded`; `hold_already_released` if a release came first; `hold_expired` if it would end
/// before it began. A refusal is remembered: the same key never says yes later.
package enum PlaceHold: Operation {
    package typealias Output = HoldState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds"
    package static let callers: Set<ServiceName> = [.generation]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [
        .insufficientFunds, .accountFrozen, .limitExceeded, .holdAlreadyReleased, .holdExpired,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var holdID: HoldID
        package var userID: UserID
        /// 0...100_000_000; zero leaves a trail for free models.
        package var amountKopecks: Int64
        /// When the hold stops counting by itself; 1 minute to 7 days ahead.
        package var expiresAt: Timestamp
        /// What the hold is for, e.g. the model's slug; shown in the statement.
        package var memo: String

        package init(holdID: HoldID, userID: UserID, amountKopecks: Int64, expiresAt: Timestamp, memo: String) {
            self.holdID = holdID
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.expiresAt = expiresAt
            self.memo = memo
        }
    }
}

/// A hold after an operation on it.
package struct HoldState: Codable, Sendable, Equatable {
    package var holdID: HoldID
    /// What was reserved at first.
    package var amountKopecks: Int64
    /// What has been charged from it.
    package var chargedKopecks: Int64
    /// What has been given back.
    package var releasedKopecks: Int64
    package var state: HoldEnd
    /// When it stops counting by itself; in the answer of `extendHold`.
    package var expiresAt: Timestamp?
    /// The account after the operation.
    package var balance: Balance

    package init(
        holdID: HoldID,
        amountKopecks: Int64,
        chargedKopecks: Int64,
        releasedKopecks: Int64,
        state: HoldEnd,
        expiresAt: Timestamp? = nil,
        balance: Balance
    ) {
        self.holdID = holdID
        self.amountKopecks = amountKopecks
        self.chargedKopecks = chargedKopecks
        self.releasedKopecks = releasedKopecks
        self.state = state
        self.expiresAt = expiresAt
        self.balance = balance
    }
}

/// Whether and how a hold has ended.
package enum HoldEnd: String, Codable, Sendable, CaseIterable {
    case live, charged, released, expired
}
