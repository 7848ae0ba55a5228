import Contracts
import ProofKit
import Time

@testable import BillingService

/// Clients, two instances and a database on one virtual clock, all choices from one seed.
///
/// The database keeps what PostgreSQL promises: locks until the end of a transaction, all or nothing, and a COMMIT whose
/// answer got lost may have happened or may still happen. Instances do what the service does: they look up whose
/// adjustment is decided, repeat a batch after a lost connection, and try items singly after a unique violation. Clients
/// repeat a call under its key until they have an answer.
struct LedgerSimulator {
    struct Client {
        var item: LedgerItem
        var attempt = 0
        /// When it stops waiting for the attempt.
        var patience = Timestamp(microseconds: 0)
    }

    private static let clients = 6
    private static let instances = 2
    private static let flightsPerInstance = 2

    let blunder: Blunder?
    private(set) var failure: String?
    private(set) var answered = 0
    private(set) var events: [String: Int] = [:]

    var random: SeededGenerator
    private var now = Timestamp(seconds: 1_795_000_000)
    var tables = SimulatedTables()
    private var script = CallScript()
    private var reference = ReferenceLedger(rules: CallScript.rules)
    var clients: [Client] = []
    var queues = [[SimulatedCall]](repeating: [], count: Self.instances)
    var flights: [SimulatedFlight] = []
    var lastFlight = 0
    /// What callers were told, by key; the first one counts.
    private var told: [OperationKey: (answer: LedgerAnswer, wasFresh: Bool)] = [:]
    /// Calls that were asked again under another key although the first had happened; only by blunder.
    var renamed: [(old: OperationKey, new: OperationKey)] = []
    private var isCalm = false

    init(seed: UInt64, blunder: Blunder? = nil) {
        self.random = SeededGenerator(seed: seed)
        self.blunder = blunder
        for _ in 0..<Self.clients { clients.append(Client(item: nextItem())) }
    }

    /// Runs until so many calls were answered, then lets everything come to rest and looks at the books.
    mutating func run(calls: Int) {
        var steps = 0
        while answered < calls, failure == nil, steps < calls * 200 {
            step()
            steps += 1
        }
        isCalm = true
        while !flights.isEmpty || queues.contains(where: { !$0.isEmpty }), failure == nil, steps < calls * 400 {
            step()
            steps += 1
        }
        if answered < calls, failure == nil { failure = "only \(answered) of \(calls) calls were answered" }
        if let difference = tables.difference(of: CallScript.users) { fail(difference) }
        for (key, told) in told where told.wasFresh || told.answer.verdict == "ok" {
            guard let stored = tables.operations[key] else {
                if told.wasFresh { fail("\(key) was acknowledged and is lost") }
                continue
            }
            if stored.answer != told.answer { fail("\(key) was answered \(told.answer), stored is \(stored.answer)") }
        }
    }

    private mutating func fail(_ what: String) {
        if failure == nil { failure = "\(what) (events: \(events))" }
    }

    // MARK: One step of somebody

    private mutating func step() {
        now = now + .microseconds(random.number(1...400_000))
        switch random.number(0...99) {
        case 0..<30: if !isCalm { clientActs() }
        case 30..<92: if !flights.isEmpty { advance(random.number(0...flights.count - 1)) }
        case 92..<94: if !isCalm { crashInstance(random.number(0...Self.instances - 1)) }
        case 94..<95: if !isCalm { crashDatabase() }
        case 95..<97: if !isCalm, !flights.isEmpty { loseConnection(random.number(0...flights.count - 1)) }
        default: break
        }
        for instance in 0..<Self.instances { launch(instance) }
    }

    /// Sends its call, again if the answer is overdue.
    private mutating func clientActs() {
        let number = random.number(0...clients.count - 1)
        guard clients[number].attempt == 0 || clients[number].patience < now else { return }
        clients[number].attempt += 1
        clients[number].patience = now + .seconds(random.number(1...20))
        let owner = owner(of: clients[number].item)
        clients[number].item.userID = owner ?? clients[number].item.userID
        let call = SimulatedCall(client: number, attempt: clients[number].attempt, item: clients[number].item)
        // The service itself answers that nobody knows the adjustment.
        guard owner != nil else { return finish(call) }
        queues[random.number(0...Self.instances - 1)].append(call)
    }

    /// Whose account is locked first; of a decision the committed adjustment says it, nil if nobody knows that.
    private func owner(of item: LedgerItem) -> UserID? {
        guard case .decideAdjustment(let id, _, _) = item.action else { return item.userID }
        return tables.owner(of: id)
    }

    private mutating func launch(_ instance: Int) {
        while !queues[instance].isEmpty,
            flights.filter({ $0.instance == instance }).count < Self.flightsPerInstance
        {
            let count = min(queues[instance].count, random.number(1...5))
            add(Array(queues[instance].prefix(count)), instance)
            queues[instance].removeFirst(count)
        }
    }

    mutating func add(_ calls: [SimulatedCall], _ instance: Int?) {
        lastFlight += 1
        flights.append(SimulatedFlight(number: lastFlight, instance: instance, calls: calls))
    }

    // MARK: Flights

    private mutating func advance(_ index: Int) {
        var flight = flights[index]
        switch flight.step {
        case .waiting:
            if blunder == .readsBeforeLocks {
                flight.step = .read(tables.facts(for: flight.items, at: now, CallScript.rules))
            } else {
                guard !isBlocked(flight) else { return }
                flight.step = .locked
            }
        case .locked:
            flight.step = .read(tables.facts(for: flight.items, at: now, CallScript.rules))
        case .read(let facts):
            guard flight.instance != nil else { return roll(back: index) }
            let (verdicts, rows) = Ledger.decide(facts, flight.items, rules: CallScript.rules)
            flight.step = .decided(verdicts, rows, facts)
        case .decided(let verdicts, let rows, let facts):
            guard flight.instance != nil else { return roll(back: index) }
            if blunder == .readsBeforeLocks, isBlocked(flight) { return }
            if blunder == .answersBeforeCommit { tell(flight, verdicts) }
            flight.step = .committing(verdicts, rows, facts)
        case .repeating(let verdicts, let rows, let facts):
            guard !isBlocked(flight) else { return }
            flight.step = .committing(verdicts, rows, facts)
        case .committing(let verdicts, let rows, let facts):
            guard commit(flight, verdicts, rows, facts) else { return splitAfterViolation(index) }
            flight.step = .committed(verdicts)
        case .committed(let verdicts):
            if flight.instance != nil, blunder != .answersBeforeCommit { tell(flight, verdicts) }
            flights.remove(at: index)
            return
        }
        flights[index] = flight
    }

    private func isBlocked(_ flight: SimulatedFlight) -> Bool {
        let locks = flight.locks
        return flights.contains {
            $0.number != flight.number && $0.holdsLocks && !$0.locks.isDisjoint(with: locks)
                && !(blunder == .readsBeforeLocks && !$0.isCommitting)
        }
    }

    /// false after a unique violation, which another account's use of the same key or payment causes.
    mutating func commit(
        _ flight: SimulatedFlight,
        _ verdicts: [Verdict],
        _ rows: LedgerRows,
        _ facts: LedgerFacts
    ) -> Bool {
        let isTaken =
            rows.operations.contains { tables.operations[$0.key] != nil }
            || rows.credits.contains { tables.owner(of: $0.reference) != nil }
            || rows.proposals.contains { tables.owner(of: $0.adjustment.id) != nil }
            || rows.decisions.contains { tables.hasDecision($0.adjustmentID) }
        guard !isTaken else { return false }
        tables.apply(rows, facts)
        if let violation = tables.violation { fail(violation) }
        // What is serial in the database must be what the reference does one after the other.
        for (item, verdict) in zip(flight.items, verdicts) {
            guard case .fresh(let answer) = verdict else { continue }
            guard case .fresh(let wanted) = reference.take(item, at: facts.now) else {
                if !isOvertaken(item, answer) { fail("\(item.key) was decided twice") }
                continue
            }
            if LedgerWalk.plain(answer) != LedgerWalk.plain(wanted) { fail("\(item.key): \(answer), not \(wanted)") }
        }
        return true
    }

    /// Whether a refusal was committed after another account had taken its payment or adjustment, which it had not seen: it
    /// changes nothing, so it stands before that in the order, as calls do that overlap.
    private func isOvertaken(_ item: LedgerItem, _ answer: LedgerAnswer) -> Bool {
        guard case .refused = answer else { return false }
        let taker: UserID? =
            switch item.action {
            case .credit(let reference, _, _, _): tables.owner(of: reference)
            case .adjust(let adjustment): tables.owner(of: adjustment.id)
            default: nil
            }
        return taker.map { $0 != item.userID } ?? false
    }

    private mutating func splitAfterViolation(_ index: Int) {
        note("unique violation")
        let flight = flights.remove(at: index)
        // An instance tries its items singly; nobody goes on for one that is gone.
        guard flight.instance != nil else { return }
        for call in flight.calls { add([call], flight.instance) }
    }

    private mutating func roll(back index: Int) {
        flights.remove(at: index)
    }

    private mutating func tell(_ flight: SimulatedFlight, _ verdicts: [Verdict]) {
        for (call, verdict) in zip(flight.calls, verdicts) {
            let key = call.item.key
            switch verdict {
            case .fresh(let answer):
                if let known = told[key], known.wasFresh { fail("\(key) was fresh twice") }
                if let known = told[key], known.answer != answer { fail("\(key) was answered in two ways") }
                told[key] = (answer, true)
            case .replayed(let answer):
                let isOwn = tables.operations[key] != nil
                if isOwn, let known = told[key], known.answer != answer { fail("\(key) was answered in two ways") }
                if isOwn, told[key] == nil { told[key] = (answer, false) }
            case .mismatch: break
            }
            finish(call)
        }
    }

    private mutating func finish(_ call: SimulatedCall) {
        // An answer to an attempt that the client has given up is an answer nevertheless.
        guard clients[call.client].item == call.item, clients[call.client].attempt >= call.attempt else { return }
        answered += 1
        clients[call.client] = Client(item: nextItem())
    }

    /// Now and then what another client asks for at the same time, under its key for another account: locks of accounts
    /// don't keep these apart, only unique keys do.
    private mutating func nextItem() -> LedgerItem {
        guard random.isOne(in: 6), var rival = random.anyElement(of: clients)?.item, rival.otherUserID == nil else {
            return script.next(now, &random)
        }
        rival.userID = random.number(CallScript.users)
        rival.fingerprint = [UInt8(rival.userID)]
        return rival
    }

    mutating func note(_ event: String) { events[event, default: 0] += 1 }
}
