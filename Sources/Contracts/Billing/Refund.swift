/// Gives a charge back to the account, wholly or in part: paid money first, since it was spent last.
///
/// Idempotent by key. All refunds of one charge give back at most what it took, each wallet what came from it. Problems:
/// `hold_not_found`, `hold_already_released` and `hold_expired` (nothing was charged); `limit_exceeded` with what is left.
package enum RefundCharge: Operation {
    package typealias Parameters = HoldParameters
    package typealias Output = RefundState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/holds/{hold_id}/refund"
    package static let callers: Set<ServiceName> = [.generation, .operator]
    package static let problems: Set<ProblemCode> = [
        .holdNotFound, .holdAlreadyReleased, .holdExpired, .limitExceeded,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// 1...what was charged and not yet refunded.
        package var amountKopecks: Int64
        /// Which part's charge; absent for the charge that ended the hold.
        package var partID: String?
        /// Shown in the statement.
        package var reason: String

        package init(userID: UserID, amountKopecks: Int64, partID: String? = nil, reason: String) {
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.partID = partID
            self.reason = reason
        }
    }
}

/// Takes money that was paid in out of the account, because it goes back to the payer.
///
/// Do this first and send the money then, so that it can't be spent meanwhile. Idempotent by key. At most what that
/// credit brought, at most what is left of paid money and not held. Problems: `limit_exceeded` with what is left of the
/// credit, 0 for granted or unknown ones; `insufficient_funds`; `account_frozen`.
package enum RefundCredit: Operation {
    package typealias Output = RefundState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/credits/refund"
    package static let callers: Set<ServiceName> = [.payments, .operator]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.insufficientFunds, .accountFrozen, .limitExceeded]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// 1...what was credited and not yet refunded.
        package var amountKopecks: Int64
        /// The credit's source and reference.
        package var source: CreditSource
        package var reference: String
        /// Shown in the statement.
        package var reason: String

        package init(
            userID: UserID,
            amountKopecks: Int64,
            source: CreditSource,
            reference: String,
            reason: String
        ) {
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.source = source
            self.reference = reference
            self.reason = reason
        }
    }
}

/// What a refund did.
package struct RefundState: Codable, Sendable, Equatable {
    package var amountKopecks: Int64
    /// The part of `amount` that was granted money and is granted money again.
    package var bonusKopecks: Int64
    /// All refunds of the same charge or credit, this one included.
    package var refundedKopecks: Int64
    /// What may still be refunded of it.
    package var refundableKopecks: Int64
    package var balance: Balance

    package init(
        amountKopecks: Int64,
        bonusKopecks: Int64,
        refundedKopecks: Int64,
        refundableKopecks: Int64,
        balance: Balance
    ) {
        self.amountKopecks = amountKopecks
        self.bonusKopecks = bonusKopecks
        self.refundedKopecks = refundedKopecks
        self.refundableKopecks = refundableKopecks
        self.balance = balance
    }
}
