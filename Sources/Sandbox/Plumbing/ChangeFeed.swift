internal import Concurrency
internal import EventLoop

/// Tells the chat page and the control API that something changed.
final class ChangeFeed: Sendable {
    private struct State {
        var number: Int64 = 0
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var isStopped = false
    }

    /// Requests that may wait at once; more are answered without waiting.
    static let maximumWaiters = 256

    private let state = Locked(State())
    private let loop: EventLoop

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Wakes everybody who waits.
    func changed() {
        let waiters = state.withLock { state in
            state.number += 1
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when something changed after `number`, or after the time.
    ///
    /// - Returns: The number to wait for next time.
    func wait(after number: Int64, atMost duration: Duration) async -> Int64 {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        loop.execute { [loop, self] in
            _ = loop.schedule(after: duration) { self.give(up: waiter) }
        }
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard state.number <= number, !state.isStopped, state.waiters.count < Self.maximumWaiters else {
                    return false
                }
                state.waiters[waiter] = continuation
                return true
            }
            if !waits { continuation.resume() }
        }
        return self.number
    }

    /// Whether nobody may wait any more.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Sends everybody home, so that the listener can close.
    func stop() {
        state.withLock { $0.isStopped = true }
        changed()
    }

    /// The number of changes so far.
    var number: Int64 { state.withLock { $0.number } }

    private func give(up waiter: Int) {
        state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
    }
}
