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
        /// The same for the bytes of their bodies, but for the last one.
        var bytesInMemory = 64 << 20
    }

    let limits: Limits
    private var lanes: [String: DispatchLane] = [:]
    private var desks = PerConsumer { _ in DispatchDesk() }
    private var pauses = LanePauses()
    private var undone = UndoneIDs()
    /// Slots that are about to be given away: their lanes send nothing new.
    private var leaving: Set<Int32> = []
    private(set) var eventCount = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// How many more events of a consumer fit into memory.
    func room(for consumer: Consumer) -> Int {
        desks[consumer].bytes < limits.bytesInMemory ? limits.eventsInMemory - desks[consumer].events : 0
    }

    /// When the oldest unhandled event of each consumer arrived; goes through all lanes.
    var oldestArrivals: [Consumer: Timestamp] {
        lanes.values.reduce(into: [:]) { oldest, lane in
            guard let arrival = lane.queue.first?.stored.event.receivedAt else { return }
            oldest[lane.consumer] = min(oldest[lane.consumer] ?? arrival, arrival)
        }
    }

    /// Ids of the slot that are not completed and not parked.
    func undone(in slot: Int32) -> Set<Int64> { undone[slot] }

    /// Adds an event at the end of its lane. An id that is already known is ignored.
    mutating func offer(_ stored: StoredEvent) {
        guard undone.insert(stored.event.id, of: stored.slot, isParked: stored.nextAt != nil) else { return }
        eventCount += 1
        let (lane, consumer) = (stored.event.lane, stored.consumer)
        desks[consumer].enter(stored)
        let isFirst = lanes[lane, default: DispatchLane(consumer: consumer)].insert(stored)
        guard isFirst else { return }
        if let until = stored.nextAt {
            pauses.begin(lane, until: until)
        } else {
            desks[consumer].append(lane)
        }
    }

    /// The next call to make to a consumer; nil while there is nothing to send or no call is free.
    mutating func nextBatch(for consumer: Consumer, now: Timestamp) -> Batch? {
        guard desks[consumer].isFree(limit: limits.callsPerConsumer, now: now) else { return nil }
        var events: [Event] = []
        var isSolo = false
        while events.count < limits.batchEvents, !isSolo, let name = desks[consumer].next {
            guard let place = lanes.index(forKey: name), let first = lanes.values[place].next,
                !leaving.contains(first.stored.slot)
            else {
                desks[consumer].advance()
                continue
            }
            let goesAlone = lanes.values[place].isSolo
            if goesAlone, !events.isEmpty { break }
            isSolo = goesAlone
            desks[consumer].advance()
            lanes.values[place].isInFlight = true
            var event = first.stored.event
            event.attempt = first.attempts + 1
            events.append(event)
        }
        guard !events.isEmpty else { return nil }
        desks[consumer].calls += 1
        return Batch(consumer: consumer, events: events, isSolo: isSolo)
    }

    /// Takes a consumer's verdicts. An event without a verdict, and a verdict for another event, count as `retry`.
    mutating func finish(_ batch: Batch, _ verdicts: [EventVerdict], now: Timestamp) -> [Completion] {
        desks[batch.consumer].calls -= 1
        desks[batch.consumer].succeeded()
        return zip(batch.events, Self.match(verdicts, to: batch.events)).compactMap { event, verdict in
            switch verdict?.verdict {
            case .ok: return complete(event, as: nil)
            case .reject: return complete(event, as: verdict?.reason ?? "rejected")
            case .retry, nil:
                let pause = verdict?.retryAfterMs.map { Duration.milliseconds(min(max($0, 0), 600_000)) }
                return park(event, pause: pause, error: verdict?.reason ?? "no verdict", now: now)
            }
        }
    }

    /// The verdict on each event, nil where there is none. They come in the events' order from all who keep to the contract.
    private static func match(_ verdicts: [EventVerdict], to events: [Event]) -> [EventVerdict?] {
        if events.elementsEqual(verdicts, by: { $0.id == $1.id }) { return verdicts }
        let byID = Dictionary(verdicts.map { ($0.id, $0) }) { first, _ in first }
        return events.map { byID[$0.id] }
    }

    /// Takes a call that brought no verdicts.
    mutating func fail(_ batch: Batch, _ failure: CallFailure, now: Timestamp) -> [Completion] {
        desks[batch.consumer].calls -= 1
        switch failure {
        case .unreachable:
            desks[batch.consumer].failed(now: now)
            for event in batch.events { putBack(event, solo: nil) }
            return []
        case .broken(let error) where batch.isSolo:
            return batch.events.compactMap { park($0, pause: nil, error: error, now: now) }
        case .broken:
            desks[batch.consumer].failed(now: now)
            for event in batch.events { putBack(event, solo: true) }
            return []
        }
    }

    /// Makes lanes ready whose pause is over.
    ///
    /// - Returns: When the next pause ends; nil if nothing waits.
    mutating func wake(now: Timestamp) -> Timestamp? {
        for name in pauses.takeEnded(now: now) {
            guard let place = lanes.index(forKey: name) else { continue }
            lanes.values[place].parkedUntil = nil
            desks[lanes.values[place].consumer].append(name)
        }
        var next = pauses.earliest
        for consumer in Consumer.allCases {
            if let trial = desks[consumer].nextTrial { next = min(next ?? trial, trial) }
        }
        return next
    }

    /// Sends nothing new of these slots; what is in flight goes on.
    mutating func leave(_ slots: some Sequence<Int32>) { leaving.formUnion(slots) }

    /// Takes `leave` back.
    mutating func stay() {
        guard !leaving.isEmpty else { return }
        for (name, lane) in lanes where lane.queue.first.map({ leaving.contains($0.stored.slot) }) ?? false {
            desks[lane.consumer].append(name)
        }
        leaving = []
    }

    /// Whether a call with an event of these slots, of any slot if nil, is under way.
    func isInFlight(_ slots: Set<Int32>?) -> Bool {
        guard let slots else { return Consumer.allCases.contains { desks[$0].calls > 0 } }
        return lanes.values.contains { $0.isInFlight && $0.queue.first.map { slots.contains($0.stored.slot) } ?? false }
    }

    /// Forgets the lanes of a slot that another instance owns now. What is in flight stays until its call ends.
    mutating func drop(slot: Int32) {
        leaving.remove(slot)
        undone.removeAll(of: slot)
        for (name, lane) in lanes where lane.queue.contains(where: { $0.stored.slot == slot }) {
            lanes[name] = nil
            pauses.forget(name)
            eventCount -= lane.queue.count
            for waiting in lane.queue { desks[lane.consumer].leave(waiting.stored) }
        }
    }

    // MARK: - Ends of one event

    private mutating func complete(_ event: Event, as error: String?) -> Completion? {
        guard let place = placeInFlight(event) else { return nil }
        let consumer = lanes.values[place].consumer
        let head = lanes.values[place].removeHead()
        undone.remove(event.id, of: head.stored.slot, isParked: head.isParked)
        eventCount -= 1
        desks[consumer].leave(head.stored)
        if lanes.values[place].queue.isEmpty {
            lanes.remove(at: place)
        } else {
            desks[consumer].append(event.lane)
        }
        guard let error else { return .done(id: event.id, slot: head.stored.slot, wasParked: head.isParked) }
        return .dead(id: event.id, slot: head.stored.slot, attempts: head.attempts + 1, error: error)
    }

    private mutating func park(_ event: Event, pause: Duration?, error: String, now: Timestamp) -> Completion? {
        guard let place = placeInFlight(event) else { return nil }
        let slot = lanes.values[place].queue[0].stored.slot
        let attempts = lanes.values[place].queue[0].attempts + 1
        guard attempts < limits.attempts else { return complete(event, as: error) }
        let until = now + (pause ?? Self.pause(after: attempts, id: event.id))
        lanes.values[place].park(until: until, attempts: attempts)
        undone.park(event.id, of: slot)
        pauses.begin(event.lane, until: until)
        return .parked(id: event.id, slot: slot, attempts: attempts, at: until, error: error)
    }

    private mutating func putBack(_ event: Event, solo: Bool?) {
        guard let place = placeInFlight(event) else { return }
        lanes.values[place].isInFlight = false
        if let solo { lanes.values[place].isSolo = solo }
        desks[lanes.values[place].consumer].append(event.lane)
    }

    /// Where the lane is of which the event is the head and in flight. A call that outlives the loss of its slot ends when
    /// the slot may be back, and its lane with it: nil then.
    private func placeInFlight(_ event: Event) -> Dictionary<String, DispatchLane>.Index? {
        guard let place = lanes.index(forKey: event.lane), lanes.values[place].isInFlight,
            lanes.values[place].queue.first?.stored.event.id == event.id
        else { return nil }
        return place
    }

    /// 0.5 s doubling to 60 s, spread by a fifth of the pause; the id decides the spread, since a machine has no dice.
    static func pause(after attempts: Int, id: Int64) -> Duration {
        let base: Int64 = min(500 << Int64(min(attempts - 1, 7)), 60_000)
        let spread: Int64 = base / 5
        let share: Int64 = (id &* 2_654_435_761) & 0xFFFF
        return .milliseconds(base - spread / 2 + share * spread / 0xFFFF)
    }
}
