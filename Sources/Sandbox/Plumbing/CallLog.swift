internal import Concurrency
internal import Contracts
internal import Time

/// The last calls that the stand-ins received and made, for `GET /sandbox/calls`.
final class CallLog: Sendable {
    /// One call.
    struct Entry: Sendable {
        /// When it began.
        var at: Timestamp
        /// `telegram`, `kie`, `kie-upload` or `yookassa`.
        var provider: String
        /// `in` for a call to a stand-in, `out` for one that a stand-in made.
        var direction: String
        /// `sendMessage`, `POST createTask`, `webhook`, …
        var operation: String
        /// HTTP status; 0 if there was no answer.
        var status: Int
        /// How long it took.
        var milliseconds: Int64
        /// Chat, task or payment, and what went wrong; never a secret.
        var note: String
    }

    /// Older entries are forgotten.
    static let capacity = 20_000

    private struct State {
        var entries: [Entry] = []
        var first = 0
        var total = 0
    }

    private let state = Locked(State())

    func append(_ entry: Entry) {
        state.withLock { state in
            state.total += 1
            if state.entries.count < Self.capacity {
                state.entries.append(entry)
            } else {
                state.entries[state.first] = entry
                state.first = (state.first + 1) % Self.capacity
            }
        }
    }

    func clear() {
        state.withLock { $0 = State() }
    }

    /// The newest entries that `matches` accepts, oldest first, with the number of calls ever made.
    func entries(limit: Int, where matches: (Entry) -> Bool) -> (total: Int, entries: [Entry]) {
        let (total, ordered) = state.withLock { state in
            (state.total, Array(state.entries[state.first...] + state.entries[..<state.first]))
        }
        return (total, Array(ordered.filter(matches).suffix(limit)))
    }
}

extension CallLog.Entry {
    var json: JSONValue {
        [
            "at": .string(at.description), "provider": .string(provider), "direction": .string(direction),
            "operation": .string(operation), "status": status.json, "milliseconds": milliseconds.json,
            "note": .string(note),
        ]
    }
}
