internal import Contracts
internal import Cryptography
internal import Foundation
internal import Jobs
internal import ServiceKit
internal import Telemetry

/// `HandleCallbacks`: the provider says that tasks have ended. Early, late, double, foreign and orphan ones are normal and
/// never an error; what a body says is only a hint, which recordInfo confirms.
struct CallbackHandler: Sendable {
    let tools: Toolbox

    func handle(_ batch: EventBatch) async throws -> EventVerdicts {
        var verdicts: [EventVerdict] = []
        var callbacks: [(attempt: UUID, taskID: String?)] = []
        for event in batch.events {
            if let attempt = attempt(of: event) {
                callbacks.append((attempt, TaskRecordReader.taskID(in: Array(event.body.utf8))))
                verdicts.append(EventVerdict(id: event.id, verdict: .ok))
            } else {
                tools.metrics.callbacks.increment("forged")
                verdicts.append(EventVerdict(id: event.id, verdict: .reject, reason: "the token is not ours"))
            }
        }
        if !callbacks.isEmpty {
            let matches = try await tools.attempts.called(back: callbacks)
            for match in matches { tools.metrics.callbacks.increment(match.rawValue) }
            if matches.contains(where: { $0 != .orphan }) { tools.wake.set() }
        }
        return EventVerdicts(verdicts: verdicts)
    }

    /// Ingress has checked the token already; this keeps a mistake there from reaching jobs.
    private func attempt(of event: Event) -> UUID? {
        guard let token = event.token.flatMap({ CallbackToken($0) }) else { return nil }
        let message = CallbackToken.signedMessage(for: token.attempt)
        return tools.configuration.signingKey.publicKey.isValid(token.signature, for: message) ? token.attempt : nil
    }
}
