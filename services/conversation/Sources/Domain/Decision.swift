internal import Contracts

/// What a turn changes and sends; stored in one transaction.
struct Decision: Sendable {
    var session: Session
    var settings: UserSettings
    /// New and changed ones.
    var jobs: [KnownJob]
    var orders: [KnownOrder]
    var commands: [Command]
    /// Screen that the panel shows now, if it was drawn; a metric label.
    var shown: String?
    var outcome: Outcome

    /// Whether the user sees that something has happened.
    enum Outcome: String, Sendable {
        case answered
        /// Nothing to answer, by rule.
        case quiet
        /// Known already; nothing changes.
        case repeated
    }
}

/// A call that a decision makes, before it has a key.
enum Command: Sendable, Equatable {
    case putCard(key: String, PutCard.Input)
    /// `key` is complete: one key is one message in the chat, whatever event asks for it.
    case send(key: String, SendMessage.Input)
    case createJob(CreateJob.Input)
    case cancelJob(JobID)
    case createOrder(CreateOrder.Input)
    case checkOrder(OrderID)
    case setReachability(ChatID, isReachable: Bool)

    /// Whether a user sees it happen.
    var isVisible: Bool {
        switch self {
        case .putCard, .send: true
        default: false
        }
    }

    /// The idempotency key, the same whenever the same event is decided the same way.
    ///
    /// - Parameter event: The key of what happened, e.g. `update:4711`.
    func key(event: String) -> String {
        switch self {
        case .putCard(let card, let input): "\(event):card:\(card):\(input.revision)"
        case .send(let key, _): key
        case .createJob(let input): "job:\(input.jobID):create"
        case .cancelJob(let job): "job:\(job):cancel:\(event)"
        case .createOrder(let input): "order:\(input.orderID):create"
        case .checkOrder(let order): "order:\(order):check:\(event)"
        case .setReachability(let chat, _): "\(event):reachability:\(chat)"
        }
    }

    /// Commands of one lane are delivered in order: what a chat sees in one, what other services decide in the other, so
    /// that a slow Telegram does not hold up a run.
    func lane(chat: ChatID) -> String {
        switch self {
        case .putCard, .send, .setReachability: "show:\(chat)"
        case .createJob, .cancelJob, .createOrder, .checkOrder: "work:\(chat)"
        }
    }
}

/// The short text that stops a button's spinner.
struct Toast: Sendable, Equatable {
    /// At most 200 characters; empty only stops the spinner.
    var text: String
    var isAlert = false
}
