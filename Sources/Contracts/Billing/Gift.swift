/// Gives paid money to another user. It arrives as bonus money: it can be spent, never refunded to anybody.
///
/// Idempotent by key. Problems: `insufficient_funds` if the giver has less paid money that is not held;
/// `account_frozen` if either account is; `limit_exceeded` if the receiver would hold too much.
package enum Gift: Operation {
    package typealias Output = GiftState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/gifts"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.insufficientFunds, .accountFrozen, .limitExceeded]

    package struct Input: Codable, Sendable, Equatable {
        /// Who gives.
        package var userID: UserID
        /// Who gets it; another user.
        package var receiverID: UserID
        /// 1...100_000_000.
        package var amountKopecks: Int64
        /// Shown in both statements.
        package var memo: String

        package init(userID: UserID, receiverID: UserID, amountKopecks: Int64, memo: String) {
            self.userID = userID
            self.receiverID = receiverID
            self.amountKopecks = amountKopecks
            self.memo = memo
        }
    }
}

/// The giver's account after a gift.
package struct GiftState: Codable, Sendable, Equatable {
    package var amountKopecks: Int64
    package var receiverID: UserID
    package var balance: Balance

    package init(amountKopecks: Int64, receiverID: UserID, balance: Balance) {
        self.amountKopecks = amountKopecks
        self.receiverID = receiverID
        self.balance = balance
    }
}
