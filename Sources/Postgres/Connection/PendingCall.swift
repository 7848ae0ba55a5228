internal import Concurrency
internal import EventLoop
internal import Time

/// One caller that awaits an answer from the loop: ended once, by the answer, its deadline or its task's cancellation.
///
/// Touched on the event loop's thread only (`begin`, `interrupt` and `finish` are all called there).
final class PendingCall<Value: Sendable>: @unchecked Sendable {
    private var continuation: CheckedContinuation<Result<Value, PostgresError>, Never>?
    private var timer: Timer?
    private var interruption: PostgresError.Code?
    /// Gives up what is under way and calls `finish`; set by whoever works on the call at the moment.
    var onInterrupt: ((PostgresError.Code) -> Void)?

    /// Starts the clock; false if the task has been cancelled before.
    func begin(
        _ continuation: CheckedContinuation<Result<Value, PostgresError>, Never>,
        deadline: Deadline,
        on loop: EventLoop
    ) -> Bool {
        self.continuation = continuation
        if deadline.isExpired { interruption = interruption ?? .deadlineExceeded }
        if let interruption {
            finish(.failure(PostgresError(interruption, operation: "start")))
            return false
        }
        setDeadline(deadline, on: loop)
        return true
    }

    /// Moves the deadline.
    func setDeadline(_ deadline: Deadline, on loop: EventLoop) {
        timer?.cancel()
        timer = loop.schedule(after: deadline.remaining) { [self] in interrupt(.deadlineExceeded) }
    }

    func interrupt(_ code: PostgresError.Code) {
        guard continuation != nil else {
            interruption = interruption ?? code
            return
        }
        onInterrupt?(code)
    }

    func finish(_ result: Result<Value, PostgresError>) {
        timer?.cancel()
        timer = nil
        onInterrupt = nil
        continuation?.resume(returning: result)
        continuation = nil
    }
}

extension EventLoop {
    /// Runs `start` on the loop and waits until it finishes the call that it is given.
    func call<Value: Sendable>(
        deadline: Deadline,
        _ start: @escaping @Sendable (PendingCall<Value>) -> Void
    ) async throws(PostgresError) -> Value {
        let call = PendingCall<Value>()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                perform {
                    if call.begin(continuation, deadline: deadline, on: self) { start(call) }
                }
            }
        } onCancel: {
            execute { call.interrupt(.cancelled) }
        }
        return try result.get()
    }
}
