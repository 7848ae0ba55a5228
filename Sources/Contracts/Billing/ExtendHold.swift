package import Time

/// Moves a hold's end ahead while its job lives.
///
/// A time that is not later than the present end changes nothing. Idempotent by key. Problems: `hold_not_found`,
/// `hold_already_charged`, `hold_already_released`, `hold_expired`: what has ended can't be woken up.
package enum ExtendHold: Operation {
    package typealias Parameters = HoldParameters
    package typealias Output = HoldState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds/{hold_id}/extend"
    package static let callers: Set<ServiceName> = [.generation, .operator]
    package static let problems: Set<ProblemCode> = [
        .holdNotFound, .holdAlreadyCharged, .holdAlreadyReleased, .holdExpired,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// At most 7 days ahead.
        package var expiresAt: Timestamp

        package init(userID: UserID, expiresAt: Timestamp) {
            self.userID = userID
            self.expiresAt = expiresAt
        }
    }
}
