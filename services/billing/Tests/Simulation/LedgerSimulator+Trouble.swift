import Contracts
import ProofKit

@testable import BillingService

/// What goes wrong, and what the service does about it.
extension LedgerSimulator {
    /// Its queue and its callers' hopes are gone; what it sent to the database is finished there or rolled back.
    mutating func crashInstance(_ instance: Int) {
        note("instance crash")
        queues[instance] = []
        for index in flights.indices where flights[index].instance == instance { flights[index].instance = nil }
        dropUnsent()
    }

    /// Whoever was not committing is rolled back; a COMMIT under way happens now, or never.
    mutating func crashDatabase() {
        note("database crash")
        while let index = flights.firstIndex(where: \.holdsLocks) { lose(index) }
    }

    mutating func loseConnection(_ index: Int) {
        guard flights[index].holdsLocks else { return }
        note("connection lost")
        if flights[index].isCommitting, random.isOne(in: 3) {
            // The database has not noticed: it keeps the locks and commits later.
            note("late commit")
            var orphan = flights[index]
            orphan.instance = nil
            flights.append(orphan)
            return repeatBatch(flights.remove(at: index))
        }
        lose(index)
    }

    /// The transaction is over: a COMMIT under way has happened, or never will.
    private mutating func lose(_ index: Int) {
        let flight = flights.remove(at: index)
        if case .committing(let verdicts, let rows, let facts) = flight.step, random.isOne(in: 2) {
            _ = commit(flight, verdicts, rows, facts)
        }
        repeatBatch(flight)
    }

    /// The instance, which has heard nothing, sends the batch again.
    private mutating func repeatBatch(_ flight: SimulatedFlight) {
        guard let instance = flight.instance else { return }
        add(flight.calls, instance)
        guard case .committing(let verdicts, let rows, let facts) = flight.step else { return }
        note("unknown commit")
        switch blunder {
        case .repeatsRows: flights[flights.count - 1].step = .repeating(verdicts, rows, facts)
        case .takesUnknownForNo:
            flights.removeLast()
            for call in flight.calls { renameKey(of: call) }
        default: break
        }
    }

    private mutating func renameKey(of call: SimulatedCall) {
        guard clients[call.client].item == call.item else { return }
        lastFlight += 1
        clients[call.client].item.key.key += "/\(lastFlight)"
        clients[call.client].attempt = 0
        guard tables.operations[call.item.key] != nil else { return }
        renamed.append((old: call.item.key, new: clients[call.client].item.key))
    }

    /// Both calls of a pair that took effect: money moved twice.
    var doubleEffect: String? {
        let pair = renamed.first { pair in
            let pair = [pair.old, pair.new].compactMap { tables.operations[$0] }
            return pair.count == 2 && pair.allSatisfy { $0.answer.verdict == "ok" && Self.moving.contains($0.kind) }
        }
        return pair.map { "\($0.old) and \($0.new) both moved money" }
    }

    /// What moves money each time that it is done.
    private static let moving: Set<OperationKind> = [.gift, .refundCharge, .refundCredit]

    /// Flights without an instance that have not sent COMMIT can't go on.
    private mutating func dropUnsent() {
        flights.removeAll { $0.instance == nil && !$0.isCommitting }
    }
}
