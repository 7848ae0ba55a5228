internal import Glibc

/// Threads of its own for calls that must block: getaddrinfo, fsync, reading large files.
///
/// Neither an event loop nor Swift's cooperative pool may wait in such a call. Work runs in the order of arrival on
/// `threads` threads; at most `maximumWaiting` calls of `run` wait behind them, further ones are refused, so that a
/// stuck disk makes callers fail fast instead of growing a queue. The threads end when the executor is released.
package final class BlockingExecutor: TaskExecutor {
    /// `run` found `maximumWaiting` calls ahead of it. Nothing was run; trying again later is safe.
    package struct QueueFull: Error, Sendable {
        /// The executor's name.
        package let name: String
    }

    /// The process-wide executor for file work: two threads.
    package static let shared = BlockingExecutor(threads: 2, name: "blocking")

    private let queue: BlockingQueue
    private let name: String
    private let maximumWaiting: Int

    /// - Parameters:
    ///   - threads: How many calls block at a time; at least 1.
    ///   - name: Shown as the threads' name; cut to 15 bytes.
    ///   - maximumWaiting: Calls of `run` that may wait for a thread.
    package init(threads: Int, name: String, maximumWaiting: Int = 1_024) {
        precondition(threads > 0, "a blocking executor needs a thread")
        self.name = name
        self.maximumWaiting = maximumWaiting
        let queue = BlockingQueue()
        self.queue = queue
        for _ in 0..<threads {
            NativeThread.start(name: name) { queue.work() }.detach()
        }
    }

    deinit {
        queue.stop()
    }

    /// Runs `body` on one of the threads and returns its result.
    ///
    /// A call cannot be interrupted once it runs; cancelling the task is noticed only before it is queued.
    ///
    /// - Throws: `QueueFull`, `CancellationError`, or what `body` throws.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.append(limit: maximumWaiting) {
                continuation.resume(with: Result(catching: body))
            }
            if !accepted { continuation.resume(throwing: QueueFull(name: name)) }
        }
    }

    /// Runs a task's job on one of the threads, for `withTaskExecutorPreference`. Jobs are never refused.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        _ = queue.append(limit: .max) { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}

/// The threads' queue, apart from the executor so that waiting threads do not keep the executor alive.
@safe private final class BlockingQueue: @unchecked Sendable {
    // @unchecked: all variables are touched only while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var waiting: [@Sendable () -> Void] = []
    private var head = 0
    private var isStopped = false

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// False if `limit` calls wait already.
    func append(limit: Int, _ work: @escaping @Sendable () -> Void) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        guard waiting.count - head < limit else { return false }
        waiting.append(work)
        unsafe pthread_cond_signal(condition)
        return true
    }

    func stop() {
        unsafe pthread_mutex_lock(mutex)
        isStopped = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Runs work until stopped and empty.
    func work() {
        while let next = next() { next() }
    }

    private func next() -> (@Sendable () -> Void)? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while head == waiting.count {
            if isStopped { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
        let work = waiting[head]
        head += 1
        if head == waiting.count || head >= 1_024 {
            waiting.removeFirst(head)
            head = 0
        }
        return work
    }
}
