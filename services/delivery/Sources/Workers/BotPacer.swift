internal import Concurrency
package import EventLoop
internal import Jobs
internal import Lifecycle
package import Time

/// Hands out the bot's slots, one message each, to the lanes that ask; in order of asking.
///
/// Slots come from the row that all instances share, a quarter of a second's worth at a time, so that many instances
/// together keep to the bot's pace.
package final class BotPacer: Worker {
    package let name = "delivery.pace"
    private let store: BotStore
    private let loop: EventLoop
    private let clock: WallClock
    private let signal: WakeSignal
    private let state: Locked<State>

    private struct State {
        var pace: BotPace
        var waiters: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var lastNumber: UInt64 = 0
    }

    /// - Parameter perSecond: Messages of the bot over all chats.
    package init(_ store: BotStore, perSecond: Int, loop: EventLoop, clock: WallClock) {
        self.store = store
        self.loop = loop
        self.clock = clock
        self.signal = WakeSignal(loop: loop)
        self.state = Locked(State(pace: BotPace(perSecond: perSecond)))
    }

    /// Waits for a slot and uses it.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    package func takeSlot() async throws {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let isGranted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if !Task.isCancelled { state.waiters.append((number, continuation)) }
                    return Task.isCancelled
                }
                if isCancelled { continuation.resume(returning: false) } else { signal.set() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: false)
        }
        if !isGranted { throw CancellationError() }
    }

    /// Stops the whole bot after Telegram has complained about it.
    package func pause(for pause: Duration) async throws {
        let now = clock.now
        let pace = state.withLock { state in
            state.pace.complained(at: now)
            return state.pace
        }
        try await store.pause(for: pause, pace)
    }

    package func run() async throws {
        while !Task.isCancelled {
            let (waiting, interval) = state.withLock { ($0.waiters.count, $0.pace.interval(at: clock.now)) }
            guard waiting > 0 else {
                await signal.wait(upTo: .seconds(60))
                continue
            }
            let batch = max(1, Int(250_000 / max(1, interval.wholeMicroseconds)))
            try await serve(min(waiting, batch), interval)
        }
    }

    private func serve(_ count: Int, _ interval: Duration) async throws {
        let slots = try await store.reserve(count, interval: interval)
        state.withLock { state in
            state.pace.slowness = slots.slowness
            state.pace.slowedAt = slots.slowedAt
        }
        if slots.delay > .zero { try await loop.sleep(for: slots.delay) }
        for slot in 0..<count {
            if slot > 0 { try await loop.sleep(for: interval) }
            let waiter = state.withLock { $0.waiters.isEmpty ? nil : $0.waiters.removeFirst() }
            waiter?.continuation.resume(returning: true)
        }
    }
}
