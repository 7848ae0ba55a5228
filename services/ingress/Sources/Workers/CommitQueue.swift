internal import Concurrency
internal import Postgres

/// One arrival that waits for its commit.
///
/// A class, since tickets move from list to list.
final class CommitTicket: Sendable {
    let arrival: Arrival
    /// Called exactly once, with whether it was new: by the flight that takes the ticket, or by the end of the worker.
    let done: @Sendable (Result<Bool, CommitEvents.Refusal>) -> Void

    init(_ arrival: Arrival, _ done: @escaping @Sendable (Result<Bool, CommitEvents.Refusal>) -> Void) {
        self.arrival = arrival
        self.done = done
    }
}

/// A batch on its way to the disk, and what became of it.
final class CommitFlight: Sendable {
    typealias Outcome = Result<EventStore.Accepted, PostgresError>
    let batch: [CommitTicket]
    /// Whether it is alone in the air and has to say how long the server worked (`CommitPace`).
    let isLook: Bool
    private let result = Locked<Outcome?>(nil)

    init(_ batch: [CommitTicket], isLook: Bool) {
        self.batch = batch
        self.isLook = isLook
    }

    /// Nil while it is in the air.
    var outcome: Outcome? { result.withLock { $0 } }
    func end(_ outcome: Outcome) { result.withLock { $0 = outcome } }
}

/// What waits for a flight, and when it is worth one.
struct CommitQueue {
    /// Of a whole batch: as many are worth a second flight, however large the one in the air is.
    private static let worthSecond = 1.0 / 4
    /// Of a whole batch: the most that each of two takes, so that some of a thousand senders are read and answered meanwhile.
    private static let mostOfTwo = 3.0 / 4

    /// How much may wait.
    struct Room {
        var arrivals: Int
        var bytes: Int

        var aTenthMore: Room { Room(arrivals: arrivals * 11 / 10, bytes: bytes * 11 / 10) }
    }

    private var tickets: [CommitTicket] = []
    /// They go with the next flight whatever waits before them.
    private var payments: [CommitTicket] = []
    /// Of the bodies that wait.
    private var bytes = 0
    /// How many must wait for a flight to be worth it.
    private var needed = 1
    var pace = CommitPace()
    var repeats = RepeatWatch()
    var known = KnownUpdates()
    /// Flights so far, those under way included.
    private(set) var started: Int64 = 0
    var landed: Int64 = 0

    var count: Int { tickets.count + payments.count }
    var isWorthFlight: Bool { count >= needed }

    /// What becomes of an arrival.
    enum Admission: Equatable {
        /// It is committed already.
        case known
        /// Too many wait.
        case full
        /// It waits for its flight; whether those that wait are worth one now.
        case waits(isWorthFlight: Bool)
    }

    /// - Parameters:
    ///   - room: No more may wait.
    ///   - done: The ticket's.
    mutating func admit(
        _ arrival: Arrival,
        room: Room,
        _ done: @escaping @Sendable (Result<Bool, CommitEvents.Refusal>) -> Void
    ) -> Admission {
        if case .update(let bot, let id) = arrival.dedup, known.contains(id, of: bot) { return .known }
        guard count < room.arrivals, bytes + arrival.body.count <= room.bytes else { return .full }
        append(CommitTicket(arrival, done))
        return .waits(isWorthFlight: isWorthFlight)
    }

    mutating func append(_ ticket: CommitTicket) {
        bytes += ticket.arrival.body.count
        if ticket.arrival.isPayment { payments.append(ticket) } else { tickets.append(ticket) }
    }

    /// The next flight; nil while what waits is not worth one.
    ///
    /// - Parameters:
    ///   - limit: As many as it takes.
    ///   - flights: Those that have not landed, the oldest first.
    mutating func takeFlight(_ limit: Int, behind flights: [CommitFlight]) -> CommitFlight? {
        let inAir = flights.filter { $0.outcome == nil }
        needed =
            if flights.isEmpty { 1 } else if !pace.allowsSecond { .max } else if inAir.isEmpty { 1 } else {
                inAir.count == 1 ? min(inAir[0].batch.count, Int(Double(limit) * Self.worthSecond)) : .max
            }
        guard isWorthFlight else { return nil }
        // Two flights may take their numbers in any order: a lane has its events in one of them.
        let lanes = inAir.first.map { LaneMarks($0.batch.lazy.map(\.arrival.laneMark)) }
        let most = pace.allowsSecond ? Int((Double(limit) * Self.mostOfTwo).rounded(.up)) : limit
        var batch = Self.take(most, from: &payments, except: lanes)
        batch += Self.take(most - batch.count, from: &tickets, except: lanes)
        guard !batch.isEmpty else { return nil }
        for ticket in batch { bytes -= ticket.arrival.body.count }
        started += 1
        return CommitFlight(batch, isLook: pace.isLooking && inAir.isEmpty)
    }

    mutating func takeAll() -> [CommitTicket] {
        defer { (payments, tickets, bytes) = ([], [], 0) }
        return payments + tickets
    }

    private static func take(
        _ limit: Int,
        from queue: inout [CommitTicket],
        except lanes: LaneMarks?
    ) -> [CommitTicket] {
        if lanes == nil, queue.count <= limit {
            defer { queue = [] }
            return queue
        }
        var (taken, left): ([CommitTicket], [CommitTicket]) = ([], [])
        for ticket in queue {
            if taken.count < limit, lanes.map({ !$0.contains(ticket.arrival.laneMark) }) ?? true {
                taken.append(ticket)
            } else {
                left.append(ticket)
            }
        }
        queue = left
        return taken
    }
}
