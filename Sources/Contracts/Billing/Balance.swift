package import Time

/// What a user's account holds, in kopecks.
///
/// `posted = paid + bonus`, `available = posted − held`, where `held` counts only holds that have not expired.
package struct Balance: Codable, Sendable, Equatable {
    package var userID: UserID
    /// All the money of the account, held money included.
    package var postedKopecks: Int64
    /// Reserved by live holds.
    package var heldKopecks: Int64
    /// What a new hold may take.
    package var availableKopecks: Int64
    /// The part of `posted` that was paid in; only this part can be refunded.
    package var paidKopecks: Int64
    /// The part of `posted` that was granted; spent first.
    package var bonusKopecks: Int64
    package var isFrozen: Bool

    package init(
        userID: UserID,
        postedKopecks: Int64,
        heldKopecks: Int64,
        availableKopecks: Int64,
        paidKopecks: Int64,
        bonusKopecks: Int64,
        isFrozen: Bool
    ) {
        self.userID = userID
        self.postedKopecks = postedKopecks
        self.heldKopecks = heldKopecks
        self.availableKopecks = availableKopecks
        self.paidKopecks = paidKopecks
        self.bonusKopecks = bonusKopecks
        self.isFrozen = isFrozen
    }
}

/// The user of an account, in the path.
package struct AccountParameters: OperationParameters, Equatable {
    package var userID: UserID

    package init(userID: UserID) {
        self.userID = userID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.userID = try values.required("user_id")
    }

    package var values: [(name: String, value: String)] { [("user_id", String(userID))] }
}

/// Reads the balance; an account that nobody has touched yet has zeros.
package enum GetBalance: Operation {
    package typealias Output = Balance
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/accounts/{user_id}/balance"
    package static let callers: Set<ServiceName> = [.conversation, .generation, .payments, .operator]

    package struct Parameters: OperationParameters, Equatable {
        package var userID: UserID
        /// As it was at this moment; now if absent or not yet past.
        package var at: Timestamp?

        package init(userID: UserID, at: Timestamp? = nil) {
            self.userID = userID
            self.at = at
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.userID = try values.required("user_id")
            self.at = try values.time("at")
        }

        package var values: [(name: String, value: String)] {
            [("user_id", String(userID))] + (at.map { [("at", $0.description)] } ?? [])
        }
    }
}
