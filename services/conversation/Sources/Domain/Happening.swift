internal import Contracts
internal import Time

/// What the machine decides on.
enum Happening: Sendable {
    case update(Update)
    /// Reported by generation or payments.
    case fact(Fact)
    /// The answer to a command of ours.
    case answer(CommandAnswer)
}

/// How a command that another service had to decide on has ended. Stored between the answer and the decision.
struct CommandAnswer: Codable, Sendable, Equatable {
    var purpose: CommandPurpose
    var outcome: Outcome

    enum Outcome: Codable, Sendable, Equatable {
        case job(Job)
        case group(JobGroup)
        case order(Order)
        case refused(Problem)
    }
}

/// What a command was for and whose it was, as its idempotency key says it: `job:<id>:create:<chat>:<user>`,
/// `group:<id>:cancel:<chat>:<user>:<event>`,
/// `order:<id>:check:<chat>:<user>:<event>`.
enum CommandPurpose: Codable, Sendable, Equatable {
    case createJob(JobID)
    case cancelJob(JobID)
    case createGroup(GroupID)
    case cancelGroup(GroupID)
    case createOrder(OrderID)
    case checkOrder(OrderID)

    /// Reads a key; nil for commands whose answer decides nothing (cards, messages).
    static func read(key: String) -> (purpose: CommandPurpose, scene: Scene)? {
        let parts = key.split(separator: ":", maxSplits: 5).map(String.init)
        guard parts.count >= 5, let chat = ChatID(parts[3]), let user = UserID(parts[4]) else { return nil }
        let purpose: CommandPurpose? =
            switch (parts[0], parts[2]) {
            case ("job", "create"): JobID(parts[1]).map(createJob)
            case ("job", "cancel"): JobID(parts[1]).map(cancelJob)
            case ("group", "create"): GroupID(parts[1]).map(createGroup)
            case ("group", "cancel"): GroupID(parts[1]).map(cancelGroup)
            case ("order", "create"): OrderID(parts[1]).map(createOrder)
            case ("order", "check"): OrderID(parts[1]).map(checkOrder)
            default: nil
            }
        return purpose.map { ($0, Scene(userID: user, chatID: chat)) }
    }
}

/// Where a turn takes place.
struct Scene: Sendable, Hashable {
    var userID: UserID
    var chatID: ChatID

    var isGroup: Bool { chatID != userID }
    /// The panel is one a chat in private and one a member in groups.
    var panelKey: String { isGroup ? "panel-\(ShortCode.text(UInt64(clamping: userID)))" : "panel" }
    /// Whose buttons they are; needless in private.
    var owner: UserID? { isGroup ? userID : nil }
}

/// What storage knows about the scene before the turn.
struct Standing: Sendable, Equatable {
    var session: Session?
    /// Grows with every commit; 0 while there is no session.
    var sessionRevision: Int64 = 0
    var settings: UserSettings?
    /// The job and the order that the happening or the panel is about.
    var job: KnownJob?
    var order: KnownOrder?
    /// The group that the job of the happening belongs to, as a row of the user's jobs.
    var group: KnownJob?
}

/// What the operator has told us about the bot.
struct House: Sendable, Equatable {
    /// Without `@`; empty if unknown.
    var botUsername = ""
    /// Where people write for help, e.g. `@atelier_help`; empty if nowhere.
    var supportContact = ""
}

/// Ids that a decision may use, made outside because a decision knows no randomness.
struct FreshIDs: Sendable, Equatable {
    var job: JobID
    var order: OrderID

    init(now: Timestamp) {
        job = JobID(now: now)
        order = OrderID(now: now)
    }
}

/// Reads that a decision asks for. All of them run at the same time and any may fail: a screen then says less.
struct Wants: Sendable, Equatable {
    var balance = false
    /// Price this draft.
    var quote: Draft?
    /// Better words for a prompt.
    var help: HelpWish?
    var jobs = false
    /// How many of the newest movements.
    var entries = 0
    var paymentOptions = false
}

/// What the reads brought.
struct Knowledge: Sendable {
    var balance: Balance?
    var quote: QuoteOutcome?
    var help: HelpOutcome?
    var jobs: [Job]?
    var entries: [StatementEntry]?
    var paymentOptions: GetPaymentOptions.Output?
}

/// What became of the wish for a price.
enum QuoteOutcome: Sendable, Equatable {
    case quoted(Quote)
    case refused(Problem)
    /// Generation did not answer in time.
    case unavailable
}
