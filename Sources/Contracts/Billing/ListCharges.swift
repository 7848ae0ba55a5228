package import Time

/// What was charged, those of nothing included, in the order of booking: for reconciling with jobs and for reports.
package enum ListCharges: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/charges"
    package static let callers: Set<ServiceName> = [.generation, .operator]

    package struct Parameters: OperationParameters, Equatable {
        /// Only charges at this time or later.
        package var since: Timestamp?
        /// Only charges before this time.
        package var until: Timestamp?
        /// Only charges with a larger id; the previous page's `next_after`.
        package var after: Int64?
        /// 1...1000; 200 if absent.
        package var limit: Int?

        package init(since: Timestamp? = nil, until: Timestamp? = nil, after: Int64? = nil, limit: Int? = nil) {
            self.since = since
            self.until = until
            self.after = after
            self.limit = limit
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.since = try values.time("since")
            self.until = try values.time("until")
            self.after = try values.optional("after")
            self.limit = try values.optional("limit")
        }

        package var values: [(name: String, value: String)] {
            [
                ("since", since?.description), ("until", until?.description), ("after", after.map { String($0) }),
                ("limit", limit.map { String($0) }),
            ].compactMap { name, value in value.map { (name, $0) } }
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var charges: [ChargeRecord]
        /// Absent on the last page.
        package var nextAfter: Int64?

        package init(charges: [ChargeRecord], nextAfter: Int64? = nil) {
            self.charges = charges
            self.nextAfter = nextAfter
        }
    }
}

/// A charge, and what it was for.
package struct ChargeRecord: Codable, Sendable, Equatable {
    package var id: Int64
    package var userID: UserID
    package var amountKopecks: Int64
    /// The part that was granted money.
    package var bonusKopecks: Int64
    package var refundedKopecks: Int64
    package var holdID: HoldID
    package var partID: String?
    package var jobID: JobID
    package var model: String
    package var variant: String
    package var providerCostMicrodollars: Int64
    package var at: Timestamp

    package init(
        id: Int64,
        userID: UserID,
        amountKopecks: Int64,
        bonusKopecks: Int64,
        refundedKopecks: Int64,
        holdID: HoldID,
        partID: String? = nil,
        jobID: JobID,
        model: String,
        variant: String,
        providerCostMicrodollars: Int64,
        at: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.amountKopecks = amountKopecks
        self.bonusKopecks = bonusKopecks
        self.refundedKopecks = refundedKopecks
        self.holdID = holdID
        self.partID = partID
        self.jobID = jobID
        self.model = model
        self.variant = variant
        self.providerCostMicrodollars = providerCostMicrodollars
        self.at = at
    }
}
