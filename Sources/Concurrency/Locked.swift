internal import Glibc

/// A value behind a pthread mutex.
///
/// The house's lock: ThreadSanitizer sees it, unlike `Synchronization.Mutex`, and its uncontended path costs some 20 ns.
/// Not recursive: a nested call on the same lock never returns. Never call out to unknown code from the body.
@safe package final class Locked<Value>: @unchecked Sendable {
    // @unchecked: `value` is touched only while `mutex` is held.

    // Behind pointers, since a property would be watched for overlapping accesses, which the mutex rules out. Two of them, since
    // where the value lies in a generic struct of both would be worked out at run time.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ value: Value) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
        let result = unsafe pthread_mutex_init(mutex, nil)
        precondition(result == 0, "pthread_mutex_init fails only without memory")
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` while nobody else is inside; other threads wait.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&value.pointee)
    }
}
