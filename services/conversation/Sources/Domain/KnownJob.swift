internal import Contracts
internal import Time

/// A job as conversation remembers it: what to repeat, where to answer, what the user has been told.
struct KnownJob: Codable, Sendable, Equatable {
    var jobID: JobID
    var userID: UserID
    var chatID: ChatID
    /// Of the user when the job was started, so that a result can be written without asking anybody.
    var language: Language
    /// What was sent off; the seed of "again" and "edit".
    var draft: Draft
    var modelTitle: String
    /// What the user agreed to.
    var priceKopecks: Int64
    /// What was taken in the end; absent until then, and in rows of an older build.
    var chargedKopecks: Int64?
    /// How far the user has been told; never moves back.
    var progress = Progress.requested
    /// Of the status card.
    var cardRevision: Int64 = 0
    var assets: [Asset] = []
    /// For a group: what was told last. Its id is this row's.
    var group: JobGroup?
    var createdAt: Timestamp

    /// Milestones in the order in which a user may see them.
    struct Progress: Codable, Sendable, Equatable, Comparable {
        var rank: Int

        static let requested = Progress(rank: 0)
        /// Refused before it began; a later fact about it would be news.
        static let refused = Progress(rank: 1)
        static let accepted = Progress(rank: 10)
        static let failed = Progress(rank: 1_000)
        static let cancelled = Progress(rank: 1_000)
        /// Above failure: a result that comes after the money went back is still handed over, free.
        static let succeeded = Progress(rank: 1_001)

        init(rank: Int) { self.rank = rank }

        /// Where a reported job stands.
        init(_ job: Job) {
            let attempt = min(max(job.attempt, 1), 100)
            switch job.state {
            case .accepted: self = .accepted
            case .running: rank = 20 + 2 * attempt
            case .retrying: rank = 21 + 2 * attempt
            case .failed: self = .failed
            case .cancelled: self = .cancelled
            case .succeeded: self = .succeeded
            }
        }

        var isFinal: Bool { rank >= Self.failed.rank }

        static func < (left: Progress, right: Progress) -> Bool { left.rank < right.rank }
    }

    /// Whether it stands for several jobs of one confirm.
    var isGroup: Bool { draft.isGroup || group != nil }

    /// The draft to open for another run: same inputs, the price asked anew.
    var repeatable: Draft {
        var copy = requoted
        copy.trial = nil
        return copy
    }

    /// The same run at a new price.
    var requoted: Draft {
        var copy = draft
        copy.price = nil
        copy.promptAt = nil
        return copy
    }
}

/// A top-up order as conversation remembers it.
struct KnownOrder: Codable, Sendable, Equatable {
    var orderID: OrderID
    var userID: UserID
    var chatID: ChatID
    var amountKopecks: Int64
    var rail: PaymentRail
    var state: Order.State
    var payURL: String?
    var expiresAt: Timestamp?
    /// Why the provider said no, if it did.
    var refusal: ProblemCode?

    /// Whether it can still be paid.
    func isOpen(at now: Timestamp) -> Bool {
        (state == .creating || state == .pending) && expiresAt.map { $0 > now } ?? true
    }

    /// Takes over what payments reports; a late repeat never moves the order back.
    mutating func update(from order: Order) {
        guard state != .credited, order.state.rank >= state.rank else { return }
        state = order.state
        payURL = order.payURL ?? payURL
        expiresAt = order.expiresAt
    }
}

extension ProblemCode: Codable {}

extension Order.State {
    /// How far an order has come. Money that arrives always wins: a canceled order may still be paid, never the reverse.
    fileprivate var rank: Int {
        switch self {
        case .creating: 0
        case .pending: 1
        case .canceled: 2
        case .paid: 3
        case .credited: 4
        }
    }
}
