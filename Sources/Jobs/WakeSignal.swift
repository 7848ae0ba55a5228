internal import Concurrency
package import EventLoop

/// Wakes one waiting worker; a wake that comes while it works is kept, further ones add nothing.
package final class WakeSignal: Sendable {
    private struct State {
        var isSet = false
        var waiter: (number: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var lastNumber: UInt64 = 0
    }

    private let state = Locked(State())
    private let loop: EventLoop

    package init(loop: EventLoop) {
        self.loop = loop
    }

    /// Wakes the waiter, or lets the next `wait` return at once. From any thread.
    package func set() {
        let waiter = state.withLock { state in
            state.isSet = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.continuation.resume()
    }

    /// Returns when the signal is set, the time is over or the task is cancelled, whichever is first. One waiter at a
    /// time.
    package func wait(upTo limit: Duration) async {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    precondition(state.waiter == nil, "a wake signal has one waiter")
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        return true
                    }
                    state.waiter = (number, continuation)
                    return false
                }
                if isOver { return continuation.resume() }
                loop.perform { [self] in
                    // A timer that fires after its wait was over finds another number and does nothing.
                    _ = loop.schedule(after: limit) { [self] in end(number) }
                }
            }
        } onCancel: {
            end(number)
        }
    }

    private func end(_ number: UInt64) {
        let waiter = state.withLock { state in
            guard state.waiter?.number == number else { return nil as (UInt64, CheckedContinuation<Void, Never>)? }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.1.resume()
    }
}
