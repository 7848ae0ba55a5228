/// One day of the operator's calendar: what came in, what was earned, what it cost, by model.
package enum GetDailyTotals: Operation {
    package static let service = ServiceName.billing
    package static let method = OperationMethod.get
    package static let path = "/v1/daily-totals"
    package static let callers: Set<ServiceName> = [.operator]
    /// A day of a busy ledger has millions of entries.
    package static let defaultTimeout: Duration = .seconds(30)

    package struct Parameters: OperationParameters, Equatable {
        /// As `2026-11-28`; today if absent.
        package var day: String?

        package init(day: String? = nil) {
            self.day = day
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.day = values.text("day")
        }

        package var values: [(name: String, value: String)] { day.map { [("day", $0)] } ?? [] }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var day: String
        /// Charges, …
        package var chargedKopecks: Int64
        /// … the part of them that was granted money, …
        package var chargedBonusKopecks: Int64
        /// … and what of charges was given back.
        package var refundedKopecks: Int64
        /// What the provider took for charged jobs, as far as callers said it in kopecks, …
        package var providerCostKopecks: Int64
        /// … and in millionths of a US dollar.
        package var providerCostMicrodollars: Int64
        /// Charged less refunded less the provider's cost.
        package var marginKopecks: Int64
        /// Paid in, by source.
        package var paidInKopecks: [String: Int64]
        /// Gone back to payers, by source.
        package var paidBackKopecks: [String: Int64]
        /// Granted, by source.
        package var grantedKopecks: [String: Int64]
        /// Corrections by operators, positive into accounts.
        package var adjustedKopecks: Int64
        /// By model, the one that earned most first.
        package var models: [ModelTotals]

        package init(
            day: String,
            chargedKopecks: Int64,
            chargedBonusKopecks: Int64,
            refundedKopecks: Int64,
            providerCostKopecks: Int64,
            providerCostMicrodollars: Int64,
            marginKopecks: Int64,
            paidInKopecks: [String: Int64],
            paidBackKopecks: [String: Int64],
            grantedKopecks: [String: Int64],
            adjustedKopecks: Int64,
            models: [ModelTotals]
        ) {
            self.day = day
            self.chargedKopecks = chargedKopecks
            self.chargedBonusKopecks = chargedBonusKopecks
            self.refundedKopecks = refundedKopecks
            self.providerCostKopecks = providerCostKopecks
            self.providerCostMicrodollars = providerCostMicrodollars
            self.marginKopecks = marginKopecks
            self.paidInKopecks = paidInKopecks
            self.paidBackKopecks = paidBackKopecks
            self.grantedKopecks = grantedKopecks
            self.adjustedKopecks = adjustedKopecks
            self.models = models
        }
    }
}

/// What one model earned and cost in a day.
package struct ModelTotals: Codable, Sendable, Equatable {
    package var model: String
    package var charges: Int64
    package var chargedKopecks: Int64
    package var refundedKopecks: Int64
    package var providerCostKopecks: Int64
    package var providerCostMicrodollars: Int64
    package var marginKopecks: Int64

    package init(
        model: String,
        charges: Int64,
        chargedKopecks: Int64,
        refundedKopecks: Int64,
        providerCostKopecks: Int64,
        providerCostMicrodollars: Int64,
        marginKopecks: Int64
    ) {
        self.model = model
        self.charges = charges
        self.chargedKopecks = chargedKopecks
        self.refundedKopecks = refundedKopecks
        self.providerCostKopecks = providerCostKopecks
        self.providerCostMicrodollars = providerCostMicrodollars
        self.marginKopecks = marginKopecks
    }
}
