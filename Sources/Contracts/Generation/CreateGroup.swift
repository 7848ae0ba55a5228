package import Time

/// Starts all jobs of one confirm for a quote: copies of a run, a chain of stages, or both. Reserves their whole price in
/// one hold, of which each job settles its own part.
///
/// Idempotent by key. All of it is taken or nothing. Problems: as with `CreateJob`.
package enum CreateGroup: Operation {
    package typealias Output = JobGroup
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/groups"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [
        .quoteNotFound, .quoteExpired, .insufficientFunds, .modelUnavailable, .limitExceeded, .accountFrozen,
    ]

    package struct Input: Codable, Sendable, Equatable {
        package var groupID: GroupID
        package var quoteID: QuoteID
        package var userID: UserID
        /// Where facts about the jobs belong; comes back in every fact.
        package var chatID: ChatID
        /// The user's tier, as with `CreateJob`.
        package var priority: Int?

        package init(groupID: GroupID, quoteID: QuoteID, userID: UserID, chatID: ChatID, priority: Int? = nil) {
            self.groupID = groupID
            self.quoteID = quoteID
            self.userID = userID
            self.chatID = chatID
            self.priority = priority
        }
    }
}

/// Reads one group.
package enum GetGroup: Operation {
    package typealias Parameters = GroupParameters
    package typealias Output = JobGroup
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/groups/{group_id}"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.jobNotFound]
}

/// Cancels every job of a group that the provider does not have, and gives its money back; the others go on.
///
/// Problems: `not_cancellable` if there is none that could be cancelled.
package enum CancelGroup: Operation {
    package typealias Parameters = GroupParameters
    package typealias Output = JobGroup
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/groups/{group_id}/cancel"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.jobNotFound, .notCancellable]
}

/// The jobs of one confirm: `copies` of a chain of `stages`.
package struct JobGroup: Codable, Sendable, Equatable {
    package var groupID: GroupID
    package var userID: UserID
    package var chatID: ChatID
    /// The user's words for the first stage.
    package var prompt: String?
    package var copies: Int
    package var stages: Int
    /// What is reserved for all jobs, in kopecks.
    package var priceKopecks: Int64
    /// What has been taken so far; the final sum once every part has ended.
    package var chargedKopecks: Int64
    /// Grows with every change; of two reports the one with the higher number is the newer.
    package var revision: Int64
    /// Copy by copy, the stages of each in order.
    package var parts: [GroupPart]
    package var createdAt: Timestamp

    package init(
        groupID: GroupID,
        userID: UserID,
        chatID: ChatID,
        prompt: String?,
        copies: Int,
        stages: Int,
        priceKopecks: Int64,
        chargedKopecks: Int64 = 0,
        revision: Int64 = 1,
        parts: [GroupPart],
        createdAt: Timestamp
    ) {
        self.groupID = groupID
        self.userID = userID
        self.chatID = chatID
        self.prompt = prompt
        self.copies = copies
        self.stages = stages
        self.priceKopecks = priceKopecks
        self.chargedKopecks = chargedKopecks
        self.revision = revision
        self.parts = parts
        self.createdAt = createdAt
    }
}

/// One job of a group.
package struct GroupPart: Codable, Sendable, Equatable {
    package var jobID: JobID
    /// From 1, of the group's `copies`.
    package var copy: Int
    /// From 1, of the group's `stages`.
    package var stage: Int
    package var modelTitle: String
    package var output: MediaKind
    package var state: JobState
    package var priceKopecks: Int64
    /// What was taken in the end; nil while the job runs.
    package var chargedKopecks: Int64?
    package var failure: JobFailure?
    package var typicalSeconds: Int

    package init(
        jobID: JobID,
        copy: Int,
        stage: Int,
        modelTitle: String,
        output: MediaKind,
        state: JobState,
        priceKopecks: Int64,
        chargedKopecks: Int64? = nil,
        failure: JobFailure? = nil,
        typicalSeconds: Int
    ) {
        self.jobID = jobID
        self.copy = copy
        self.stage = stage
        self.modelTitle = modelTitle
        self.output = output
        self.state = state
        self.priceKopecks = priceKopecks
        self.chargedKopecks = chargedKopecks
        self.failure = failure
        self.typicalSeconds = typicalSeconds
    }
}

/// Where a job stands in its group.
package struct GroupPlace: Codable, Sendable, Equatable {
    package var groupID: GroupID
    /// From 1.
    package var copy: Int
    package var copies: Int
    /// From 1.
    package var stage: Int
    package var stages: Int

    package init(groupID: GroupID, copy: Int, copies: Int, stage: Int, stages: Int) {
        self.groupID = groupID
        self.copy = copy
        self.copies = copies
        self.stage = stage
        self.stages = stages
    }
}

/// The group in the path.
package struct GroupParameters: OperationParameters, Equatable {
    package var groupID: GroupID

    package init(groupID: GroupID) {
        self.groupID = groupID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.groupID = try values.required("group_id")
    }

    package var values: [(name: String, value: String)] { [("group_id", groupID.description)] }
}
