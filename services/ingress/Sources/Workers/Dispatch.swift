internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Time

/// The dispatcher and what surrounds it in a process: shared by the webhook routes, the callers and the slot keeper.
final class Dispatch: Sendable {
    struct State {
        var dispatcher: Dispatcher
        var backlogs = Backlogs()
        /// What arrived for groups that catch up at this moment.
        var held: [SlotGroup: [StoredEvent]] = [:]
        var owned: Set<Int32> = []
        /// Up to here everything has been offered, or left to the table.
        var floor: Int64 = 0
        /// Ids above the floor that others handed over and that have been read.
        var handed: Set<Int64> = []
        var completions: [Dispatcher.Completion] = []
        /// Taken by the writer and not known to be written.
        var writing: [Dispatcher.Completion] = []
        /// Ids that were completed lately. A look at the handovers that began before the outcome was written would bring
        /// such an event once more.
        var completed = RecentIDs()
    }

    let state: Locked<State>
    private let clock: WallClock
    /// One bell a consumer: there may be something to send.
    let bells = PerConsumer { _ in Wakeup() }
    /// There are completions to write.
    let recordBell = Wakeup()

    init(limits: Dispatcher.Limits, clock: WallClock) {
        self.state = Locked(State(dispatcher: Dispatcher(limits: limits)))
        self.clock = clock
    }

    var eventCount: Int { state.withLock { $0.dispatcher.eventCount } }
    /// When the oldest event arrived that each consumer has not handled; absent where nothing waits.
    var oldestArrivals: [Consumer: Timestamp] { state.withLock { $0.dispatcher.oldestArrivals } }
    var groupsBehind: Int { state.withLock { $0.backlogs.count } }
    var ownedSlots: [Int32] { state.withLock { $0.owned.sorted() } }
    /// Whether all of these slots are this instance's, as far as it knows.
    func owns(_ slots: some Sequence<Int32>) -> Bool {
        state.withLock { state in slots.allSatisfy { state.owned.contains($0) } }
    }
    /// Handovers up to here are known.
    var floor: Int64 { state.withLock { $0.floor } }

    /// Adds events that this instance is to dispatch. Those of slots that it does not own are left out, and so are those of
    /// groups that are behind: they are read from the table, after what is older.
    func offer(_ events: [StoredEvent]) {
        ring(state.withLock { state in Self.offer(events, to: &state) })
    }

    /// Those of handed-over ids that have not been read yet: every look brings all ids above the floor again.
    func unread(_ handed: [Int64]) -> [Int64] {
        state.withLock { state in handed.filter { !state.handed.contains($0) } }
    }

    /// Adds events that others handed over.
    ///
    /// - Parameter ids: What they were read by; some may be handled already.
    func offer(_ events: [StoredEvent], handed ids: [Int64]) {
        ring(
            state.withLock { state in
                for id in ids where id > state.floor { state.handed.insert(id) }
                return Self.offer(events, to: &state)
            }
        )
    }

    static func offer(_ events: [StoredEvent], to state: inout State) -> Set<Consumer> {
        var consumers: Set<Consumer> = []
        for stored in events {
            guard state.owned.contains(stored.slot), !state.completed.contains(stored.event.id) else { continue }
            let group = SlotGroup(slot: stored.slot, consumer: stored.consumer)
            switch state.backlogs.isEmpty ? .live : state.backlogs.admission(to: group) {
            case .never: continue
            case .later: state.held[group, default: []].append(stored)
            case .live where state.dispatcher.room(for: stored.consumer) <= 0 && stored.nextAt == nil:
                let handled = state.completed.filter { $0 > state.floor }
                state.backlogs.begin(group, after: state.floor, handled: handled)
            case .live:
                state.dispatcher.offer(stored)
                consumers.insert(stored.consumer)
            }
        }
        return consumers
    }

    func ring(_ consumers: Set<Consumer>) {
        for consumer in consumers { bells[consumer].ring() }
    }

    // MARK: - Calls

    func nextBatch(for consumer: Consumer) -> Dispatcher.Batch? {
        state.withLock { $0.dispatcher.nextBatch(for: consumer, now: clock.now) }
    }

    func finish(_ batch: Dispatcher.Batch, _ verdicts: [EventVerdict]) -> [Dispatcher.Completion] {
        end(batch) { $0.finish(batch, verdicts, now: clock.now) }
    }

    func fail(_ batch: Dispatcher.Batch, _ failure: Dispatcher.CallFailure) -> [Dispatcher.Completion] {
        end(batch) { $0.fail(batch, failure, now: clock.now) }
    }

    /// Makes paused lanes ready; returns when to look again.
    func wake() -> Timestamp? {
        state.withLock { $0.dispatcher.wake(now: clock.now) }
    }

    private func end(
        _ batch: Dispatcher.Batch,
        _ body: (inout Dispatcher) -> [Dispatcher.Completion]
    ) -> [Dispatcher.Completion] {
        let completions = state.withLock { state -> [Dispatcher.Completion] in
            let completions = body(&state.dispatcher)
            state.completions += completions
            for completion in completions where completion.isFinal {
                let (id, slot) = completion.place
                state.completed.insert(id)
                guard !state.backlogs.isEmpty else { continue }
                state.backlogs.complete(id, SlotGroup(slot: slot, consumer: batch.consumer))
            }
            return completions
        }
        if !completions.isEmpty { recordBell.ring() }
        return completions
    }
}
