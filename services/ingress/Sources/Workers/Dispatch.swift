internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Time

/// The dispatcher and what surrounds it in a process: shared by the webhook routes, the callers and the slot keeper.
final class Dispatch: Sendable {
    private struct State {
        var dispatcher: Dispatcher
        var backlogs = Backlogs()
        /// What arrived for groups that catch up at this moment.
        var held: [SlotGroup: [BacklogStore.Waiting]] = [:]
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
    func offer(_ events: [BacklogStore.Waiting]) {
        ring(state.withLock { state in Self.offer(events, to: &state) })
    }

    /// Those of handed-over ids that have not been read yet: every look brings all ids above the floor again.
    func unread(_ handed: [Int64]) -> [Int64] {
        state.withLock { state in handed.filter { !state.handed.contains($0) } }
    }

    /// Adds events that others handed over.
    ///
    /// - Parameter ids: What they were read by; some may be handled already.
    func offer(_ events: [BacklogStore.Waiting], handed ids: [Int64]) {
        ring(
            state.withLock { state in
                for id in ids where id > state.floor { state.handed.insert(id) }
                return Self.offer(events, to: &state)
            }
        )
    }

    private static func offer(_ events: [BacklogStore.Waiting], to state: inout State) -> Set<Consumer> {
        var consumers: Set<Consumer> = []
        for waiting in events {
            guard state.owned.contains(waiting.slot), !state.completed.contains(waiting.event.id) else { continue }
            let consumer = Consumer(source: waiting.event.source, lane: waiting.event.lane)
            let group = SlotGroup(slot: waiting.slot, consumer: consumer)
            switch state.backlogs.isEmpty ? .live : state.backlogs.admission(to: group) {
            case .never: continue
            case .later: state.held[group, default: []].append(waiting)
            case .live where state.dispatcher.room(for: consumer) <= 0 && waiting.nextAt == nil:
                let handled = state.completed.filter { $0 > state.floor }
                state.backlogs.begin(group, after: state.floor, handled: handled)
            case .live:
                state.dispatcher.offer(waiting)
                consumers.insert(consumer)
            }
        }
        return consumers
    }

    private func ring(_ consumers: Set<Consumer>) {
        for consumer in consumers { bells[consumer]?.ring() }
    }

    // MARK: - Slots

    /// Takes slots over: their events above the marks are behind, those in `open` come first.
    ///
    /// - Parameter done: Ids above the marks that the former owner has handled.
    func take(_ slots: [SlotStore.Taken], open: [BacklogStore.Waiting], done: Set<Int64>) {
        let consumers = state.withLock { state -> Set<Consumer> in
            // What was read while they were not owned has been left out.
            state.handed = []
            for slot in slots {
                state.owned.insert(slot.slot)
                for consumer in Consumer.allCases {
                    let group = SlotGroup(slot: slot.slot, consumer: consumer)
                    state.backlogs.begin(group, after: slot.lowID, handled: done)
                }
            }
            for waiting in open { state.dispatcher.offer(waiting) }
            return Set(open.map { Consumer(source: $0.event.source, lane: $0.event.lane) })
        }
        ring(consumers)
    }

    /// Sends nothing new of slots that are about to be given away.
    func leave(_ slots: [Int32]) {
        state.withLock { $0.dispatcher.leave(slots) }
    }

    /// No slot is given away after all.
    func stay() {
        state.withLock { $0.dispatcher.stay() }
        ring(Set(Consumer.allCases))
    }

    /// Whether no call with an event of these slots (of any, if nil) is under way and every outcome is written.
    func isQuiet(_ slots: [Int32]? = nil) -> Bool {
        state.withLock { state in
            let slots = slots.map(Set.init)
            return !state.dispatcher.isInFlight(slots)
                && !(state.completions + state.writing).contains { slots?.contains($0.place.slot) ?? true }
        }
    }

    /// Forgets slots that another instance owns now.
    func drop(_ slots: some Sequence<Int32>) {
        state.withLock { state in
            for slot in slots {
                state.owned.remove(slot)
                state.backlogs.drop(slot: slot)
                for consumer in Consumer.allCases { state.held[SlotGroup(slot: slot, consumer: consumer)] = nil }
                state.dispatcher.drop(slot: slot)
            }
        }
    }

    // MARK: - Backlogs

    /// What to read next for a consumer, if something of it is behind and memory has room again.
    func reading(for consumer: Consumer) -> (slots: [Int32], after: Int64, limit: Int)? {
        state.withLock { state in
            guard let reading = state.backlogs.reading(for: consumer) else { return nil }
            let room = state.dispatcher.room(for: consumer)
            guard room >= state.dispatcher.limits.eventsInMemory / 2 else { return nil }
            return (reading.slots, reading.after, min(room, Self.maximumPage))
        }
    }

    /// Offers what was read from the table.
    ///
    /// - Parameter id: Everything of these slots up to here has been read.
    func offer(read page: [BacklogStore.Waiting], of slots: [Int32], for consumer: Consumer, upTo id: Int64) {
        state.withLock { state in
            for waiting in page {
                let group = SlotGroup(slot: waiting.slot, consumer: consumer)
                if state.backlogs.admits(waiting.event.id, group) { state.dispatcher.offer(waiting) }
            }
            state.backlogs.advance(slots, of: consumer, to: id)
        }
        ring([consumer])
    }

    /// Leaves the owned ones of these groups to the table: a commit whose outcome is not known may have stored something that
    /// nobody was told about. To be called before the commit counts as landed, so that the floor has not passed it.
    func reread(_ groups: Set<SlotGroup>) {
        state.withLock { state in
            let handled = state.completed.filter { $0 > state.floor }
            for group in groups where state.owned.contains(group.slot) {
                state.backlogs.begin(group, after: state.floor, handled: handled)
            }
        }
    }

    /// Keeps what arrives for these groups until `endBacklog`.
    func joinBacklog(_ slots: [Int32], of consumer: Consumer) {
        state.withLock { $0.backlogs.join(slots, of: consumer) }
    }

    /// The groups have caught up: what arrived meanwhile follows.
    func endBacklog(_ slots: [Int32], of consumer: Consumer) {
        let consumers = state.withLock { state -> Set<Consumer> in
            state.backlogs.end(slots, of: consumer)
            var held: [BacklogStore.Waiting] = []
            for slot in slots {
                held += state.held.removeValue(forKey: SlotGroup(slot: slot, consumer: consumer)) ?? []
            }
            return Self.offer(held, to: &state)
        }
        ring(consumers)
    }

    private static let maximumPage = 5_000

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

    // MARK: - Outcomes and marks

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
        recordBell.ring()
    }

    /// How far each owned slot is handled, given that every event up to `boundary` has been offered or left to the table.
    func marks(boundary: Int64) -> [SlotStore.Mark] {
        state.withLock { state in
            state.floor = max(state.floor, boundary)
            let floor = state.floor
            state.handed = state.handed.filter { $0 > floor }
            // What is done in memory but not written yet must be found again after a crash.
            var unwritten: [Int32: Set<Int64>] = [:]
            var recent: Set<Int64> = []
            for completion in state.completions + state.writing {
                let (id, slot) = completion.place
                unwritten[slot, default: []].insert(id)
                if completion.isFinal { recent.insert(id) }
            }
            state.completed.age(keeping: recent)
            return state.owned.sorted().map { slot in
                let low = min(boundary, state.backlogs.limit(of: slot) ?? boundary)
                let undone = state.dispatcher.undone(in: slot)
                let open = (unwritten[slot].map { undone.union($0) } ?? undone).filter { $0 <= low }
                guard open.count > SlotStore.Mark.maximumOpen else {
                    return SlotStore.Mark(slot: slot, lowID: low, open: open.sorted())
                }
                let sorted = open.sorted()
                return SlotStore.Mark(
                    slot: slot,
                    lowID: sorted[SlotStore.Mark.maximumOpen] - 1,
                    open: Array(sorted.prefix(SlotStore.Mark.maximumOpen))
                )
            }
        }
    }
}
