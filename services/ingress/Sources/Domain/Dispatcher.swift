internal import Contracts
internal import Time

/// Which events go to which consumer next: one in flight per lane, lanes in parallel, a consumer's trouble its own.
///
/// A pure machine: events, verdicts and time go in, batches and records to write come out. Every event that was offered
/// leaves it through exactly one `Completion` with `.done` or `.dead`, or through `drop(slot:)`.
struct Dispatcher {
    /// Events of distinct lanes that go out in one call.
    struct Batch: Equatable {
        var consumer: Consumer
        var events: [Event]
        /// Sent alone to find out whether it is the one that breaks its consumer; a failure then counts against it.
        var isSolo: Bool
    }

    /// What to write down about an event.
    enum Completion: Equatable {
        /// `wasParked`: a row of `parked` has to go.
        case done(id: Int64, slot: Int32, wasParked: Bool = false)
        /// Tried again at `at`; its lane waits.
        case parked(id: Int64, slot: Int32, attempts: Int, at: Timestamp, error: String)
        /// Never tried again by itself; its lane goes on.
        case dead(id: Int64, slot: Int32, attempts: Int, error: String)
    }

    /// How a call ended that brought no verdicts.
    enum CallFailure: Equatable {
        /// The consumer was not reached, or said that it is not ready: nobody's fault, nothing is counted.
        case unreachable
        /// The consumer broke off or answered with an error of its own: one of the batch may be poison.
        case broken(String)
    }

    struct Limits {
        /// The most events in a call.
        var batchEvents = 64
        /// The most calls to one consumer at a time.
        var callsPerConsumer = 8
        /// Tries before an event is a dead letter.
        var attempts = 30
        /// The most events of a consumer held in memory; beyond it slots fall behind and are read from the table later.
        var eventsInMemory = 50_000
    }

    private struct Waiting {
        var event: Event
        var slot: Int32
        var attempts: Int
        /// A row of `parked` leads back to it, so that no mark needs to wait for it.
        var isParked: Bool
    }

    private struct Lane {
        var queue: [Waiting] = []
        var isInFlight = false
        /// Set while the head waits for another try.
        var parkedUntil: Timestamp?
        var isSolo = false
        let consumer: Consumer

        /// What may be sent now.
        var next: Waiting? { isInFlight || parkedUntil != nil ? nil : queue.first }

        /// Takes an event in.
        ///
        /// - Returns: Whether the lane now waits for what waits for this event: its pause, or its turn.
        mutating func insert(_ waiting: Waiting, _ parkedUntil: Timestamp?) -> Bool {
            // Ids grow with the time of the commit, so a lane is nearly always appended to; a late reader of the table
            // may bring an older one.
            let index = queue.lastIndex { $0.event.id < waiting.event.id }.map { $0 + 1 } ?? 0
            queue.insert(waiting, at: isInFlight ? max(1, index) : index)
            guard let parkedUntil else { return queue.count == 1 && !isInFlight }
            guard index == 0 else { return false }
            self.parkedUntil = parkedUntil
            return true
        }
    }

    private struct Desk {
        var ready: [String] = []
        var head = 0
        var calls = 0
        /// Events in memory.
        var events = 0
        var failures = 0
        var closedUntil: Timestamp?
    }

    let limits: Limits
    private var lanes: [String: Lane] = [:]
    private var desks: [Consumer: Desk] = [:]
    private var parked: [String: Timestamp] = [:]
    /// No pause ends before this moment, so that most looks need not go through them all.
    private var earliestPause: Timestamp?
    /// Ids in memory by slot: those that only their slot's mark leads back to, and those that are parked.
    private var undone: [Int32: Set<Int64>] = [:]
    private var parkedIDs: [Int32: Set<Int64>] = [:]
    /// Slots that are about to be given away: their lanes send nothing new.
    private var leaving: Set<Int32> = []
    private(set) var eventCount = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
        for consumer in Consumer.allCases { desks[consumer] = Desk() }
    }

    /// How many more events of a consumer fit into memory.
    func room(for consumer: Consumer) -> Int { limits.eventsInMemory - (desks[consumer]?.events ?? 0) }

    /// When the oldest unhandled event of each consumer arrived; goes through all lanes.
    var oldestArrivals: [Consumer: Timestamp] {
        lanes.values.reduce(into: [:]) { oldest, lane in
            guard let arrival = lane.queue.first?.event.receivedAt else { return }
            oldest[lane.consumer] = min(oldest[lane.consumer] ?? arrival, arrival)
        }
    }

    /// Ids of the slot that are not completed and not parked.
    func undone(in slot: Int32) -> Set<Int64> { undone[slot] ?? [] }

    /// Adds an event at the end of its lane. An id that is already known is ignored.
    ///
    /// - Parameter parkedUntil: For an event that waited for another try when its former owner stopped.
    mutating func offer(_ event: Event, slot: Int32, attempts: Int = 0, parkedUntil: Timestamp? = nil) {
        let isParked = parkedUntil != nil
        if isParked {
            guard undone[slot]?.contains(event.id) != true, parkedIDs[slot, default: []].insert(event.id).inserted
            else { return }
        } else {
            guard parkedIDs[slot]?.contains(event.id) != true, undone[slot, default: []].insert(event.id).inserted
            else { return }
        }
        eventCount += 1
        let consumer = Consumer(source: event.source, lane: event.lane)
        desks[consumer]?.events += 1
        let waiting = Waiting(event: event, slot: slot, attempts: attempts, isParked: isParked)
        let isFirst = lanes[event.lane, default: Lane(consumer: consumer)].insert(waiting, parkedUntil)
        guard isFirst else { return }
        if let parkedUntil {
            holdBack(event.lane, until: parkedUntil)
        } else {
            desks[consumer]?.ready.append(event.lane)
        }
    }

    /// The next call to make to a consumer; nil while there is nothing to send or no call is free.
    mutating func nextBatch(for consumer: Consumer, now: Timestamp) -> Batch? {
        guard var desk = desks.removeValue(forKey: consumer) else { return nil }
        defer { desks[consumer] = desk }
        guard desk.calls < limits.callsPerConsumer, desk.head < desk.ready.count else { return nil }
        if let closedUntil = desk.closedUntil {
            // One call at a time finds out whether the consumer is back.
            guard now >= closedUntil, desk.calls == 0 else { return nil }
        }
        var events: [Event] = []
        var isSolo = false
        while events.count < limits.batchEvents, desk.head < desk.ready.count {
            let name = desk.ready[desk.head]
            guard let place = lanes.index(forKey: name), let first = lanes.values[place].next,
                !leaving.contains(first.slot)
            else {
                desk.head += 1
                continue
            }
            let isAlone = lanes.values[place].isSolo
            if isAlone && !events.isEmpty { break }
            desk.head += 1
            lanes.values[place].isInFlight = true
            var event = first.event
            event.attempt = first.attempts + 1
            events.append(event)
            if isAlone {
                isSolo = true
                break
            }
        }
        if desk.head > 1_024 && desk.head * 2 > desk.ready.count {
            desk.ready.removeFirst(desk.head)
            desk.head = 0
        }
        guard !events.isEmpty else { return nil }
        desk.calls += 1
        return Batch(consumer: consumer, events: events, isSolo: isSolo)
    }

    /// Takes a consumer's verdicts. An event without a verdict, and a verdict for another event, count as `retry`.
    mutating func finish(_ batch: Batch, _ verdicts: [EventVerdict], now: Timestamp) -> [Completion] {
        desks[batch.consumer]?.calls -= 1
        desks[batch.consumer]?.failures = 0
        desks[batch.consumer]?.closedUntil = nil
        let byID = Dictionary(verdicts.map { ($0.id, $0) }) { first, _ in first }
        return batch.events.compactMap { event in
            let verdict = byID[event.id]
            switch verdict?.verdict {
            case .ok: return complete(event, as: nil)
            case .reject: return complete(event, as: verdict?.reason ?? "rejected")
            case .retry, nil:
                let pause = verdict?.retryAfterMs.map { Duration.milliseconds(min(max($0, 0), 600_000)) }
                return park(event, pause: pause, error: verdict?.reason ?? "no verdict", now: now)
            }
        }
    }

    /// Takes a call that brought no verdicts.
    mutating func fail(_ batch: Batch, _ failure: CallFailure, now: Timestamp) -> [Completion] {
        desks[batch.consumer]?.calls -= 1
        switch failure {
        case .unreachable:
            close(batch.consumer, now: now)
            for event in batch.events { putBack(event, solo: nil) }
            return []
        case .broken(let error) where batch.isSolo:
            return batch.events.compactMap { park($0, pause: nil, error: error, now: now) }
        case .broken:
            close(batch.consumer, now: now)
            for event in batch.events { putBack(event, solo: true) }
            return []
        }
    }

    /// Makes lanes ready whose pause is over.
    ///
    /// - Returns: When the next pause ends; nil if nothing waits.
    mutating func wake(now: Timestamp) -> Timestamp? {
        if let earliest = earliestPause, earliest <= now { endPauses(now: now) }
        var next = earliestPause
        for desk in desks.values {
            if let until = desk.closedUntil, desk.head < desk.ready.count { next = min(next ?? until, until) }
        }
        return next
    }

    private mutating func holdBack(_ lane: String, until: Timestamp) {
        parked[lane] = until
        earliestPause = min(earliestPause ?? until, until)
    }

    private mutating func endPauses(now: Timestamp) {
        earliestPause = nil
        for (name, until) in parked {
            if until > now {
                earliestPause = min(earliestPause ?? until, until)
                continue
            }
            parked[name] = nil
            lanes[name]?.parkedUntil = nil
            if let consumer = lanes[name]?.consumer { desks[consumer]?.ready.append(name) }
        }
    }

    /// Sends nothing new of these slots; what is in flight goes on.
    mutating func leave(_ slots: some Sequence<Int32>) { leaving.formUnion(slots) }

    /// Takes `leave` back.
    mutating func stay() {
        guard !leaving.isEmpty else { return }
        for (name, lane) in lanes where lane.queue.first.map({ leaving.contains($0.slot) }) ?? false {
            // Twice in the list is harmless: a lane that is in flight or parked is passed over.
            desks[lane.consumer]?.ready.append(name)
        }
        leaving = []
    }

    /// Whether a call with an event of these slots, of any slot if nil, is under way.
    func isInFlight(_ slots: Set<Int32>?) -> Bool {
        guard let slots else { return desks.values.contains { $0.calls > 0 } }
        return lanes.values.contains { $0.isInFlight && $0.queue.first.map { slots.contains($0.slot) } ?? false }
    }

    /// Forgets the lanes of a slot that another instance owns now. What is in flight stays until its call ends.
    mutating func drop(slot: Int32) {
        leaving.remove(slot)
        undone[slot] = nil
        parkedIDs[slot] = nil
        for (name, lane) in lanes where lane.queue.contains(where: { $0.slot == slot }) {
            lanes[name] = nil
            parked[name] = nil
            eventCount -= lane.queue.count
            desks[lane.consumer]?.events -= lane.queue.count
        }
    }

    // MARK: - Ends of one event

    private mutating func complete(_ event: Event, as error: String?) -> Completion? {
        guard let place = placeInFlight(event) else { return nil }
        let head = lanes.values[place].queue.removeFirst()
        let consumer = lanes.values[place].consumer
        forget(head, of: consumer)
        if lanes.values[place].queue.isEmpty {
            lanes.remove(at: place)
        } else {
            lanes.values[place].isInFlight = false
            lanes.values[place].isSolo = false
            desks[consumer]?.ready.append(event.lane)
        }
        guard let error else { return .done(id: event.id, slot: head.slot, wasParked: head.isParked) }
        return .dead(id: event.id, slot: head.slot, attempts: head.attempts + 1, error: error)
    }

    private mutating func park(_ event: Event, pause: Duration?, error: String, now: Timestamp) -> Completion? {
        guard let place = placeInFlight(event) else { return nil }
        let slot = lanes.values[place].queue[0].slot
        let attempts = lanes.values[place].queue[0].attempts + 1
        guard attempts < limits.attempts else { return complete(event, as: error) }
        let until = now + (pause ?? Self.pause(after: attempts, id: event.id))
        lanes.values[place].queue[0].attempts = attempts
        lanes.values[place].queue[0].isParked = true
        undone[slot]?.remove(event.id)
        parkedIDs[slot, default: []].insert(event.id)
        lanes.values[place].isInFlight = false
        lanes.values[place].parkedUntil = until
        holdBack(event.lane, until: until)
        return .parked(id: event.id, slot: slot, attempts: attempts, at: until, error: error)
    }

    private mutating func putBack(_ event: Event, solo: Bool?) {
        guard let place = placeInFlight(event) else { return }
        lanes.values[place].isInFlight = false
        if let solo { lanes.values[place].isSolo = solo }
        desks[lanes.values[place].consumer]?.ready.append(event.lane)
    }

    /// Where the lane is of which the event is the head and in flight. A call that outlives the loss of its slot ends when
    /// the slot may be back, and its lane with it: nil then.
    private func placeInFlight(_ event: Event) -> Dictionary<String, Lane>.Index? {
        guard let place = lanes.index(forKey: event.lane), lanes.values[place].isInFlight,
            lanes.values[place].queue.first?.event.id == event.id
        else { return nil }
        return place
    }

    private mutating func close(_ consumer: Consumer, now: Timestamp) {
        guard var desk = desks[consumer] else { return }
        desk.failures += 1
        desk.closedUntil = now + .milliseconds(min(50 << min(desk.failures, 5), 1_000))
        desks[consumer] = desk
    }

    private mutating func forget(_ waiting: Waiting, of consumer: Consumer) {
        undone[waiting.slot]?.remove(waiting.event.id)
        if waiting.isParked { parkedIDs[waiting.slot]?.remove(waiting.event.id) }
        eventCount -= 1
        desks[consumer]?.events -= 1
    }

    /// 0.5 s doubling to 60 s, spread by a fifth of the pause; the id decides the spread, since a machine has no dice.
    static func pause(after attempts: Int, id: Int64) -> Duration {
        let base: Int64 = min(500 << Int64(min(attempts - 1, 7)), 60_000)
        let spread: Int64 = base / 5
        let share: Int64 = (id &* 2_654_435_761) & 0xFFFF
        return .milliseconds(base - spread / 2 + share * spread / 0xFFFF)
    }
}
