package import Time

/// Starts a run for a quote: reserves the price and queues the job.
///
/// Idempotent by key. A quote for copies or stages is for `CreateGroup` alone. Problems: `quote_not_found`, `quote_expired`, `insufficient_funds` (with `shortage_kopecks`,
/// `available_kopecks`), `model_unavailable`, `limit_exceeded`.
package enum CreateJob: Operation {
    package typealias Output = Job
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/jobs"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [
        .quoteNotFound, .quoteExpired, .insufficientFunds, .modelUnavailable, .limitExceeded, .accountFrozen,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var jobID: JobID
        package var quoteID: QuoteID
        package var userID: UserID
        /// Where facts about the job belong; comes back in every fact.
        package var chatID: ChatID
        /// The user's tier: 0 (usual) to 9. Where users have the same turn, higher ones go first.
        package var priority: Int?

        package init(jobID: JobID, quoteID: QuoteID, userID: UserID, chatID: ChatID, priority: Int? = nil) {
            self.jobID = jobID
            self.quoteID = quoteID
            self.userID = userID
            self.chatID = chatID
            self.priority = priority
        }
    }
}

/// A job as conversation and the operator see it.
package struct Job: Codable, Sendable, Equatable {
    package var jobID: JobID
    package var userID: UserID
    package var chatID: ChatID
    package var modelNumber: Int
    package var modelSlug: String
    package var modelTitle: String
    package var state: JobState
    package var prompt: String?
    /// What is reserved, in kopecks; the most that the job can cost.
    package var priceKopecks: Int64
    /// What was taken in the end; nil while the job runs.
    package var chargedKopecks: Int64?
    /// From 1, of at most `attempts_maximum`.
    package var attempt: Int
    package var attemptsMaximum: Int
    package var failure: JobFailure?
    package var assets: [Asset]
    package var typicalSeconds: Int
    package var createdAt: Timestamp
    package var endedAt: Timestamp?
    /// Where it stands among the jobs of its confirm; absent for a job by itself.
    package var group: GroupPlace?
    /// Models that do the same, where a run by itself failed and not because of what the user gave; the best first. Only
    /// with the fact about the failure.
    package var alternatives: [ModelAlternative]?

    package init(
        jobID: JobID,
        userID: UserID,
        chatID: ChatID,
        modelNumber: Int,
        modelSlug: String,
        modelTitle: String,
        state: JobState,
        prompt: String?,
        priceKopecks: Int64,
        chargedKopecks: Int64? = nil,
        attempt: Int = 1,
        attemptsMaximum: Int = 3,
        failure: JobFailure? = nil,
        assets: [Asset] = [],
        typicalSeconds: Int,
        createdAt: Timestamp,
        endedAt: Timestamp? = nil,
        group: GroupPlace? = nil,
        alternatives: [ModelAlternative]? = nil
    ) {
        self.jobID = jobID
        self.userID = userID
        self.chatID = chatID
        self.modelNumber = modelNumber
        self.modelSlug = modelSlug
        self.modelTitle = modelTitle
        self.state = state
        self.prompt = prompt
        self.priceKopecks = priceKopecks
        self.chargedKopecks = chargedKopecks
        self.attempt = attempt
        self.attemptsMaximum = attemptsMaximum
        self.failure = failure
        self.assets = assets
        self.typicalSeconds = typicalSeconds
        self.createdAt = createdAt
        self.endedAt = endedAt
        self.group = group
        self.alternatives = alternatives
    }
}

/// Where a job stands, as outsiders need to know it.
package enum JobState: String, Codable, Sendable, CaseIterable {
    /// Money reserved, waiting for a slot at the provider.
    case accepted
    /// The provider works on it.
    case running
    /// A try failed; the next one waits.
    case retrying
    case succeeded
    case failed
    case cancelled
}

/// Why a job failed, in classes that a user can be told.
package enum JobFailure: String, Codable, Sendable, CaseIterable {
    /// The provider refused the content.
    case refused
    /// The provider did not accept a value.
    case invalidInput = "invalid_input"
    /// The provider failed several times.
    case provider
    /// The hard limit passed without a result.
    case timeout
    /// An input file could not be read.
    case inputUnavailable = "input_unavailable"
    /// An earlier stage of the chain gave no result; this one was never started.
    case previousStage = "previous_stage"
    /// Also a class that a newer generation knows.
    case unknown

    package init(from decoder: any Decoder) throws {
        self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
}

/// A stored result file of a job.
package struct Asset: Codable, Sendable, Equatable {
    package var assetID: AssetID
    package var kind: MediaKind
    package var mimeType: String
    package var sizeBytes: Int64
    /// Lower-case hex.
    package var sha256: String
    package var width: Int?
    package var height: Int?
    package var durationSeconds: Double?
    /// For people who save the file, e.g. `z-image-1.png`.
    package var fileName: String

    package init(
        assetID: AssetID,
        kind: MediaKind,
        mimeType: String,
        sizeBytes: Int64,
        sha256: String,
        width: Int? = nil,
        height: Int? = nil,
        durationSeconds: Double? = nil,
        fileName: String
    ) {
        self.assetID = assetID
        self.kind = kind
        self.mimeType = mimeType
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.width = width
        self.height = height
        self.durationSeconds = durationSeconds
        self.fileName = fileName
    }
}
