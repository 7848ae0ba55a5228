/// Takes money from a hold and returns the rest to the account in the same step; the hold has then ended.
///
/// With `part` only that part of the hold is settled, and the hold lives on until nothing of it is left. Idempotent by
/// key, and a part is settled once whatever keys are used. Problems: `hold_not_found` (and the hold can never be placed
/// afterwards), `exceeds_hold`, `hold_already_charged`, `hold_already_released`, `hold_expired`.
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
        /// 0...what is left of the hold, or the part's amount.
        package var amountKopecks: Int64
        package var jobID: JobID
        /// The model's slug and the priced variant, for the statement and margin reports.
        package var model: String
        package var variant: String
        /// What the provider took, in millionths of a US dollar.
        package var providerCostMicrodollars: Int64
        /// The same at the caller's rate; booked to the account `provider_cost` if it is given.
        package var providerCostKopecks: Int64?
        /// Absent: the whole rest of the hold.
        package var part: HoldPart?

        package init(
            userID: UserID,
            amountKopecks: Int64,
            jobID: JobID,
            model: String,
            variant: String,
            providerCostMicrodollars: Int64,
            providerCostKopecks: Int64? = nil,
            part: HoldPart? = nil
        ) {
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.jobID = jobID
            self.model = model
            self.variant = variant
            self.providerCostMicrodollars = providerCostMicrodollars
            self.providerCostKopecks = providerCostKopecks
            self.part = part
        }
    }
}

/// Ends a hold without taking money; with `part` only that part of it.
///
/// Idempotent by key, and a part is settled once whatever keys are used. An unknown hold is remembered as released, so
/// that a hold that arrives late can't land; the answer is then `hold_not_found`.
package enum ReleaseHold: Operation {
    package typealias Parameters = HoldParameters
    package typealias Output = HoldState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds/{hold_id}/release"
    package static let callers: Set<ServiceName> = [.generation, .operator]
    package static let problems: Set<ProblemCode> = [
        .holdNotFound, .exceedsHold, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// Why, as a short code such as `provider_refused`; shown in the statement.
        package var reason: String
        /// Absent: the whole rest of the hold.
        package var part: HoldPart?

        package init(userID: UserID, reason: String, part: HoldPart? = nil) {
            self.userID = userID
            self.reason = reason
            self.part = part
        }
    }
}

/// A share of a hold that covers several jobs or stages, settled by itself: what is not charged of it returns at once.
package struct HoldPart: Codable, Sendable, Equatable {
    /// Names the part within its hold, e.g. a job's id or a stage's number; 1...64 characters.
    package var partID: String
    /// How much of the hold belongs to the part; parts take at most the whole.
    package var amountKopecks: Int64

    package init(partID: String, amountKopecks: Int64) {
        self.partID = partID
        self.amountKopecks = amountKopecks
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
