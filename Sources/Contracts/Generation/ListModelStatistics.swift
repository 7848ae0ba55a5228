package import Time

/// How long runs took and how many went well, by model and settings, from our own jobs of the last seven days.
///
/// Computed every few minutes; a model or variant without a run in that time is absent.
package enum ListModelStatistics: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/model-statistics"
    package static let callers: Set<ServiceName> = [.conversation, .operator]

    package struct Output: Codable, Sendable, Equatable {
        /// Absent before the first computation.
        package var computedAt: Timestamp?
        /// Models in catalogue order, each with its sum first and then by variant.
        package var models: [ModelStatistic]

        package init(computedAt: Timestamp? = nil, models: [ModelStatistic]) {
            self.computedAt = computedAt
            self.models = models
        }
    }
}

/// What runs of a model, or of one variant of it, were like.
package struct ModelStatistic: Codable, Sendable, Equatable {
    package var modelNumber: Int
    package var modelSlug: String
    /// The row of the price table; absent for all runs together.
    package var variant: String?
    package var measure: ModelMeasure
    /// What the provider says of its own runs in the last day, in percent; absent where it says nothing.
    package var providerSuccessPercent: Int?

    package init(
        modelNumber: Int,
        modelSlug: String,
        variant: String? = nil,
        measure: ModelMeasure,
        providerSuccessPercent: Int? = nil
    ) {
        self.modelNumber = modelNumber
        self.modelSlug = modelSlug
        self.variant = variant
        self.measure = measure
        self.providerSuccessPercent = providerSuccessPercent
    }
}

/// Figures about runs that ended.
package struct ModelMeasure: Codable, Sendable, Equatable {
    /// Runs that ended, without those that failed because of what the user gave.
    package var runs: Int
    /// Of those, how many went well.
    package var successPercent: Int
    /// From the job's creation to its end, of those that went well; half of them took no longer.
    package var p50Seconds: Int
    /// Nine of ten took no longer.
    package var p90Seconds: Int

    package init(runs: Int, successPercent: Int, p50Seconds: Int, p90Seconds: Int) {
        self.runs = runs
        self.successPercent = successPercent
        self.p50Seconds = p50Seconds
        self.p90Seconds = p90Seconds
    }
}

/// A model that does the same as one that is in trouble, for the user to choose; never taken without asking.
package struct ModelAlternative: Codable, Sendable, Equatable {
    package var modelNumber: Int
    /// For the same words and files, with all copies and stages.
    package var priceKopecks: Int64

    package init(modelNumber: Int, priceKopecks: Int64) {
        self.modelNumber = modelNumber
        self.priceKopecks = priceKopecks
    }
}
