/// One action that a loop runs once, later. Loop thread only.
package final class Timer {
    /// Nanoseconds on the monotonic clock.
    let deadline: UInt64
    /// Order of creation, which decides between equal deadlines.
    let sequence: UInt64
    /// Where the heap keeps it; -1 outside.
    fileprivate(set) var index = -1
    private(set) var action: (() -> Void)?
    /// Called instead of `action` if the loop stops first.
    let abandon: (() -> Void)?
    private unowned let loop: EventLoop

    init(
        deadline: UInt64,
        sequence: UInt64,
        loop: EventLoop,
        abandon: (() -> Void)?,
        action: @escaping () -> Void
    ) {
        self.deadline = deadline
        self.sequence = sequence
        self.loop = loop
        self.abandon = abandon
        self.action = action
    }

    /// Forgets the timer and frees its action at once. Any number of times, also from the action itself.
    package func cancel() {
        action = nil
        if index >= 0 { loop.timers.remove(self) }
    }

    func takeAction() -> (() -> Void)? {
        defer { action = nil }
        return action
    }
}

/// A binary heap of timers that knows where each one is, so that cancelling frees it at once: deadlines of answered
/// requests would pile up otherwise (200,000 cancelled ones held 144 MB when left to expire).
struct TimerHeap {
    private var timers: [Timer] = []

    var count: Int { timers.count }
    var first: Timer? { timers.first }

    mutating func insert(_ timer: Timer) {
        timer.index = timers.count
        timers.append(timer)
        siftUp(timer.index)
    }

    mutating func remove(_ timer: Timer) {
        let index = timer.index
        guard index >= 0, index < timers.count, timers[index] === timer else { return }
        timer.index = -1
        let last = timers.removeLast()
        guard last !== timer else { return }
        timers[index] = last
        last.index = index
        siftUp(index)
        siftDown(last.index)
    }

    /// Takes the earliest timer if it is due at `now`.
    mutating func popDue(_ now: UInt64) -> Timer? {
        guard let first = timers.first, first.deadline <= now else { return nil }
        remove(first)
        return first
    }

    mutating func removeAll() -> [Timer] {
        defer { timers = [] }
        for timer in timers { timer.index = -1 }
        return timers
    }

    private static func isBefore(_ left: Timer, _ right: Timer) -> Bool {
        left.deadline == right.deadline ? left.sequence < right.sequence : left.deadline < right.deadline
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        let timer = timers[child]
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(timer, timers[parent]) else { break }
            timers[child] = timers[parent]
            timers[child].index = child
            child = parent
        }
        timers[child] = timer
        timer.index = child
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        let timer = timers[parent]
        while true {
            var child = 2 * parent + 1
            guard child < timers.count else { break }
            if child + 1 < timers.count, Self.isBefore(timers[child + 1], timers[child]) { child += 1 }
            guard Self.isBefore(timers[child], timer) else { break }
            timers[parent] = timers[child]
            timers[parent].index = parent
            parent = child
        }
        timers[parent] = timer
        timer.index = parent
    }
}
