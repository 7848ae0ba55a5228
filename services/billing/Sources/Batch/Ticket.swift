import Concurrency
import Contracts
import Time

/// One call that waits for the verdicts of its items, which stay together in one batch.
final class Ticket: Sendable {
    typealias Results = [Result<Verdict, any Error>]
    private typealias Continuation = CheckedContinuation<Results, any Error>

    private enum State {
        case queued(Continuation?)
        /// In a batch: it will take effect whether somebody waits or not.
        case taken(Continuation?)
        case finished(Result<Results, any Error>?)
    }

    let items: [LedgerItem]
    private let deadline: Deadline
    private let state = Locked(State.queued(nil))

    init(_ items: [LedgerItem], _ deadline: Deadline) {
        self.items = items
        self.deadline = deadline
    }

    /// Claims the items for a batch; false if nobody waits for them any longer.
    func take() -> Bool {
        if deadline.isExpired { finish(.failure(Problem(.deadlineExceeded, "the ledger was too busy"))) }
        return state.withLock { state in
            guard case .queued(let continuation) = state else { return false }
            state = .taken(continuation)
            return true
        }
    }

    /// Returns a result for each item, in their order.
    ///
    /// - Throws: Why none was decided, as far as anybody knows.
    func wait() async throws -> Results {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early: Result<Results, any Error>? = state.withLock { state in
                    switch state {
                    case .queued: state = .queued(continuation)
                    case .taken: state = .taken(continuation)
                    case .finished(let result): return result ?? .failure(CancellationError())
                    }
                    return nil
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    func finish(_ result: Result<Results, any Error>) {
        let waiting: Continuation? = state.withLock { state in
            switch state {
            case .queued(let continuation), .taken(let continuation):
                state = .finished(continuation == nil ? result : nil)
                return continuation
            case .finished:
                return nil
            }
        }
        waiting?.resume(with: result)
    }
}
