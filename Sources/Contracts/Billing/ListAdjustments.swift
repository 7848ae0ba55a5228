package import Time

/// Adjustments that wait for another operator, oldest first; at most 200.
package enum ListAdjustments: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/adjustments"
    package static let callers: Set<ServiceName> = [.operator]

    package struct Output: Codable, Sendable, Equatable {
        package var adjustments: [ProposedAdjustment]

        package init(adjustments: [ProposedAdjustment]) {
            self.adjustments = adjustments
        }
    }
}

/// An adjustment that has moved nothing yet.
package struct ProposedAdjustment: Codable, Sendable, Equatable {
    package var adjustmentID: AdjustmentID
    package var userID: UserID
    package var amountKopecks: Int64
    package var wallet: Wallet
    package var reason: String
    package var proposedBy: String
    package var at: Timestamp

    package init(
        adjustmentID: AdjustmentID,
        userID: UserID,
        amountKopecks: Int64,
        wallet: Wallet,
        reason: String,
        proposedBy: String,
        at: Timestamp
    ) {
        self.adjustmentID = adjustmentID
        self.userID = userID
        self.amountKopecks = amountKopecks
        self.wallet = wallet
        self.reason = reason
        self.proposedBy = proposedBy
        self.at = at
    }
}
