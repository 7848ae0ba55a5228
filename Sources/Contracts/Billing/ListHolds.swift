package import Time

/// The holds of an account that count now, oldest first; at most 500.
package enum ListHolds: Operation {
    package typealias Parameters = AccountParameters
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/accounts/{user_id}/holds"
    package static let callers: Set<ServiceName> = [.conversation, .generation, .operator]

    package struct Output: Codable, Sendable, Equatable {
        package var holds: [OpenHold]

        package init(holds: [OpenHold]) {
            self.holds = holds
        }
    }
}

/// A hold that counts.
package struct OpenHold: Codable, Sendable, Equatable {
    package var holdID: HoldID
    /// What was reserved at first.
    package var amountKopecks: Int64
    /// What its parts have been charged and given back.
    package var chargedKopecks: Int64
    package var releasedKopecks: Int64
    package var placedAt: Timestamp
    /// Extensions included.
    package var expiresAt: Timestamp
    package var memo: String

    package init(
        holdID: HoldID,
        amountKopecks: Int64,
        chargedKopecks: Int64,
        releasedKopecks: Int64,
        placedAt: Timestamp,
        expiresAt: Timestamp,
        memo: String
    ) {
        self.holdID = holdID
        self.amountKopecks = amountKopecks
        self.chargedKopecks = chargedKopecks
        self.releasedKopecks = releasedKopecks
        self.placedAt = placedAt
        self.expiresAt = expiresAt
        self.memo = memo
    }
}
