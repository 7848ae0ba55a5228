internal import Contracts
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Takes turns: load, plan, read, finish, commit. The same for updates, facts and answers.
struct TurnTaker: Sendable {
    let store: ConversationStore
    let reader: Reader
    let callbacks: CallbackAnswers
    let house: House
    let clock: WallClock
    let metrics: ConversationMetrics
    let log: Log
    let queue = SceneQueue()
    /// Rung after a commit that left commands.
    let wakeSender: @Sendable () -> Void

    /// How often a turn is decided anew because the session had changed under it.
    static let maximumTries = 8

    /// One thing that has happened, and where.
    struct Occasion: Sendable {
        var happening: Happening
        var scene: Scene
        /// Key of the happening, unique for ever.
        var event: String
        /// Language of a user that we do not know yet.
        var language: Language
        /// The waiting answer's key, where the happening is one.
        var answer: String?
    }

    /// Decides and stores.
    ///
    /// Idempotent by the occasion's event. Safe to give up at any point: before the commit nothing has happened, after
    /// it the outbox does the rest.
    func take(_ occasion: Occasion) async throws -> Decision.Outcome {
        try await queue.run(occasion.scene) { try await decide(occasion) }
    }

    private func decide(_ occasion: Occasion) async throws -> Decision.Outcome {
        var tries = 1
        while true {
            do {
                return try await takeOnce(occasion, isFirst: tries == 1)
            } catch is ConversationStore.Conflict where tries < Self.maximumTries {
                metrics.conflicts.increment()
                tries += 1
            } catch is ConversationStore.AlreadyDecided {
                return .repeated
            }
        }
    }

    private func takeOnce(_ occasion: Occasion, isFirst: Bool) async throws -> Decision.Outcome {
        let loaded = try await load(occasion)
        guard !loaded.isSeen else { return .repeated }
        if loaded.isReset {
            metrics.resets.increment()
            log.error("session cannot be read and was reset", [.userID: .personal(occasion.scene.userID)])
        }
        let catalogue = await reader.cache.catalogueForTurn()
        let now = clock.now
        var turn = Turn(
            scene: occasion.scene,
            standing: loaded.standing,
            language: occasion.language,
            catalogue: catalogue,
            now: now,
            fresh: FreshIDs(now: now),
            house: house,
            event: occasion.event
        )
        turn.plan(occasion.happening)
        // The spinner stops now; what follows may take a read or two.
        if isFirst, case .update(let update) = occasion.happening, case .press(let press) = update.content {
            callbacks.send(turn.toast ?? Toast(text: ""), to: press.queryID)
        }
        let knowledge = await reader.read(turn.wants, scene: occasion.scene, event: occasion.event)
        let decision = turn.finished(with: knowledge)
        metrics.count(decision, for: occasion.happening, toast: turn.toast)
        guard decision.changes(loaded.standing) || occasion.answer != nil else { return decision.outcome }
        try await store.commit(
            decision,
            scene: occasion.scene,
            event: occasion.event,
            standing: loaded.standing,
            answer: occasion.answer
        )
        Failpoint.reach("conversation.committed")
        if !decision.commands.isEmpty { wakeSender() }
        return decision.outcome
    }

    /// What storage knows, with the job or order that the panel shows where the happening names none.
    private func load(_ occasion: Occasion) async throws -> ConversationStore.Loaded {
        var loaded = try await store.load(
            occasion.scene,
            event: occasion.event,
            occasion.happening.references
        )
        guard !loaded.isSeen, let screen = loaded.standing.session?.screen else { return loaded }
        if case .result(let job, _) = screen, loaded.standing.job == nil {
            loaded.standing.job = try await store.job(job, of: occasion.scene.userID)
        }
        if case .payment(let order) = screen, loaded.standing.order == nil {
            loaded.standing.order = try await store.order(order, of: occasion.scene.userID)
        }
        return loaded
    }
}
