/// Makes an account ready for money. Not needed before other calls, which open it by themselves.
///
/// Idempotent by key and by nature.
package enum OpenAccount: Operation {
    package typealias Output = Balance
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/accounts"
    package static let callers: Set<ServiceName> = [.conversation, .payments, .operator]
    package static let successStatus = 201

    package struct Input: Codable, Sendable, Equatable {
        package var userID: UserID

        package init(userID: UserID) {
            self.userID = userID
        }
    }
}

/// Stops an account: it takes no hold, grant or gift and gives none. Holds that live may still be charged, since their
/// jobs run, and money that was paid or comes back still arrives.
///
/// Idempotent by key and by nature.
package enum FreezeAccount: Operation {
    package typealias Parameters = AccountParameters
    package typealias Input = FreezeInput
    package typealias Output = Balance
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/accounts/{user_id}/freeze"
    package static let callers: Set<ServiceName> = [.operator]
}

/// Lets a frozen account go on. Idempotent by key and by nature.
package enum UnfreezeAccount: Operation {
    package typealias Parameters = AccountParameters
    package typealias Input = FreezeInput
    package typealias Output = Balance
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/accounts/{user_id}/unfreeze"
    package static let callers: Set<ServiceName> = [.operator]
}

/// Who freezes or unfreezes an account, and why.
package struct FreezeInput: Codable, Sendable, Equatable {
    /// The operator's own name, 1...64 characters.
    package var operatorName: String
    package var reason: String

    package init(operatorName: String, reason: String) {
        self.operatorName = operatorName
        self.reason = reason
    }
}
