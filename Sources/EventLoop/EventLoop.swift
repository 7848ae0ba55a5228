internal import CLinux
internal import Concurrency
internal import Glibc
internal import Synchronization
package import Time

/// One thread that waits for descriptors and timers (epoll) and runs Swift tasks: a `TaskExecutor`.
///
/// A task that prefers this executor (`run`) stays on the thread through task groups, `async let` and default actors,
/// so callbacks, libpq, curl and request handlers of one loop never run at the same time. `Task {}`, `Task.detached`
/// and `onCancel` handlers leave it. Do nothing here that blocks or computes for more than a millisecond: everything
/// else on the loop waits (`lag` shows it); see `BlockingExecutor`.
///
/// A turn is: the events of one `epoll_wait` (at most 16), then ready work, then due timers. Work is bounded by count
/// and time, and what is left waits for the next turn, so neither jobs nor I/O can starve the other.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    // @unchecked: `watches`, `timers`, `ready` and what follows them are touched only by the loop's thread; `inbox`
    // and the atomics are for everybody.

    /// Events taken by one `epoll_wait`. Few, because what becomes ready during a turn waits for all of it: the kernel's
    /// list is first in, first out, and a turn that takes the whole list lets late-comers wait twice (ADR 0052).
    static let maximumEventsPerTurn = 16
    /// Jobs and closures run between two looks at the descriptors.
    static let maximumWorkPerTurn = 256
    /// The same as time; looked at every 16 items.
    static let maximumWorkNanoseconds: UInt64 = 2_000_000
    /// Timers run in one turn.
    static let maximumTimersPerTurn = 256

    /// The thread's name.
    package let name: String
    private let epoll: Int32
    private let wakeDescriptor: Int32
    private let inbox = Locked(Inbox())
    private let stopping = Atomic<Bool>(false)
    private let measuredLag = LoopLag()
    private let thread = Locked<NativeThread?>(nil)

    var watches: WatchTable
    var timers = TimerHeap()
    private var ready = WorkQueue()
    private var lastTimerSequence: UInt64 = 0
    /// When this turn's events were taken, in nanoseconds of the monotonic clock. Spares those a look at the clock who need the
    /// time with every event and no finer than a turn. Loop thread only.
    package private(set) var turnBegan = Deadline.monotonicNow()

    /// Starts the thread, which lives until `shutdown`.
    package init(name: String = "loop") {
        clinux_ignore_broken_pipe()  // A peer that went away is an error of one connection.
        self.name = name
        epoll = clinux_epoll_create()
        wakeDescriptor = clinux_eventfd()
        precondition(epoll >= 0 && wakeDescriptor >= 0, "a loop needs two descriptors")
        watches = WatchTable(epoll: epoll)
        // Edge-triggered: each signal is one event and nobody has to read the counter back.
        let flags = EPOLLIN.rawValue | EPOLLET.rawValue
        _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, wakeDescriptor, flags, Self.wakeToken)
        let started = NativeThread.start(name: name) { self.main() }
        thread.withLock { $0 = started }
    }

    deinit {
        close(epoll)
        close(wakeDescriptor)
    }

    // MARK: - Who am I

    /// The loop whose thread this is.
    package static var current: EventLoop? {
        unsafe pthread_getspecific(currentKey).map {
            unsafe Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue()
        }
    }

    /// Whether the caller is on this loop's thread.
    package var isCurrent: Bool {
        unsafe pthread_getspecific(Self.currentKey)
            == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// The longest time that anything ready had to wait for this loop lately; the source of a gauge.
    package var lag: Duration { measuredLag.current }

    /// How many timers are set. Loop thread only; for tests and metrics.
    package var timerCount: Int { timers.count }

    // MARK: - Work

    /// Runs `work` on the loop later, never inside this call; in order of arrival. From any thread.
    ///
    /// After `shutdown` the caller's thread runs it at once, so that nothing waits for ever.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        submit(.closure(work))
    }

    /// Runs `work` at once if this is the loop's thread, else as soon as the loop gets to it.
    package func perform(_ work: @escaping @Sendable () -> Void) {
        if isCurrent { work() } else { submit(.closure(work)) }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        submit(.job(UnownedJob(job)))
    }

    private func submit(_ work: Work) {
        if isCurrent {
            ready.append(work)  // The loop is awake: it looks here before it waits again, so no eventfd write.
            return
        }
        let outcome = inbox.withLock { $0.append(work) }
        switch outcome {
        case .queued: break
        case .wakeNeeded: _ = clinux_eventfd_signal(wakeDescriptor)
        case .refused: run(work)
        }
    }

    private func run(_ work: Work) {
        switch work {
        case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        case .closure(let body): body()
        case .done: break
        }
    }

    // MARK: - Descriptors and timers

    /// Calls `onReady` on this loop whenever the descriptor is ready, until the watch is cancelled. Loop thread only.
    ///
    /// Level-triggered: a callback that reads only a part is called again in the next turn.
    package func watch(
        _ descriptor: Int32,
        _ interest: Interest,
        _ onReady: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Watch {
        assertCurrent()
        return try watches.insert(descriptor, interest, loop: self, onReady)
    }

    /// Runs `action` on this loop once, not before `delay` has passed and usually within a millisecond after it. Loop
    /// thread only. Timers with the same deadline run in the order of creation.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> Timer {
        schedule(at: Deadline.after(delay), abandon: nil, action)
    }

    /// The same for a moment; one that has passed means the next turn.
    @discardableResult
    package func schedule(at deadline: Deadline, _ action: @escaping () -> Void) -> Timer {
        schedule(at: deadline, abandon: nil, action)
    }

    /// The same; `abandon` is called instead of `action` if the loop stops first.
    func schedule(at deadline: Deadline, abandon: (() -> Void)?, _ action: @escaping () -> Void) -> Timer {
        assertCurrent()
        lastTimerSequence += 1
        let timer = Timer(
            deadline: deadline.nanoseconds,
            sequence: lastTimerSequence,
            loop: self,
            abandon: abandon,
            action: action
        )
        timers.insert(timer)
        return timer
    }

    private func assertCurrent() {
        // After the thread has ended nothing runs beside the caller, so late clean-up may come from anywhere.
        assert(isCurrent || stopping.load(ordering: .relaxed), "watches and timers belong to the loop's thread")
    }

    // MARK: - The end

    /// Stops the loop and waits for its thread: work that is queued still runs, sleepers get `CancellationError`,
    /// watches and timers are dropped. Any number of times; called on the loop itself it returns without waiting.
    package func shutdown() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        _ = clinux_eventfd_signal(wakeDescriptor)
        guard let thread = thread.withLock({ $0.take() }) else { return }
        if isCurrent { thread.detach() } else { thread.join() }
    }

    // MARK: - The thread

    private static let wakeToken = UInt64.max
    private static let currentKey: pthread_key_t = {
        var key = pthread_key_t()
        let result = unsafe pthread_key_create(&key, nil)
        precondition(result == 0, "a process has room for one more thread-specific value")
        return key
    }()

    private func main() {
        unsafe pthread_setspecific(Self.currentKey, Unmanaged.passUnretained(self).toOpaque())
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.maximumEventsPerTurn)
        var vigil = Vigil()
        var ended = Deadline.monotonicNow()
        while !stopping.load(ordering: .relaxed) {
            let count = unsafe wait(events, ended, vigil)
            ready.append(contentsOf: inbox.withLock { $0.takeAll() })
            let began = Deadline.monotonicNow()
            turnBegan = began
            vigil.waited(began &- ended)
            if count > 0 { unsafe deliver(events, count) }  // -1 is EINTR: the next turn asks again.
            runReady(began)
            ended = runTimers()
            measuredLag.record(ended &- began, now: ended)
        }
        unsafe events.deallocate()
        finish()
        pthread_setspecific(Self.currentKey, nil)
    }

    /// Takes what is ready; if nothing is, stays awake for a moment where that is worth it, then sleeps.
    ///
    /// - Parameter ended: When the last turn ended.
    private func wait(_ events: UnsafeMutablePointer<epoll_event>, _ ended: UInt64, _ vigil: Vigil) -> Int32 {
        let most = Int32(Self.maximumEventsPerTurn)
        let limit = waitMilliseconds()
        if limit != 0, vigil.isWorthIt {
            repeat {
                let count = unsafe clinux_epoll_wait(epoll, events, most, 0)
                if count != 0 { return count }
            } while Deadline.monotonicNow() &- ended < Vigil.nanoseconds
        }
        return unsafe clinux_epoll_wait(epoll, events, most, limit)
    }

    /// How long `epoll_wait` may block: not at all while there is work, else until the next timer, rounded up so that
    /// no timer runs early or spins.
    private func waitMilliseconds() -> Int32 {
        guard ready.isEmpty else { return 0 }
        guard inbox.withLock({ $0.prepareToWait() }) else { return 0 }
        guard let next = timers.first?.deadline else { return -1 }
        let now = Deadline.monotonicNow()
        guard next > now else { return 0 }
        return Int32(clamping: (next - now + 999_999) / 1_000_000)
    }

    private func deliver(_ events: UnsafeMutablePointer<epoll_event>, _ count: Int32) {
        for index in 0..<count {
            let token = unsafe clinux_event_token(events, index)
            // Looked up anew for every event: an earlier callback may have cancelled it or reused its number.
            guard token != Self.wakeToken, let watch = watches.watch(token: token), let onReady = watch.onReady
            else { continue }
            onReady(Readiness(flags: unsafe clinux_event_flags(events, index), interest: watch.interest))
        }
    }

    private func runReady(_ began: UInt64) {
        var count = 0
        while count < Self.maximumWorkPerTurn, let work = ready.popFirst() {
            run(work)
            count += 1
            if count % 16 == 0, Deadline.monotonicNow() &- began > Self.maximumWorkNanoseconds { break }
        }
    }

    /// Returns the time after the last timer.
    private func runTimers() -> UInt64 {
        let now = Deadline.monotonicNow()
        guard let first = timers.first, first.deadline <= now else { return now }
        measuredLag.record(now - first.deadline, now: now)
        var left = Self.maximumTimersPerTurn
        // `now` stays fixed, so that a timer that sets itself again with no delay waits for the next turn.
        while left > 0, let timer = timers.popDue(now) {
            timer.takeAction()?()
            left -= 1
        }
        return Deadline.monotonicNow()
    }

    private func finish() {
        var isOpen = true
        while isOpen {
            for timer in timers.removeAll() { timer.abandon?() }
            while let work = ready.popFirst() { run(work) }
            // Closing and finding it empty is one step, so nothing is left behind between them.
            let (left, closed) = inbox.withLock { $0.closeIfEmpty() }
            ready.append(contentsOf: left)
            isOpen = !closed
        }
        watches.removeAll()
    }
}
