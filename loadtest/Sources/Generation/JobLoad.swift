internal import Concurrency
internal import Contracts
internal import EventLoop
internal import LoadtestKit
internal import LocalSystem
internal import ServiceKit
internal import Time

/// People who make pictures: signs them up, gives them money and creates jobs until each call is answered.
struct JobLoad: Sendable {
    let system: WholeSystem
    /// Telegram user ids, which are their chats' ids too.
    let users: [UserID]
    private let model: Int
    /// Makes another picture of a picture, for money.
    private let reworker: Int

    /// Every call is repeated under its key until it is answered; after this long the run has failed.
    private static let patience = Duration.seconds(60)

    /// Signs everybody up and credits them.
    static func prepare(_ system: WholeSystem, users count: Int) async throws -> JobLoad {
        let users = (0..<count).map { UserID(810_000_000 + Int64($0)) }
        let billing = system.client(.payments, to: .billing)
        for user in users {
            try await system.sandbox.post("/sandbox/updates", ["user": .integer(user), "text": "/start"])
            let credit = Credit.Input(
                userID: user,
                amountKopecks: 10_000_000,
                source: .yookassa,
                reference: "load-\(user)",
                memo: "load"
            )
            _ = try await billing.call(Credit.self, credit, key: "load:\(user)")
        }
        let models = try await system.client(.conversation, to: .generation).call(ListModels.self).models
        // A picture for money that needs nothing but words.
        let model = models.first { model in
            model.output == .image && !model.isFree && model.fromKopecks > 0
                && model.inputs.allSatisfy { !$0.isRequired || $0.name == "prompt" }
        }
        guard let model else { throw OperatorError("No model makes a picture of words for money.", "") }
        let reworker = models.first { model in
            model.tasks.contains(.imageToImage) && !model.isFree && model.fromKopecks > 0
                && model.inputs.contains { $0.isRequired && $0.media == .image }
                && model.inputs.allSatisfy { !$0.isRequired || $0.name == "prompt" || $0.media == .image }
        }
        guard let reworker else { throw OperatorError("No model makes a picture of a picture for money.", "") }
        return JobLoad(system: system, users: users, model: model.number, reworker: reworker.number)
    }

    /// Creates a job and waits for the answer, whatever dies meanwhile.
    ///
    /// - Returns: How long the creating call that was answered took.
    func create(_ number: Int, prompt: String) async throws -> Duration {
        try await create(number, of: users[number % users.count], prompt: prompt)
    }

    /// The same for a person of the caller's choice; `number` names the calls.
    func create(_ number: Int, of user: UserID, prompt: String) async throws -> Duration {
        let quote = try await answered(number, key: "quote:\(number)") { client, key throws(CallError) in
            try await client.call(
                CreateQuote.self,
                CreateQuote.Input(userID: user, modelNumber: model, inputs: ["prompt": .string(prompt)], media: [:]),
                key: key
            )
        }
        let id = JobID()
        var took = Duration.zero
        _ = try await answered(number, key: "job:\(number)") { client, key throws(CallError) in
            let begun = Deadline.monotonicNow()
            let job = try await client.call(
                CreateJob.self,
                CreateJob.Input(jobID: id, quoteID: quote.quoteID, userID: user, chatID: user),
                key: key
            )
            took = .nanoseconds(Int64(Deadline.monotonicNow() - begun))
            return job
        }
        return took
    }

    /// Creates three copies of a run or a chain of two pictures under one hold, whatever dies meanwhile.
    func createGroup(_ number: Int, prompt: String, _ shape: GroupShape) async throws {
        let user = users[number % users.count]
        let words: [String: JSONValue] = ["prompt": .string(prompt)]
        let quote = try await answered(number, key: "quote:\(number)") { client, key throws(CallError) in
            try await client.call(
                CreateQuote.self,
                CreateQuote.Input(
                    userID: user,
                    modelNumber: model,
                    inputs: words,
                    copies: shape == .copies ? 3 : nil,
                    then: shape == .chain ? [NextStage(modelNumber: reworker, inputs: words)] : nil
                ),
                key: key
            )
        }
        let id = GroupID()
        _ = try await answered(number, key: "group:\(number)") { client, key throws(CallError) in
            try await client.call(
                CreateGroup.self,
                CreateGroup.Input(groupID: id, quoteID: quote.quoteID, userID: user, chatID: user),
                key: key
            )
        }
    }

    /// What a confirm makes several jobs of.
    enum GroupShape: Sendable {
        case copies, chain

        var jobs: Int { self == .copies ? 3 : 2 }
    }

    /// Repeats a call at either instance until one answers.
    private func answered<Answer>(
        _ number: Int,
        key: String,
        _ call: (InternalClient, String) async throws(CallError) -> Answer
    ) async throws -> Answer {
        let deadline = Deadline.after(Self.patience)
        var round = number
        while true {
            let client = system.client(.conversation, to: .generation, second: round % 2 == 1)
            do throws(CallError) {
                return try await call(client, key)
            } catch {
                let isOver = error.problem.map { !$0.isRetryable && $0.code != .limitExceeded } ?? false
                guard !isOver, !deadline.isExpired else { throw error }
            }
            round += 1
            try await system.rig.loop.sleep(for: .milliseconds(100))
        }
    }
}
