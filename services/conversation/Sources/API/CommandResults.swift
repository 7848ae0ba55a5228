internal import Concurrency
internal import Contracts
internal import Jobs
internal import Postgres
internal import Telemetry

/// What becomes of the answers to our commands, in the transaction that marks them answered.
struct CommandResults: Sendable {
    let metrics: ConversationMetrics
    let log: Log
    /// Rung when an answer waits to be decided on.
    let wakeup: Wakeup

    func take(_ answer: OutboxAnswer, in transaction: Transaction) async throws {
        if let problem = answer.problem { note(problem, of: answer) }
        if let (purpose, scene) = CommandPurpose.read(key: answer.key) {
            let outcome = try outcome(of: answer, purpose)
            try await AnswerStore.put(
                CommandAnswer(purpose: purpose, outcome: outcome),
                key: answer.key,
                scene: scene,
                in: transaction
            )
            // A moment early, before the commit; the taker polls too.
            wakeup.ring()
            return
        }
        try await sendPlainly(answer, in: transaction)
    }

    private func outcome(of answer: OutboxAnswer, _ purpose: CommandPurpose) throws -> CommandAnswer.Outcome {
        if let problem = answer.problem { return .refused(problem) }
        return switch purpose {
        case .createJob: .job(try answer.output(of: CreateJob.self))
        case .cancelJob: .job(try answer.output(of: CancelJob.self))
        case .createGroup: .group(try answer.output(of: CreateGroup.self))
        case .cancelGroup: .group(try answer.output(of: CancelGroup.self))
        case .createOrder: .order(try answer.output(of: CreateOrder.self))
        case .checkOrder: .order(try answer.output(of: CheckOrder.self))
        }
    }

    private func note(_ problem: Problem, of answer: OutboxAnswer) {
        metrics.refusedCommands.increment(answer.target.rawValue, problem.code.rawValue)
        guard answer.target == .delivery else { return }
        log.error(
            "delivery refused a command",
            [.operation: .string(answer.path), .reason: .string(problem.code.rawValue)]
        )
    }

    /// A message that delivery finds invalid is sent once more without anything that could be: a user who paid gets the
    /// files even if our markup is wrong.
    private func sendPlainly(_ answer: OutboxAnswer, in transaction: Transaction) async throws {
        guard answer.problem?.code == .messageInvalid, answer.path == SendMessage.path,
            !answer.key.hasSuffix(Self.plainSuffix)
        else { return }
        var input = try answer.input(of: SendMessage.self)
        input.content.text = Texts.withoutMarkup(input.content.text)
        input.content.keyboard = []
        input.content.media = input.content.media.map { MediaItem(form: .document, asset: $0.asset) }
        let command = try OutboxCommand(
            SendMessage.self,
            input: input,
            lane: answer.lane,
            key: answer.key + Self.plainSuffix
        )
        try await Outbox.enqueue([command], in: transaction)
    }

    private static let plainSuffix = ":plain"
}
