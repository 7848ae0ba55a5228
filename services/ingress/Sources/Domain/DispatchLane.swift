internal import Contracts
internal import Time

/// Events that are handled one after the other, the oldest first.
struct DispatchLane {
    struct Waiting {
        let stored: StoredEvent
        var attempts: Int
        /// A row of `parked` leads back to it, so that no mark needs to wait for it.
        var isParked: Bool
    }

    let consumer: Consumer
    private(set) var queue: [Waiting] = []
    /// Whether the head is in a call.
    var isInFlight = false
    /// Set while the head waits for another try.
    var parkedUntil: Timestamp?
    /// The head goes alone, to find out whether it breaks its consumer.
    var isSolo = false

    init(consumer: Consumer) { self.consumer = consumer }

    /// What may be sent now.
    var next: Waiting? { isInFlight || parkedUntil != nil ? nil : queue.first }

    /// Takes an event in.
    ///
    /// - Returns: Whether this event decides when the lane goes on: the caller begins its pause, or puts the lane in line.
    mutating func insert(_ stored: StoredEvent) -> Bool {
        let waiting = Waiting(stored: stored, attempts: stored.attempts, isParked: stored.nextAt != nil)
        // Ids grow with the time of the commit, so a lane is nearly always appended to; a late reader of the table
        // may bring an older one.
        let index = queue.lastIndex { $0.stored.event.id < stored.event.id }.map { $0 + 1 } ?? 0
        queue.insert(waiting, at: isInFlight ? max(1, index) : index)
        guard let until = stored.nextAt else { return queue.count == 1 && !isInFlight }
        guard index == 0 else { return false }
        parkedUntil = until
        return true
    }

    /// The head waits for another try.
    mutating func park(until: Timestamp, attempts: Int) {
        queue[0].attempts = attempts
        queue[0].isParked = true
        isInFlight = false
        parkedUntil = until
    }

    /// The head has ended; what follows has its turn.
    mutating func removeHead() -> Waiting {
        isInFlight = false
        isSolo = false
        return queue.removeFirst()
    }
}

/// Lanes whose head waits for another try.
struct LanePauses {
    private var ends: [String: Timestamp] = [:]
    /// No pause ends before this moment, so that most looks need not go through them all.
    private(set) var earliest: Timestamp?

    mutating func begin(_ lane: String, until: Timestamp) {
        ends[lane] = until
        earliest = min(earliest ?? until, until)
    }

    mutating func forget(_ lane: String) { ends[lane] = nil }

    /// Takes out those whose pause is over.
    mutating func takeEnded(now: Timestamp) -> [String] {
        guard let earliest, earliest <= now else { return [] }
        let ended = ends.filter { $0.value <= now }.map(\.key)
        for lane in ended { ends[lane] = nil }
        self.earliest = ends.values.min()
        return ended
    }
}
