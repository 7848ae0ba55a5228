package import Time

/// What keeps models from being sold, and what differs at the provider from what a person has approved: as the running
/// service has found it by itself.
///
/// Models that are sold and do not differ are absent.
package enum ListDrift: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/drift"
    package static let callers: Set<ServiceName> = [.operator]

    package struct Output: Codable, Sendable, Equatable {
        /// In catalogue order.
        package var models: [ModelDrift]

        package init(models: [ModelDrift]) {
            self.models = models
        }
    }
}

/// What is the matter with one model.
package struct ModelDrift: Codable, Sendable, Equatable {
    package var modelNumber: Int
    package var modelSlug: String
    /// Why it is not sold, as a word: `withheld`, `no_price`, `not_smoked`, `spare`, `retired`, `switched_off`, `stopped`,
    /// `unwell`; absent for a model that is sold.
    package var obstacle: String?
    /// The same in words for the operator.
    package var reason: String?
    /// What differs, each as `kind: words`.
    package var findings: [String]
    /// Rows of the price table that are out of sale at the price that they have.
    package var stops: [StoppedRow]
    /// When the provider's catalogue was last read about the model; absent before the first time.
    package var readAt: Timestamp?

    package init(
        modelNumber: Int,
        modelSlug: String,
        obstacle: String? = nil,
        reason: String? = nil,
        findings: [String] = [],
        stops: [StoppedRow] = [],
        readAt: Timestamp? = nil
    ) {
        self.modelNumber = modelNumber
        self.modelSlug = modelSlug
        self.obstacle = obstacle
        self.reason = reason
        self.findings = findings
        self.stops = stops
        self.readAt = readAt
    }
}

/// A price row whose sales were stopped because it would have been sold at a loss.
package struct StoppedRow: Codable, Sendable, Equatable {
    package var row: String
    package var reason: String
    package var stoppedAt: Timestamp

    package init(row: String, reason: String, stoppedAt: Timestamp) {
        self.row = row
        self.reason = reason
        self.stoppedAt = stoppedAt
    }
}

/// A person has looked at what differs: findings about the models are forgotten and their stopped rows are sold again.
///
/// The provider is asked about them anew at once, against the approved file; what still differs is found again, and a loss
/// stops again. Asking again is the same.
package enum ApproveDrift: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/drift/approve"
    package static let callers: Set<ServiceName> = [.operator]

    package struct Input: Codable, Sendable, Equatable {
        /// At most 1,000; names that are not known have no effect.
        package var modelSlugs: [String]

        package init(modelSlugs: [String]) {
            self.modelSlugs = modelSlugs
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// Models that had findings.
        package var clearedModels: Int
        /// Stops that were lifted, also of prices that rows no longer have.
        package var liftedStops: Int

        package init(clearedModels: Int, liftedStops: Int) {
            self.clearedModels = clearedModels
            self.liftedStops = liftedStops
        }
    }
}
