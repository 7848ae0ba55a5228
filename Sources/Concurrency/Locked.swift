internal import Glibc

/// A value behind a pthread mutex.
///
/// The house's lock: ThreadSanitizer sees it, unlike `Synchronization.Mutex`, and its uncontended path costs some 20 ns.
/// Not recursive: a nested call on the same lock never returns. Never call out to unknown code from the body.
@safe package final class Locked<Value>: @unchecked Sendable {
    // @unchecked: `value` is touched only while `mutex` is held.

    /// Behind a pointer, since a property would be watched for overlapping accesses, which the mutex rules out.
    private struct Contents {
        var mutex = pthread_mutex_t()
        var value: Value
    }

    private let contents: UnsafeMutablePointer<Contents>

    package init(_ value: Value) {
        unsafe contents = .allocate(capacity: 1)
        unsafe contents.initialize(to: Contents(value: value))
        let result = unsafe pthread_mutex_init(&contents.pointee.mutex, nil)
        precondition(result == 0, "pthread_mutex_init fails only without memory")
    }

    deinit {
        unsafe pthread_mutex_destroy(&contents.pointee.mutex)
        unsafe contents.deinitialize(count: 1)
        unsafe contents.deallocate()
    }

    /// Runs `body` while nobody else is inside; other threads wait.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(&contents.pointee.mutex)
        defer { unsafe pthread_mutex_unlock(&contents.pointee.mutex) }
        return try unsafe body(&contents.pointee.value)
    }
}
