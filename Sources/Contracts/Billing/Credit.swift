/// Adds money to an account: a top-up that was paid, or a grant.
///
/// Idempotent by key and, beyond it, unique by `(source, reference)`: one provider payment is credited once whatever
/// keys are used.
package enum Credit: Operation {
    package typealias Output = CreditState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/credits"
    package static let callers: Set<ServiceName> = [.payments, .operator]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.accountFrozen, .limitExceeded]

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID
        /// 1...100_000_000.
        package var amountKopecks: Int64
        package var source: CreditSource
        /// The payment's id at its source, e.g. the YooKassa payment id.
        package var reference: String
        /// The order that it belongs to, if any.
        package var orderID: OrderID?
        /// Shown in the statement.
        package var memo: String

        package init(
            userID: UserID,
            amountKopecks: Int64,
            source: CreditSource,
            reference: String,
            orderID: OrderID? = nil,
            memo: String
        ) {
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.source = source
            self.reference = reference
            self.orderID = orderID
            self.memo = memo
        }
    }
}

/// Where credited money comes from; decides the system account on the other side and whether it is paid or bonus money.
package enum CreditSource: String, Codable, Sendable, CaseIterable {
    /// Paid money.
    case yookassa, stars
    /// Granted money.
    case bonus, promo, referral
    /// The operator's correction.
    case adjustment
}

/// An account after a credit.
package struct CreditState: Codable, Sendable, Equatable {
    package var amountKopecks: Int64
    package var balance: Balance

    package init(amountKopecks: Int64, balance: Balance) {
        self.amountKopecks = amountKopecks
        self.balance = balance
    }
}
