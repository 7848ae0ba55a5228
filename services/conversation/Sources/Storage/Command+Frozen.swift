internal import Contracts
internal import Jobs

extension Command {
    /// The command with its final bytes and key, for the outbox.
    func frozen(event: String, scene: Scene) throws -> OutboxCommand {
        let key = key(event: event, scene: scene)
        let lane = lane(scene: scene)
        return switch self {
        case .putCard(let card, let input):
            try OutboxCommand(
                PutCard.self,
                input: input,
                parameters: PutCard.Parameters(chatID: scene.chatID, cardKey: card),
                lane: lane,
                key: key
            )
        case .send(_, let input):
            try OutboxCommand(SendMessage.self, input: input, parameters: NoParameters(), lane: lane, key: key)
        case .createJob(let input):
            try OutboxCommand(CreateJob.self, input: input, parameters: NoParameters(), lane: lane, key: key)
        case .cancelJob(let job):
            try OutboxCommand(
                CancelJob.self,
                input: Empty(),
                parameters: JobParameters(jobID: job),
                lane: lane,
                key: key
            )
        case .createGroup(let input):
            try OutboxCommand(CreateGroup.self, input: input, parameters: NoParameters(), lane: lane, key: key)
        case .cancelGroup(let group):
            try OutboxCommand(
                CancelGroup.self,
                input: Empty(),
                parameters: GroupParameters(groupID: group),
                lane: lane,
                key: key
            )
        case .createOrder(let input):
            try OutboxCommand(CreateOrder.self, input: input, parameters: NoParameters(), lane: lane, key: key)
        case .checkOrder(let order):
            try OutboxCommand(
                CheckOrder.self,
                input: Empty(),
                parameters: OrderParameters(orderID: order),
                lane: lane,
                key: key
            )
        case .setReachability(let chat, let isReachable):
            try OutboxCommand(
                SetChatReachability.self,
                input: SetChatReachability.Input(isReachable: isReachable),
                parameters: SetChatReachability.Parameters(chatID: chat),
                lane: lane,
                key: key
            )
        }
    }
}
