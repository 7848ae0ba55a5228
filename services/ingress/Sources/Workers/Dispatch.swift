internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Time

/// The dispatcher and what surrounds it in a process: shared by the webhook routes, the callers and the slot keeper.
final class Dispatch: Sendable {
    private struct State {
        var dispatcher: Dispatcher
        /// Slots that are being taken over: what arrives meanwhile waits until the older events are read.
        var arriving: [Int32: [EventStore.Waiting]] = [:]
        var owned: Set<Int32> = []
        var completions: [Dispatcher.Completion] = []
        /// Taken by the writer and not known to be written.
        var writing: [Dispatcher.Completion] = []
        var notice = PassiveNotice()
        /// Ids that were completed lately. A look at the handovers that began before the outcome was written would bring
        /// such an event once more.
        var completed = RecentIDs()
    }

    private let state: Locked<State>
    private let clock: WallClock
    /// One bell a consumer: there may be something to send.
    let bells: [Consumer: Wakeup]
    /// There are completions to write.
    let recordBell = Wakeup()

    init(limits: Dispatcher.Limits, clock: WallClock) {
        self.state = Locked(State(dispatcher: Dispatcher(limits: limits)))
        self.clock = clock
        self.bells = Dictionary(uniqueKeysWithValues: Consumer.allCases.map { ($0, Wakeup()) })
    }

    var isFull: Bool { state.withLock { $0.dispatcher.isFull } }
    var eventCount: Int { state.withLock { $0.dispatcher.eventCount } }
    /// When the oldest event arrived that each consumer has not handled; absent where nothing waits.
    var oldestArrivals: [Consumer: Timestamp] { state.withLock { $0.dispatcher.oldestArrivals } }
    var ownedSlots: [Int32] { state.withLock { $0.owned.sorted() } }

    /// Adds events that this instance is to dispatch. Those of slots that it does not own, or whose takeover has not begun
    /// yet, are left out: whoever takes the slot reads them from the table, behind what is older.
    func offer(_ events: [EventStore.Waiting]) {
        let consumers = state.withLock { state -> Set<Consumer> in
            var consumers: Set<Consumer> = []
            for waiting in events {
                guard state.owned.contains(waiting.slot), !state.completed.contains(waiting.event.id) else { continue }
                if state.arriving[waiting.slot] != nil {
                    state.arriving[waiting.slot]?.append(waiting)
                } else {
                    Self.offer(waiting, to: &state.dispatcher)
                    consumers.insert(Consumer(source: waiting.event.source, lane: waiting.event.lane))
                }
            }
            return consumers
        }
        for consumer in consumers { bells[consumer]?.ring() }
    }

    /// Begins a takeover: what arrives for these slots is held back until `finishTaking`.
    func beginTaking(_ slots: [Int32]) {
        state.withLock { state in
            for slot in slots {
                state.arriving[slot] = []
                state.owned.insert(slot)
            }
        }
    }

    /// Ends a takeover: first what the table had, then what arrived meanwhile.
    func finishTaking(_ slot: Int32, loaded: [EventStore.Waiting]) {
        let arrived = state.withLock { state -> [EventStore.Waiting] in
            state.arriving.removeValue(forKey: slot) ?? []
        }
        offer(loaded + arrived)
    }

    /// Forgets slots that another instance owns now.
    func drop(_ slots: some Sequence<Int32>) {
        state.withLock { state in
            for slot in slots {
                state.owned.remove(slot)
                state.arriving[slot] = nil
                state.dispatcher.drop(slot: slot)
            }
        }
    }

    func nextBatch(for consumer: Consumer) -> Dispatcher.Batch? {
        state.withLock { $0.dispatcher.nextBatch(for: consumer, now: clock.now) }
    }

    func finish(_ batch: Dispatcher.Batch, _ verdicts: [EventVerdict]) -> [Dispatcher.Completion] {
        end { $0.finish(batch, verdicts, now: clock.now) }
    }

    func fail(_ batch: Dispatcher.Batch, _ failure: Dispatcher.CallFailure) -> [Dispatcher.Completion] {
        end { $0.fail(batch, failure, now: clock.now) }
    }

    /// Makes paused lanes ready; returns when to look again.
    func wake() -> Timestamp? {
        state.withLock { $0.dispatcher.wake(now: clock.now) }
    }

    /// Takes the completions that have not been written; `confirmWritten` or `restoreUnwritten` comes next.
    func takeCompletions() -> [Dispatcher.Completion] {
        state.withLock { state in
            state.writing = state.completions
            state.completions = []
            return state.writing
        }
    }

    /// The completions that were taken last are in the database.
    func confirmWritten() {
        state.withLock { $0.writing = [] }
    }

    /// The completions that were taken last could not be written.
    func restoreUnwritten() {
        state.withLock { state in
            state.completions = state.writing + state.completions
            state.writing = []
        }
    }

    /// How far each owned slot is handled, given that no event up to `boundary` is still to come.
    func marks(boundary: Int64) -> [(slot: Int32, lowID: Int64)] {
        state.withLock { state in
            // What is done in memory but not written yet must be found again after a crash.
            var unwritten: [Int32: Int64] = [:]
            var recent: Set<Int64> = []
            for completion in state.completions + state.writing {
                let (id, slot) = completion.place
                unwritten[slot] = min(unwritten[slot] ?? id, id)
                if completion.isFinal { recent.insert(id) }
            }
            state.completed.age(keeping: recent)
            return state.owned.compactMap { slot in
                guard state.arriving[slot] == nil else { return nil }
                let lowest = [state.dispatcher.lowestUndone(in: slot), unwritten[slot]].compactMap(\.self).min()
                return (slot, min(boundary, lowest.map { $0 - 1 } ?? boundary))
            }
        }
    }

    /// The body of a passive notice for a private chat, while conversation is away and this chat has not been told.
    func passiveNotice(for chat: ChatID) -> [UInt8]? {
        state.withLock { state in
            guard state.dispatcher.isAway(.conversation) else { return nil }
            return state.notice.body(for: chat, now: clock.now)
        }
    }

    private func end(_ body: (inout Dispatcher) -> [Dispatcher.Completion]) -> [Dispatcher.Completion] {
        let completions = state.withLock { state -> [Dispatcher.Completion] in
            let completions = body(&state.dispatcher)
            state.completions += completions
            for completion in completions where completion.isFinal { state.completed.insert(completion.place.id) }
            return completions
        }
        if !completions.isEmpty { recordBell.ring() }
        return completions
    }

    private static func offer(_ waiting: EventStore.Waiting, to dispatcher: inout Dispatcher) {
        dispatcher.offer(
            waiting.event,
            slot: waiting.slot,
            attempts: waiting.attempts,
            parkedUntil: waiting.nextAt
        )
    }
}

/// Ids of the last one to two ticks, in two generations; longer while their outcome is not written.
struct RecentIDs {
    private var young: Set<Int64> = []
    private var old: Set<Int64> = []

    func contains(_ id: Int64) -> Bool { young.contains(id) || old.contains(id) }

    mutating func insert(_ id: Int64) { young.insert(id) }

    /// Called once a tick.
    mutating func age(keeping unwritten: Set<Int64>) {
        old = young
        young = unwritten
    }
}

extension Dispatcher.Completion {
    /// Whether the event is not tried again by itself.
    var isFinal: Bool { if case .parked = self { false } else { true } }

    /// Which event it is about.
    var place: (id: Int64, slot: Int32) {
        switch self {
        case .done(let id, let slot), .parked(let id, let slot, _, _, _), .dead(let id, let slot, _, _): (id, slot)
        }
    }
}
