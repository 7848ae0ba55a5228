/// Takes money from a hold and returns the rest to the account in the same step; the hold has then ended.
///
/// Idempotent by key. Problems: `hold_not_found` (and the hold can never be placed afterwards), `exceeds_hold`,
/// `hold_already_charged`, `hold_already_released`, `hold_expired`.
package enum ChargeHold: Operation {
    package typealias Parameters = HoldParameters
    package typealias Output = HoldState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds/{hold_id}/charge"
    package static let callers: Set<ServiceName> = [.generation]
    package static let problems: Set<ProblemCode> = [
        .holdNotFound, .exceedsHold, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// 0...the held amount.
        package var amountKopecks: Int64
        package var jobID: JobID
        /// The model's slug and the priced variant, for the statement and margin reports.
        package var model: String
        package var variant: String
        /// What the provider took, in millionths of a US dollar.
        package var providerCostMicrodollars: Int64

        package init(
            userID: UserID,
            amountKopecks: Int64,
            jobID: JobID,
            model: String,
            variant: String,
            providerCostMicrodollars: Int64
        ) {
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.jobID = jobID
            self.model = model
            self.variant = variant
            self.providerCostMicrodollars = providerCostMicrodollars
        }
    }
}

/// Ends a hold without taking money.
///
/// Idempotent by key. An unknown hold is remembered as released, so that a hold that arrives late can't land; the
/// answer is then `hold_not_found`.
package enum ReleaseHold: Operation {
    package typealias Parameters = HoldParameters
    package typealias Output = HoldState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds/{hold_id}/release"
    package static let callers: Set<ServiceName> = [.generation, .operator]
    package static let problems: Set<ProblemCode> = [
        .holdNotFound, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// Why, as a short code such as `provider_refused`; shown in the statement.
        package var reason: String

        package init(userID: UserID, reason: String) {
            self.userID = userID
            self.reason = reason
        }
    }
}

/// The hold in the path.
package struct HoldParameters: OperationParameters, Equatable {
    package var holdID: HoldID

    package init(holdID: HoldID) {
        self.holdID = holdID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.holdID = try values.required("hold_id")
    }

    package var values: [(name: String, value: String)] { [("hold_id", holdID.description)] }
}
