import Contracts
import ProofKit
import TestSupport
import Time

@testable import IngressService

/// A small world around the dispatch: a table, two processes that may die, freeze and come back, and a consumer with a
/// journal. Everything happens one step at a time, in an order that the dice choose.
struct DispatchWalk {
    struct Rules {
        /// Kills and freezes.
        var crashes = true
        /// Calls whose answer gets lost, verdicts that ask for a repeat or give up.
        var faults = true
        var steps = 100
    }

    /// What broke a promise; nil while all are kept.
    private(set) var fault: String?
    private(set) var crashes = 0

    private var dice: SeededGenerator
    private let rules: Rules
    private let clock = ManualClock()
    private var table = EventTable()
    private var consumer = JournalConsumer()
    private var processes: [DispatchProcess] = []
    private var nextProcess = 0

    init(seed: UInt64, rules: Rules) {
        self.dice = SeededGenerator(seed: seed)
        self.rules = rules
        for _ in 0..<2 { startProcess() }
    }

    /// Plays the steps, lets everything calm down, and checks what must hold in the end.
    mutating func run() {
        for _ in 0..<rules.steps where fault == nil { step() }
        for _ in 0..<2_000 where fault == nil && !table.undone.isEmpty { calm() }
        guard fault == nil else { return }
        if !table.undone.isEmpty { fault = "never handled: \(table.undone.sorted())" }
        if let late = consumer.outOfOrder(table.givenUp) { fault = "out of order: \(late)" }
        let mayRepeat = rules.crashes || rules.faults
        for id in table.ids where fault == nil {
            let effects = consumer.effects[id, default: 0]
            if effects != (consumer.rejects(id) ? 0 : 1) && !table.givenUp.contains(id) {
                fault = "event \(id) had \(effects) effects"
            }
            if !mayRepeat && consumer.deliveries[id] != 1 {
                fault = "event \(id) was delivered \(consumer.deliveries[id, default: 0]) times without a reason"
            }
        }
    }

    private mutating func step() {
        let process = dice.below(processes.count)
        switch dice.below(20) {
        case 0..<5: accept(at: process)
        case 5..<9: send(process)
        case 9..<13: answer(process)
        case 13, 14: processes[process].write(to: &table)
        case 15, 16: tick(process)
        case 17: clock.advance(by: .milliseconds(Int64(dice.below(30_000))))
        case 18 where rules.crashes && dice.below(3) == 0: crash(process)
        case 19 where rules.crashes: processes[process].isFrozen = dice.below(2) == 0
        default: take(process)
        }
    }

    /// Nobody dies any more and every call is answered.
    private mutating func calm() {
        clock.advance(by: .seconds(70))
        for process in processes.indices {
            processes[process].isFrozen = false
            take(process)
            tick(process)
            send(process)
            while !processes[process].calls.isEmpty && fault == nil { answer(process, isCalm: true) }
            processes[process].write(to: &table)
        }
    }

    // MARK: - What can happen

    private mutating func startProcess() {
        nextProcess += 1
        processes.append(DispatchProcess(name: nextProcess, clock: clock.clock))
    }

    /// A webhook: a chat's next update comes only after the last one was answered, here at once.
    private mutating func accept(at process: Int) {
        guard !processes[process].isFrozen else { return }
        let lane = dice.below(6)
        // Now and then the commit's answer is lost with its connection.
        let isAnswered = !rules.faults || dice.below(8) != 0
        let readsHandovers = !rules.faults || dice.below(8) != 0
        processes[process].accept(
            lane: lane,
            in: &table,
            at: clock.now,
            isAnswered: isAnswered,
            readsHandovers: readsHandovers
        )
    }

    private mutating func send(_ process: Int) {
        guard !processes[process].isFrozen, let batch = processes[process].send() else { return }
        let lanes = batch.events.map(\.lane)
        if Set(lanes).count != lanes.count { fault = "two events of a lane in one call" }
        let open = processes[process].calls.dropLast().flatMap { $0.events.map(\.lane) }
        if !Set(open).isDisjoint(with: lanes) && !processes[process].hasLostSlots {
            fault = "a lane is in flight twice in one process"
        }
    }

    /// The consumer handles a call; its answer comes back, or does not.
    private mutating func answer(_ process: Int, isCalm: Bool = false) {
        guard !processes[process].calls.isEmpty, isCalm || !processes[process].isFrozen else { return }
        let batch = processes[process].calls.remove(at: dice.below(processes[process].calls.count))
        let outcome = isCalm || !rules.faults ? 9 : dice.below(10)
        if outcome == 0 { return processes[process].fail(batch, .unreachable, &table) }
        let isFaulty = rules.faults && !isCalm
        let verdicts = batch.events.map { event -> EventVerdict in
            isFaulty && dice.below(4) == 0
                ? consumer.postpone(event) : consumer.handle(event, rejects: rules.faults)
        }
        if outcome == 1 { return processes[process].fail(batch, .broken("no answer"), &table) }
        processes[process].finish(batch, verdicts, &table)
    }

    private mutating func tick(_ process: Int) {
        guard !processes[process].isFrozen else { return }
        processes[process].renew(&table)
    }

    /// Takes slots whose owner is dead, or frozen for so long that its lease is over.
    private mutating func take(_ process: Int) {
        guard !processes[process].isFrozen else { return }
        let gone = Set(processes.filter(\.isFrozen).map(\.name))
        processes[process].take(from: &table, living: Set(processes.map(\.name)).subtracting(gone), share: 2)
    }

    private mutating func crash(_ process: Int) {
        crashes += 1
        // What it had sent may still arrive.
        for batch in processes[process].calls where dice.below(2) == 0 {
            for event in batch.events { _ = consumer.handle(event, rejects: rules.faults) }
        }
        processes.remove(at: process)
        startProcess()
    }
}

/// The events and what became of them, as the database has them.
struct EventTable {
    struct Row {
        var event: Event
        var slot: Int32
        var attempts = 0
        /// Set while a row of `parked` leads to it.
        var nextAt: Timestamp?
    }

    private(set) var rows: [Int64: Row] = [:]
    private(set) var undone: Set<Int64> = []
    /// Owners and marks by slot.
    var owners: [Int32: Int] = [:]
    var marks: [Int32: SlotStore.Mark] = [:]
    var handovers: Set<Int64> = []
    /// Ended as dead letters in some process; what follows them in their lane went on.
    var givenUp: Set<Int64> = []
    private(set) var newest: Int64 = 0

    static let slots: Int32 = 3

    var ids: [Int64] { rows.keys.sorted() }

    mutating func insert(lane: Int, at: Timestamp) -> Row {
        newest += 1
        let event = Event(
            id: newest,
            source: .telegram,
            kind: "message",
            lane: "chat:main:\(lane)",
            receivedAt: at,
            body: "{}"
        )
        let row = Row(event: event, slot: Int32(lane) % Self.slots)
        rows[newest] = row
        undone.insert(newest)
        return row
    }

    /// What a new owner reads first: what the mark left open, and what is parked.
    func open(in slots: [Int32]) -> [StoredEvent] {
        undone.sorted().compactMap { rows[$0] }.filter { row in
            slots.contains(row.slot)
                && (row.nextAt != nil || marks[row.slot]?.open.contains(row.event.id) ?? false)
        }.map(Self.waiting)
    }

    /// Everything above a mark, handled or not.
    func page(in slots: [Int32], after: Int64, limit: Int) -> [StoredEvent] {
        rows.keys.filter { $0 > after }.sorted().compactMap { rows[$0] }.filter { slots.contains($0.slot) }
            .prefix(limit).map { StoredEvent($0.event, slot: $0.slot) }
    }

    func done(above id: Int64) -> Set<Int64> { Set(rows.keys.filter { $0 > id && !undone.contains($0) }) }

    /// What others accepted for slots of `owner`, which may think that it owns more than it does.
    func handed(to owner: Int, above floor: Int64) -> [StoredEvent] {
        handovers.intersection(undone).filter { $0 > floor }.sorted().compactMap { rows[$0] }.filter {
            owners[$0.slot] == owner
        }
        .map(Self.waiting)
    }

    /// In the order of `EventStore.record`: what was parked first, and only in slots that are still owned.
    mutating func write(_ completions: [Dispatcher.Completion], of owner: Int) {
        for case .parked(let id, let slot, let attempts, let at, _) in completions where owners[slot] == owner {
            rows[id]?.attempts = attempts
            rows[id]?.nextAt = at
        }
        for completion in completions where completion.isFinal {
            let (id, slot) = completion.place
            if case .dead = completion, owners[slot] != owner { continue }
            undone.remove(id)
            rows[id]?.nextAt = nil
        }
    }

    private static func waiting(_ row: Row) -> StoredEvent {
        StoredEvent(row.event, slot: row.slot, attempts: row.attempts, nextAt: row.nextAt)
    }
}

/// One ingress process: the real dispatch, with its surroundings played.
struct DispatchProcess {
    let name: Int
    var isFrozen = false
    /// It has found out that somebody took slots while their calls were under way.
    private(set) var hasLostSlots = false
    var calls: [Dispatcher.Batch] = []
    private let dispatch: Dispatch

    init(name: Int, clock: WallClock) {
        self.name = name
        self.dispatch = Dispatch(
            limits: .init(batchEvents: 4, callsPerConsumer: 3, attempts: 4, eventsInMemory: 4),
            clock: clock
        )
    }

    /// - Parameters:
    ///   - isAnswered: Whether the database says what became of the flight.
    ///   - readsHandovers: Whether it can be asked once more afterwards.
    mutating func accept(
        lane: Int,
        in table: inout EventTable,
        at: Timestamp,
        isAnswered: Bool,
        readsHandovers: Bool
    ) {
        let row = table.insert(lane: lane, at: at)
        let stored = StoredEvent(row.event, slot: row.slot)
        let group = SlotGroup(slot: row.slot, consumer: .conversation)
        // The flight reads what others handed over before it offers its own.
        if table.owners[row.slot] != name { table.handovers.insert(row.event.id) }
        guard isAnswered else { return dispatch.reread([group]) }
        if readsHandovers {
            dispatch.offer(table.handed(to: name, above: dispatch.floor))
        } else if table.owners[row.slot] == name {
            dispatch.reread([group])
        }
        if table.owners[row.slot] == name { dispatch.offer([stored]) }
    }

    mutating func send() -> Dispatcher.Batch? {
        _ = dispatch.wake()
        guard let batch = dispatch.nextBatch(for: .conversation) else { return nil }
        calls.append(batch)
        return batch
    }

    mutating func finish(_ batch: Dispatcher.Batch, _ verdicts: [EventVerdict], _ table: inout EventTable) {
        note(dispatch.finish(batch, verdicts), &table)
    }

    mutating func fail(_ batch: Dispatcher.Batch, _ failure: Dispatcher.CallFailure, _ table: inout EventTable) {
        note(dispatch.fail(batch, failure), &table)
    }

    private func note(_ completions: [Dispatcher.Completion], _ table: inout EventTable) {
        for case .dead(let id, _, _, _) in completions { table.givenUp.insert(id) }
    }

    func write(to table: inout EventTable) {
        guard !isFrozen else { return }
        table.write(dispatch.takeCompletions(), of: name)
        dispatch.confirmWritten()
    }

    mutating func renew(_ table: inout EventTable) {
        dispatch.offer(table.handed(to: name, above: dispatch.floor))
        var lost: [Int32] = []
        for mark in dispatch.marks(boundary: table.newest) {
            guard table.owners[mark.slot] == name else {
                lost.append(mark.slot)
                continue
            }
            if mark.lowID >= table.marks[mark.slot]?.lowID ?? 0 { table.marks[mark.slot] = mark }
        }
        if !lost.isEmpty {
            dispatch.drop(lost)
            hasLostSlots = true
        }
        read(table)
    }

    /// Catches up with the table; everything that is committed is within the boundary.
    private func read(_ table: EventTable) {
        while let reading = dispatch.reading(for: .conversation) {
            let page = table.page(in: reading.slots, after: reading.after, limit: reading.limit)
            let isLast = page.count < reading.limit
            if isLast { dispatch.joinBacklog(reading.slots, of: .conversation) }
            let end = isLast ? table.newest : page.last?.event.id ?? table.newest
            dispatch.offer(read: page, of: reading.slots, for: .conversation, upTo: end)
            if isLast { dispatch.endBacklog(reading.slots, of: .conversation) }
        }
        // Nothing is for the other consumers.
        for consumer in [Consumer.generation, .payments] {
            if let slots = dispatch.reading(for: consumer)?.slots { dispatch.endBacklog(slots, of: consumer) }
        }
    }

    mutating func take(from table: inout EventTable, living: Set<Int>, share: Int) {
        let free = (0..<EventTable.slots).filter { slot in
            guard let owner = table.owners[slot] else { return true }
            return !living.contains(owner)
        }
        let taken = free.prefix(max(0, share - dispatch.ownedSlots.count))
        guard !taken.isEmpty else { return }
        for slot in taken { table.owners[slot] = name }
        let marks = taken.map { table.marks[$0] ?? SlotStore.Mark(slot: $0, lowID: 0) }
        dispatch.take(
            marks.map { SlotStore.Taken(slot: $0.slot, lowID: $0.lowID, open: $0.open) },
            open: table.open(in: Array(taken)),
            done: table.done(above: marks.map(\.lowID).min() ?? 0)
        )
        read(table)
    }
}

/// A consumer as the contract asks for: what it has seen it does not do again.
struct JournalConsumer {
    private(set) var effects: [Int64: Int] = [:]
    private(set) var deliveries: [Int64: Int] = [:]
    private var journal: [String: [Int64]] = [:]
    private var rejected: Set<Int64> = []

    /// Some events can never be handled; which ones does not depend on how often they come.
    func rejects(_ id: Int64) -> Bool { rejected.contains(id) }

    mutating func handle(_ event: Event, rejects: Bool) -> EventVerdict {
        deliveries[event.id, default: 0] += 1
        if rejects && event.id % 11 == 0 {
            rejected.insert(event.id)
            return EventVerdict(id: event.id, verdict: .reject, reason: "never")
        }
        if effects[event.id] == nil {
            effects[event.id] = 1
            journal[event.lane, default: []].append(event.id)
        }
        return EventVerdict(id: event.id, verdict: .ok)
    }

    /// Not now: nothing is done, unless it was done before.
    mutating func postpone(_ event: Event) -> EventVerdict {
        deliveries[event.id, default: 0] += 1
        return effects[event.id] == nil
            ? EventVerdict(id: event.id, verdict: .retry, retryAfterMs: 500) : EventVerdict(id: event.id, verdict: .ok)
    }

    /// A lane whose effects did not come in the order of its events; those that were given up for a while don't count.
    func outOfOrder(_ givenUp: Set<Int64>) -> String? {
        for (lane, ids) in journal {
            let counted = ids.filter { !givenUp.contains($0) }
            if counted != counted.sorted() { return "\(lane) \(counted)" }
        }
        return nil
    }
}
