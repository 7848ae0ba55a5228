internal import Contracts
internal import ServiceKit
internal import Telemetry

/// Takes what generation and payments report.
struct ReportFactHandler: Sendable {
    let taker: TurnTaker
    let metrics: ConversationMetrics

    /// Idempotent by the fact's id.
    ///
    /// - Returns: Replayed if the fact was known.
    /// - Throws: `overloaded` (retryable) if other turns of the user kept changing the session.
    func handle(_ fact: Fact) async throws -> Answer<Empty> {
        let occasion = TurnTaker.Occasion(
            happening: .fact(fact),
            scene: Scene(userID: fact.userID, chatID: fact.chatID),
            event: "fact-\(fact.factID)",
            language: Language(tag: nil)
        )
        let outcome: Decision.Outcome
        do {
            outcome = try await taker.take(occasion)
        } catch is ConversationStore.Conflict {
            throw Problem(.overloaded, "the session kept changing", retryAfterSeconds: 1)
        }
        metrics.facts.increment(fact.kind.rawValue, outcome.rawValue)
        return outcome == .repeated ? .replayed(Empty()) : .fresh(Empty())
    }
}
