package import Time

/// The statement of an account, newest first.
package enum ListEntries: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/accounts/{user_id}/entries"
    package static let callers: Set<ServiceName> = [.conversation, .payments, .operator]

    package struct Parameters: OperationParameters, Equatable {
        package var userID: UserID
        /// Only entries with a smaller id; from the previous page's `next_before`.
        package var before: Int64?
        /// 1...200; 50 if absent.
        package var limit: Int?

        package init(userID: UserID, before: Int64? = nil, limit: Int? = nil) {
            self.userID = userID
            self.before = before
            self.limit = limit
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.userID = try values.required("user_id")
            self.before = try values.optional("before")
            self.limit = try values.optional("limit")
        }

        package var values: [(name: String, value: String)] {
            [("user_id", String(userID))] + (before.map { [("before", String($0))] } ?? [])
                + (limit.map { [("limit", String($0))] } ?? [])
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var entries: [StatementEntry]
        /// Absent on the last page.
        package var nextBefore: Int64?

        package init(entries: [StatementEntry], nextBefore: Int64? = nil) {
            self.entries = entries
            self.nextBefore = nextBefore
        }
    }
}

/// One movement on a user's account.
package struct StatementEntry: Codable, Sendable, Equatable {
    package var id: Int64
    package var at: Timestamp
    package var kind: EntryKind
    /// Positive into the account, negative out of it.
    package var amountKopecks: Int64
    package var balanceAfterKopecks: Int64
    package var memo: String
    package var jobID: JobID?
    package var orderID: OrderID?
    package var balanceBeforeKopecks: Int64?
    /// The part of `amount` that is granted money.
    package var bonusKopecks: Int64?
    /// Entries of one transfer sum to zero; this names it.
    package var transfer: Int64?
    package var holdID: HoldID?
    package var partID: String?
    package var model: String?
    package var variant: String?

    package init(
        id: Int64,
        at: Timestamp,
        kind: EntryKind,
        amountKopecks: Int64,
        balanceAfterKopecks: Int64,
        memo: String,
        jobID: JobID? = nil,
        orderID: OrderID? = nil,
        balanceBeforeKopecks: Int64? = nil,
        bonusKopecks: Int64? = nil,
        transfer: Int64? = nil,
        holdID: HoldID? = nil,
        partID: String? = nil,
        model: String? = nil,
        variant: String? = nil
    ) {
        self.id = id
        self.at = at
        self.kind = kind
        self.amountKopecks = amountKopecks
        self.balanceAfterKopecks = balanceAfterKopecks
        self.memo = memo
        self.jobID = jobID
        self.orderID = orderID
        self.balanceBeforeKopecks = balanceBeforeKopecks
        self.bonusKopecks = bonusKopecks
        self.transfer = transfer
        self.holdID = holdID
        self.partID = partID
        self.model = model
        self.variant = variant
    }
}

/// Why money moved.
package enum EntryKind: String, Codable, Sendable, CaseIterable {
    case topUp = "top_up"
    case grant, charge, refund, adjust
    /// From one user to another.
    case gift
}

/// Sums over the whole ledger; `sum_kopecks` must be zero.
package enum GetTrialBalance: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/trial-balance"
    package static let callers: Set<ServiceName> = [.operator, .payments, .generation]

    package struct Output: Codable, Sendable, Equatable {
        /// Sum of all entries of all accounts.
        package var sumKopecks: Int64
        /// Sum by kind of account: `user`, `yookassa`, `stars`, `bonus`, `revenue`, …
        package var accounts: [String: Int64]
        package var heldKopecks: Int64
        package var liveHolds: Int64

        package init(sumKopecks: Int64, accounts: [String: Int64], heldKopecks: Int64, liveHolds: Int64) {
            self.sumKopecks = sumKopecks
            self.accounts = accounts
            self.heldKopecks = heldKopecks
            self.liveHolds = liveHolds
        }
    }
}
