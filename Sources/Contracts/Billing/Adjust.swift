/// Corrects an account by the operator's hand. Above a sum that is configured it is only proposed, and another operator
/// has to approve it.
///
/// Idempotent by key and by `adjustment_id`. Problem: `insufficient_funds` if more is taken than the wallet has.
package enum Adjust: Operation {
    package typealias Output = AdjustmentState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/adjustments"
    package static let callers: Set<ServiceName> = [.operator]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.insufficientFunds, .limitExceeded]

    package struct Input: Codable, Sendable, Equatable {
        package var adjustmentID: AdjustmentID
        package var userID: UserID
        /// −100_000_000...100_000_000 and not 0; positive into the account.
        package var amountKopecks: Int64
        package var wallet: Wallet
        /// Why; shown in the statement.
        package var reason: String
        /// The operator's own name, 1...64 characters.
        package var operatorName: String

        package init(
            adjustmentID: AdjustmentID,
            userID: UserID,
            amountKopecks: Int64,
            wallet: Wallet,
            reason: String,
            operatorName: String
        ) {
            self.adjustmentID = adjustmentID
            self.userID = userID
            self.amountKopecks = amountKopecks
            self.wallet = wallet
            self.reason = reason
            self.operatorName = operatorName
        }
    }
}

/// Approves or rejects an adjustment that was proposed by another operator.
///
/// Idempotent by key; decided once whatever keys are used. Problems: `limit_exceeded` if it is the proposer,
/// `insufficient_funds` if more is taken than the wallet has; `not_found`.
package enum DecideAdjustment: Operation {
    package typealias Parameters = AdjustmentParameters
    package typealias Output = AdjustmentState
    package static let service = ServiceName.billing
    package static let method = OperationMethod.post
    package static let path = "/v1/adjustments/{adjustment_id}/decision"
    package static let callers: Set<ServiceName> = [.operator]
    package static let problems: Set<ProblemCode> = [.insufficientFunds, .limitExceeded]

    package struct Input: Codable, Sendable, Equatable {
        package var decision: AdjustmentDecision
        /// The operator's own name, 1...64 characters.
        package var operatorName: String

        package init(decision: AdjustmentDecision, operatorName: String) {
            self.decision = decision
            self.operatorName = operatorName
        }
    }
}

/// The adjustment in the path.
package struct AdjustmentParameters: OperationParameters, Equatable {
    package var adjustmentID: AdjustmentID

    package init(adjustmentID: AdjustmentID) {
        self.adjustmentID = adjustmentID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.adjustmentID = try values.required("adjustment_id")
    }

    package var values: [(name: String, value: String)] { [("adjustment_id", adjustmentID.description)] }
}

/// Which money of an account is meant.
package enum Wallet: String, Codable, Sendable, CaseIterable {
    /// Money that was paid in.
    case paid
    /// Money that was granted.
    case bonus
}

/// What an operator says to a proposed adjustment.
package enum AdjustmentDecision: String, Codable, Sendable, CaseIterable {
    case approve, reject
}

/// An adjustment after an operation on it.
package struct AdjustmentState: Codable, Sendable, Equatable {
    package var adjustmentID: AdjustmentID
    package var amountKopecks: Int64
    package var state: AdjustmentProgress
    package var balance: Balance

    package init(adjustmentID: AdjustmentID, amountKopecks: Int64, state: AdjustmentProgress, balance: Balance) {
        self.adjustmentID = adjustmentID
        self.amountKopecks = amountKopecks
        self.state = state
        self.balance = balance
    }
}

/// Whether an adjustment has moved money.
package enum AdjustmentProgress: String, Codable, Sendable, CaseIterable {
    /// Waits for another operator.
    case proposed
    case applied, rejected
}
