internal import Concurrency
package import Time

/// The body of `withDeadline` had not finished in time.
package struct DeadlineExceeded: Error, Sendable, Hashable {
    package init() {}
}

extension EventLoop {
    /// Runs `body` with this loop as its preferred executor and returns its result.
    ///
    /// Child tasks, `async let` and default actors inside it stay on the loop's thread.
    package func run<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withTaskExecutorPreference(self) { try await body() }
    }

    /// Waits for `duration`.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled or the loop stops; the timer is freed at once.
    package func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let sleeper = Sleeper()
        try await withTaskCancellationHandler {
            try await unsafe withUnsafeThrowingContinuation { continuation in
                let deadline = Deadline.after(duration)
                perform { unsafe sleeper.start(continuation, until: deadline, on: self) }
            }
        } onCancel: {
            perform { sleeper.cancel() }  // On the canceller's thread, hence the hop.
        }
    }

    /// Runs `body` on this loop and cancels it once the deadline has passed.
    ///
    /// Waits for the body to end in every case, so nothing runs on behind the caller's back: a body that ignores
    /// cancellation delays the answer. A result that arrives after the deadline is still returned.
    ///
    /// - Throws: `DeadlineExceeded` if the body threw after the deadline had passed, else what the body throws.
    package func withDeadline<T: Sendable>(
        _ deadline: Deadline,
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        if deadline == .never { return try await run(body) }
        if deadline.isExpired { throw DeadlineExceeded() }
        let guardian = DeadlineGuard()
        // A task of its own, because only a whole task can be cancelled; awaited below, so it stays structured.
        let task = Task(executorPreference: self) { try await body() }
        perform { guardian.start(deadline, on: self) { task.cancel() } }
        defer { perform { guardian.stop() } }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch  where guardian.hasPassed {
            throw DeadlineExceeded()
        }
    }
}

/// One sleeping task. Loop thread only.
@safe private final class Sleeper: @unchecked Sendable {
    // @unchecked: `start` and `cancel` run on the loop's thread.
    private var continuation: UnsafeContinuation<Void, any Error>?
    private var timer: Timer?
    private var isCancelled = false

    func start(_ continuation: UnsafeContinuation<Void, any Error>, until deadline: Deadline, on loop: EventLoop) {
        guard !isCancelled, loop.isCurrent else {  // Not current only after the loop has stopped.
            unsafe continuation.resume(throwing: CancellationError())
            return
        }
        unsafe self.continuation = continuation
        timer = loop.schedule(at: deadline, abandon: { self.cancel() }) {
            self.timer = nil
            unsafe self.continuation.take()?.resume()
        }
    }

    func cancel() {
        isCancelled = true
        timer?.cancel()
        timer = nil
        unsafe continuation.take()?.resume(throwing: CancellationError())
    }
}

/// The timer of one `withDeadline`.
private final class DeadlineGuard: Sendable {
    private struct State {
        var timer: Timer?
        var isStopped = false
        var hasPassed = false
    }
    private let state = Locked(State())

    var hasPassed: Bool { state.withLock { $0.hasPassed } }

    /// On the loop's thread, as `stop` is.
    func start(_ deadline: Deadline, on loop: EventLoop, _ onPassed: @escaping @Sendable () -> Void) {
        guard loop.isCurrent, !state.withLock({ $0.isStopped }) else { return }
        let timer = loop.schedule(at: deadline, abandon: onPassed) {
            self.state.withLock {
                $0.timer = nil
                $0.hasPassed = true
            }
            onPassed()
        }
        state.withLock { $0.timer = timer }
    }

    func stop() {
        let timer = state.withLock {
            $0.isStopped = true
            return $0.timer.take()
        }
        timer?.cancel()
    }
}
