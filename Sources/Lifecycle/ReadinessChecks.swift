internal import Concurrency

/// What a service still lacks before it can do its work; the content of `/readyz`.
///
/// Checks have names such as `database` or `worker.outbox.send`. Some are set by whoever knows (`set`), others are asked
/// whenever somebody wants to know (`ask`).
package final class ReadinessChecks: Sendable {
    /// One thing that is missing.
    package struct Missing: Sendable, Equatable {
        package let check: String
        package let reason: String

        package init(check: String, reason: String) {
            self.check = check
            self.reason = reason
        }
    }

    private struct State {
        var reasons: [String: String] = [:]
        var questions: [String: @Sendable () async -> String?] = [:]
    }

    private let state = Locked(State())

    package init() {}

    /// Records why a check is not fulfilled; nil fulfils it.
    package func set(_ check: String, missing reason: String?) {
        state.withLock { $0.reasons[check] = reason }
    }

    /// Adds a check that is asked each time.
    ///
    /// - Parameter question: The reason why it is not fulfilled, nil if it is; must answer within about a second.
    package func ask(_ check: String, _ question: @escaping @Sendable () async -> String?) {
        state.withLock { $0.questions[check] = question }
    }

    /// What was set and not fulfilled, by name; asks nothing.
    package var knownMissing: [Missing] {
        state.withLock { $0.reasons }.map { Missing(check: $0.key, reason: $0.value) }.sorted { $0.check < $1.check }
    }

    /// Everything that is missing now, by name; empty means ready. A check that is set as missing is not asked as well.
    package func missing() async -> [Missing] {
        let (reasons, questions) = state.withLock { ($0.reasons, $0.questions) }
        var missing = reasons
        for (check, question) in questions where missing[check] == nil {
            missing[check] = await question()
        }
        return missing.map { Missing(check: $0.key, reason: $0.value) }.sorted { $0.check < $1.check }
    }
}
