package import Time

/// Tells conversation what has happened to a job or a payment. Conversation turns it into what the user sees.
///
/// Idempotent by `fact_id` (also the key). Reported from the reporter's outbox until answered; the facts of one job or
/// order arrive in order, but a late repeat may come after newer ones.
package enum ReportFact: Operation {
    package typealias Input = Fact
    package typealias Output = Empty
    package static let service = ServiceName.conversation
    package static let method = OperationMethod.post
    package static let path = "/v1/facts"
    package static let callers: Set<ServiceName> = [.generation, .payments]
}

/// Something that has happened and that a user should see.
package struct Fact: Codable, Sendable, Equatable {
    package var factID: FactID
    package var kind: FactKind
    package var at: Timestamp
    package var userID: UserID
    package var chatID: ChatID
    /// With job facts: the job after what happened.
    package var job: Job?
    /// With facts about a job of a group: the group after what happened.
    package var group: JobGroup?
    /// With payment facts: the order after what happened.
    package var order: Order?
    /// With payment facts that changed the account.
    package var balance: Balance?

    package init(
        factID: FactID,
        kind: FactKind,
        at: Timestamp,
        userID: UserID,
        chatID: ChatID,
        job: Job? = nil,
        group: JobGroup? = nil,
        order: Order? = nil,
        balance: Balance? = nil
    ) {
        self.factID = factID
        self.kind = kind
        self.at = at
        self.userID = userID
        self.chatID = chatID
        self.job = job
        self.group = group
        self.order = order
        self.balance = balance
    }
}

/// The kinds of facts; one that a newer reporter knows decodes as `unknown` and is acknowledged and counted.
package enum FactKind: String, Codable, Sendable, CaseIterable {
    case jobAccepted = "job_accepted"
    case jobRunning = "job_running"
    case jobRetrying = "job_retrying"
    case jobSucceeded = "job_succeeded"
    case jobFailed = "job_failed"
    case jobCancelled = "job_cancelled"
    /// The order can be paid now (only if it could not be answered at creation).
    case orderReady = "order_ready"
    case paymentSucceeded = "payment_succeeded"
    case paymentCanceled = "payment_canceled"
    case unknown

    package init(from decoder: any Decoder) throws {
        self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
}
