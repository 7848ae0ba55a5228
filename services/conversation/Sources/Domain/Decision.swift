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
    case createGroup(CreateGroup.Input)
    case cancelGroup(GroupID)
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
    /// - Parameter event: The key of what happened, e.g. `update-4711`.
    func key(event: String, scene: Scene) -> String {
        let whose = "\(scene.chatID):\(scene.userID)"
        return switch self {
        case .putCard(let card, let input): "\(event):card:\(card):\(input.revision)"
        case .send(let key, _): key
        case .createJob(let input): "job:\(input.jobID):create:\(whose)"
        case .cancelJob(let job): "job:\(job):cancel:\(whose):\(event)"
        case .createGroup(let input): "group:\(input.groupID):create:\(whose)"
        case .cancelGroup(let group): "group:\(group):cancel:\(whose):\(event)"
        case .createOrder(let input): "order:\(input.orderID):create:\(whose)"
        case .checkOrder(let order): "order:\(order):check:\(whose):\(event)"
        case .setReachability(let chat, _): "\(event):reachability:\(chat)"
        }
    }

    /// Commands of one lane are delivered in order: what a chat sees in one, what other services decide for a user in
    /// the other, so that a slow Telegram does not hold up a run.
    func lane(scene: Scene) -> String {
        switch self {
        case .putCard, .send, .setReachability: "show:\(scene.chatID)"
        case .createJob, .cancelJob, .createGroup, .cancelGroup, .createOrder, .checkOrder: "work:\(scene.userID)"
        }
    }
}

/// The short text that stops a button's spinner.
struct Toast: Sendable, Equatable {
    /// At most 200 characters; empty only stops the spinner.
    var text: String
    var isAlert = false
}

extension Decision {
    /// Whether there is anything to store; a quiet turn that changes nothing costs no write.
    func changes(_ standing: Standing) -> Bool {
        !commands.isEmpty || !jobs.isEmpty || !orders.isEmpty || session != standing.session ?? Session()
            || standing.settings.map { $0 != settings } ?? false
    }
}
