package import Time

/// What was credited from one source, in the order of time, for reconciling with that source.
package enum ListCredits: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/credits"
    package static let callers: Set<ServiceName> = [.payments, .operator]

    package struct Parameters: OperationParameters, Equatable {
        /// `yookassa` if absent.
        package var source: CreditSource?
        /// Only credits at this time or later.
        package var since: Timestamp?
        /// Only credits before this time.
        package var until: Timestamp?
        /// The previous page's `next_after`.
        package var after: String?
        /// 1...1000; 200 if absent.
        package var limit: Int?

        package init(
            source: CreditSource? = nil,
            since: Timestamp? = nil,
            until: Timestamp? = nil,
            after: String? = nil,
            limit: Int? = nil
        ) {
            self.source = source
            self.since = since
            self.until = until
            self.after = after
            self.limit = limit
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            if let text = values.text("source") {
                guard let source = CreditSource(rawValue: text) else {
                    throw ParameterError(name: "source", reason: "is not known")
                }
                self.source = source
            }
            self.since = try values.time("since")
            self.until = try values.time("until")
            self.after = values.text("after")
            self.limit = try values.optional("limit")
        }

        package var values: [(name: String, value: String)] {
            [
                ("source", source?.rawValue), ("since", since?.description), ("until", until?.description),
                ("after", after), ("limit", limit.map { String($0) }),
            ].compactMap { name, value in value.map { (name, $0) } }
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var credits: [CreditRecord]
        /// Absent on the last page.
        package var nextAfter: String?

        package init(credits: [CreditRecord], nextAfter: String? = nil) {
            self.credits = credits
            self.nextAfter = nextAfter
        }
    }
}

/// A credit as its source would know it.
package struct CreditRecord: Codable, Sendable, Equatable {
    package var reference: String
    package var userID: UserID
    package var amountKopecks: Int64
    /// What has gone back to the payer.
    package var refundedKopecks: Int64
    package var orderID: OrderID?
    package var at: Timestamp

    package init(
        reference: String,
        userID: UserID,
        amountKopecks: Int64,
        refundedKopecks: Int64,
        orderID: OrderID? = nil,
        at: Timestamp
    ) {
        self.reference = reference
        self.userID = userID
        self.amountKopecks = amountKopecks
        self.refundedKopecks = refundedKopecks
        self.orderID = orderID
        self.at = at
    }
}
