internal import Concurrency
internal import EventLoop
internal import Synchronization
internal import Time

/// One caller that awaits something from the loop: ended once, by an answer, its deadline or its task's cancellation.
///
/// Touched on the event loop's thread only (`begin`, `interrupt` and `finish` are all called there).
final class PendingCall<Value: Sendable>: @unchecked Sendable {
    private var continuation: CheckedContinuation<Result<Value, PostgresError>, Never>?
    private var timer: Timer?
    private var interruption: PostgresError.Code?
    /// Gives up what is under way and calls `finish`; set by whoever works on the call at the moment.
    var onInterrupt: ((PostgresError.Code) -> Void)?

    /// Starts the clock; false if the task has been cancelled before. A deadline that has passed is looked at in the next
    /// turn: what can be had at once is had.
    func begin(
        _ continuation: CheckedContinuation<Result<Value, PostgresError>, Never>,
        deadline: Deadline,
        on loop: EventLoop
    ) -> Bool {
        self.continuation = continuation
        if let interruption {
            finish(.failure(PostgresError(interruption, operation: "start")))
            return false
        }
        timer = loop.schedule(at: deadline) { [self] in interrupt(.deadlineExceeded) }
        return true
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

extension Connection {
    /// Sends statements and waits for their answers, at most until the unit's deadline.
    ///
    /// - Parameter pool: Gets the connection back as soon as the answers are there, before the caller goes on.
    func run(
        _ unit: Unit,
        _ metrics: DatabaseMetrics,
        releasingTo pool: Pool? = nil
    ) async throws(PostgresError) -> [QueryResult] {
        if Task.isCancelled {
            if let pool { loop.perform { pool.release(self) } }
            throw PostgresError(.cancelled, operation: unit.operation)
        }
        let result = await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { (continuation: UnsafeContinuation<Answer, Never>) in
                // Resumed exactly once, by the unit's completion.
                if loop.isCurrent {
                    unsafe submit(unit, metrics, pool, continuation)
                } else {
                    loop.execute { unsafe self.submit(unit, metrics, pool, continuation) }
                }
            }
        } onCancel: {
            loop.execute { unit.interrupt(.cancelled) }
        }
        // Where the answer was there before the task went to sleep, ThreadSanitizer does not see that the runtime hands
        // it over in order; this it sees.
        _ = unit.isAnswered.load(ordering: .acquiring)
        return try result.get()
    }

    typealias Answer = Result<[QueryResult], PostgresError>

    private func submit(
        _ unit: Unit,
        _ metrics: DatabaseMetrics,
        _ pool: Pool?,
        _ continuation: UnsafeContinuation<Answer, Never>
    ) {
        let sent = Deadline.monotonicNow()
        unit.submit(to: self, now: sent) { result in
            metrics.answered(result, since: sent)
            pool?.release(self)
            unit.isAnswered.store(true, ordering: .releasing)
            unsafe continuation.resume(returning: result)
        }
    }
}
