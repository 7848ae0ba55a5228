import Concurrency
import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import IngressService

private let lane = "chat:main:1"

private func arrival(_ update: Int64) -> Arrival {
    let body = #"{"update_id":\#(update),"message":{"chat":{"id":1,"type":"private"}}}"#
    return Reading.telegram(bot: "main", body: Array(body.utf8), at: WallClock.system.now, trace: nil).0
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `Ownership of slots` {
    private func events(_ instance: String) -> EventStore {
        EventStore(database: ScratchDatabase.current.database, instance: instance)
    }

    private var backlog: BacklogStore { BacklogStore(database: ScratchDatabase.current.database, instance: "a") }

    private func slots(_ instance: String) -> SlotStore {
        SlotStore(database: ScratchDatabase.current.database, instance: instance)
    }

    private func endLeases() async throws {
        try await ScratchDatabase.current.database.execute(
            "update slot set lease_until = now() - interval '1 second' where owner is not null"
        )
    }

    @Test func `an instance without a slot is counted, one that has fallen silent is not`() async throws {
        _ = try await slots("a").take(limit: 64)
        #expect(try await slots("a").announce() == 1)
        #expect(try await slots("b").announce() == 2)
        #expect(try await slots("a").announce() == 2)
        try await ScratchDatabase.current.database.execute(
            "update instance set alive_until = now() - interval '1 second' where name = 'b'"
        )
        #expect(try await slots("a").announce() == 1)
        #expect(try await slots("b").announce() == 2)
        try await slots("b").leave()
        #expect(try await slots("a").announce() == 1)
    }

    @Test func `slots that were taken and then not read are taken by the next try, those in memory are not`()
        async throws
    {
        #expect(try await slots("a").take(limit: 64).count == 64)
        let id = try await events("a").accept([arrival(1)], handedAbove: 0).stored[0].id
        // The connection broke before the marks were read: the slots are a's by the table, and nobody holds them.
        let again = try await slots("a").take(limit: 64)
        #expect(again.map(\.slot).sorted() == Array(0..<64))
        #expect(again.allSatisfy { $0.lowID < id })
        // The backlog of a slot in memory would be read beside what is under way.
        let held = (0..<64 as Range<Int32>).filter { $0 != Slot.of(lane: lane) }
        #expect(try await slots("a").take(limit: 64, held: held).map(\.slot) == [Slot.of(lane: lane)])
        #expect(try await slots("b").take(limit: 64).isEmpty)
    }

    @Test func `a commit of a frozen owner does not hold the takeover up`() async throws {
        _ = try await slots("frozen").take(limit: 64)
        let database = ScratchDatabase.current.database
        // An instance that was stopped between the statements of a flight: it holds the fence and never ends.
        let frozen = Task {
            try await database.transaction { transaction in
                _ = try await transaction.query("select pg_advisory_xact_lock_shared(\(EventStore.fence))")
                _ = try await transaction.query("select pg_sleep(60)")
            }
        }
        try await eventually {
            try await database.query("select from pg_locks where locktype = 'advisory' and granted").isEmpty == false
        }
        try await eventually(within: .seconds(30)) {
            try await endLeases()
            _ = try await slots("next").take(limit: 64)
            return try await database.query("select from pg_locks where locktype = 'advisory' and granted").isEmpty
        }
        _ = try await slots("next").boundary()
        await #expect(throws: (any Error).self) { try await frozen.value }
    }

    @Test func `the first event of all lies above the boundary until it is there`() async throws {
        #expect(try await slots("a").boundary() == 0)
        let id = try await events("a").accept([arrival(1)], handedAbove: 0).stored[0].id
        // Of the whole block of ids that it was taken from.
        #expect(id == 1)
        #expect(try await slots("a").boundary() == EventStore.idBlock)
    }

    @Test func `the boundary waits for a commit under way, and new commits don't wait for the boundary`() async throws {
        let database = ScratchDatabase.current.database
        let (isOpen, mayEnd) = (Wakeup(), Wakeup())
        let open = Task {
            try await database.transaction { transaction in
                _ = try await transaction.query("select pg_advisory_xact_lock_shared(\(EventStore.fence))")
                _ = try await transaction.query("select nextval('event_id_seq')")
                isOpen.ring()
                await mayEnd.wait()
            }
        }
        await isOpen.wait()
        let boundary = Task { try await slots("a").boundary() }
        // Stored, and answered, while the other one is open and the boundary waits for it.
        var last: Int64 = 0
        for update in 1...20 as ClosedRange<Int64> {
            last = try await events("a").accept([arrival(update)], handedAbove: 0).stored[0].id
        }
        mayEnd.ring()
        try await open.value
        #expect((1...last).contains(try await boundary.value))
        #expect(try await slots("a").boundary() == last - 1 + EventStore.idBlock)
    }

    @Test func `a boundary is not known while a commit does not end`() async throws {
        let database = ScratchDatabase.current.database
        let (isOpen, mayEnd) = (Wakeup(), Wakeup())
        let open = Task {
            try await database.transaction { transaction in
                _ = try await transaction.query("select pg_advisory_xact_lock_shared(\(EventStore.fence))")
                isOpen.ring()
                await mayEnd.wait()
            }
        }
        await isOpen.wait()
        await #expect(throws: PostgresError.self) { _ = try await slots("a").boundary() }
        mayEnd.ring()
        try await open.value
        #expect(try await slots("a").boundary() == 0)
    }

    @Test func `what the marks have passed is truncated, and nothing else`() async throws {
        let (slots, events) = (slots("a"), events("a"))
        let database = ScratchDatabase.current.database
        func turn() async throws { _ = try await database.query("select turn_halves(0)") }
        func renew(_ id: Int64) async throws {
            let marks = (0..<64 as Range<Int32>).map { SlotStore.Mark(slot: $0, lowID: id) }
            _ = try await slots.renew(marks, boundary: id)
            // A lease is trusted only when it was renewed a second after the halves had changed places.
            try await database.execute("update slot set lease_until = lease_until + interval '10 seconds'")
        }
        _ = try await slots.take(limit: 64)
        let id = try await events.accept([arrival(1)], handedAbove: 0).stored[0].id
        try await events.record([.done(id: id, slot: Slot.of(lane: lane))])
        try await turn()
        try await turn()
        #expect(try await backlog.done(above: 0) == [id])
        try await renew(id - 1)
        try await turn()
        #expect(try await backlog.done(above: 0) == [id])
        try await renew(id)
        try await turn()
        #expect(try await backlog.done(above: 0) == [])
    }
}

@Suite struct `What an instance holds` {
    private func waiting(_ id: Int64) -> StoredEvent {
        let event = Event(
            id: id,
            source: .telegram,
            kind: "message",
            lane: lane,
            receivedAt: Timestamp(seconds: 0),
            body: "{}"
        )
        return StoredEvent(event, slot: Slot.of(lane: lane))
    }

    private let slot = Slot.of(lane: lane)
    private let dispatch = Dispatch(limits: Dispatcher.Limits(), clock: .system)

    private func takeSlot(lowID: Int64 = 0, open: [StoredEvent] = [], done: Set<Int64> = []) {
        dispatch.take([.init(slot: slot, lowID: lowID, open: open.map(\.event.id))], open: open, done: done)
    }

    private func catchUp(_ page: [StoredEvent], upTo id: Int64) {
        dispatch.offer(read: page, of: [slot], for: .conversation, upTo: id)
        for consumer in Consumer.allCases { dispatch.endBacklog([slot], of: consumer) }
    }

    @Test func `nothing goes out before the backlog of a slot has been read`() {
        // The lease is taken in the database already, the takeover has not begun in memory.
        dispatch.offer([waiting(5)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        takeSlot(lowID: 2, done: [4])
        dispatch.offer([waiting(6)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        dispatch.joinBacklog([slot], of: .conversation)
        dispatch.offer([waiting(7)])
        catchUp([waiting(3), waiting(4), waiting(5), waiting(6)], upTo: 6)
        for expected in [3, 5, 6, 7] as [Int64] {
            guard let batch = dispatch.nextBatch(for: .conversation) else {
                Issue.record("event \(expected) is missing")
                return
            }
            #expect(batch.events.map(\.id) == [expected])
            _ = dispatch.finish(batch, [EventVerdict(id: expected, verdict: .ok)])
        }
    }

    @Test func `the mark leaves open what is undone, being written, or could not be`() throws {
        takeSlot()
        catchUp([waiting(3)], upTo: 10)
        func mark() -> SlotStore.Mark? { dispatch.marks(boundary: 10).first }
        let isOpen = SlotStore.Mark(slot: slot, lowID: 10, open: [3])
        #expect(mark() == isOpen)
        let batch = try #require(dispatch.nextBatch(for: .conversation))
        _ = dispatch.finish(batch, [EventVerdict(id: 3, verdict: .reject, reason: "no")])
        #expect(mark() == isOpen)
        #expect(dispatch.takeCompletions().count == 1)
        #expect(mark() == isOpen)
        dispatch.restoreUnwritten()
        #expect(mark() == isOpen)
        #expect(dispatch.takeCompletions().count == 1)
        dispatch.confirmWritten()
        #expect(mark() == SlotStore.Mark(slot: slot, lowID: 10))
    }

    @Test func `the mark stays behind when too much is open, and below what is left to the table`() {
        takeSlot(lowID: 2)
        #expect(dispatch.marks(boundary: 10) == [.init(slot: slot, lowID: 2)])
        let many = (1...200 as ClosedRange<Int64>).map { waiting($0 + 10) }
        catchUp(many, upTo: 300)
        let mark = dispatch.marks(boundary: 300).first
        #expect(mark?.open == Array(11...138))
        #expect(mark?.lowID == 138)
    }

    @Test func `what memory has no room for is left to the table and comes back in order`() throws {
        let dispatch = Dispatch(limits: Dispatcher.Limits(batchEvents: 1, eventsInMemory: 2), clock: .system)
        dispatch.take([.init(slot: slot, lowID: 0, open: [])], open: [], done: [])
        for consumer in Consumer.allCases { dispatch.endBacklog([slot], of: consumer) }
        _ = dispatch.marks(boundary: 0)
        for id in 1...6 as ClosedRange<Int64> { dispatch.offer([waiting(id)]) }
        #expect(dispatch.eventCount == 2)
        #expect(dispatch.reading(for: .conversation) == nil)
        #expect(dispatch.marks(boundary: 6).first?.lowID == 0)
        var order: [Int64] = []
        for _ in 1...20 {
            while let batch = dispatch.nextBatch(for: .conversation) {
                order += batch.events.map(\.id)
                _ = dispatch.finish(batch, [EventVerdict(id: batch.events[0].id, verdict: .ok)])
            }
            guard let reading = dispatch.reading(for: .conversation) else { break }
            let page = (1...6 as ClosedRange<Int64>).filter { $0 > reading.after }.prefix(reading.limit)
            dispatch.offer(read: page.map(waiting), of: reading.slots, for: .conversation, upTo: page.last ?? 6)
            if page.count < reading.limit { dispatch.endBacklog(reading.slots, of: .conversation) }
        }
        #expect(order == [1, 2, 3, 4, 5, 6])
        #expect(dispatch.groupsBehind == 0)
    }

    @Test func `a slot that is given away sends nothing new and waits for what is under way`() throws {
        takeSlot()
        catchUp([waiting(1), waiting(2)], upTo: 2)
        let batch = try #require(dispatch.nextBatch(for: .conversation))
        dispatch.leave([slot])
        #expect(!dispatch.isQuiet([slot]))
        _ = dispatch.finish(batch, [EventVerdict(id: 1, verdict: .ok)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        #expect(!dispatch.isQuiet([slot]))
        _ = dispatch.takeCompletions()
        dispatch.confirmWritten()
        #expect(dispatch.isQuiet([slot]))
    }

    @Test func `an event that has just been handled is not taken from a late look at the handovers`() throws {
        takeSlot()
        catchUp([], upTo: 0)
        dispatch.offer([waiting(3)])
        let batch = try #require(dispatch.nextBatch(for: .conversation))
        _ = dispatch.finish(batch, [EventVerdict(id: 3, verdict: .ok)])
        dispatch.offer([waiting(3)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        // The memory lasts while the outcome is not written, and fades afterwards: a revived dead letter comes then.
        for _ in 0..<4 { _ = dispatch.marks(boundary: 3) }
        dispatch.offer([waiting(3)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        #expect(dispatch.takeCompletions().count == 1)
        dispatch.confirmWritten()
        for _ in 0..<2 { _ = dispatch.marks(boundary: 3) }
        dispatch.offer([waiting(3)])
        #expect(dispatch.nextBatch(for: .conversation)?.events.map(\.id) == [3])
    }

    @Test func `what others handed over is read once, and again after the slot was lost`() {
        takeSlot()
        catchUp([], upTo: 0)
        #expect(dispatch.unread([3, 4]) == [3, 4])
        dispatch.offer([waiting(3)], handed: [3, 4])
        #expect(dispatch.unread([3, 4, 5]) == [5])
        // What the mark has passed is not asked for any more and need not be remembered.
        _ = dispatch.marks(boundary: 4)
        #expect(dispatch.unread([4]) == [4])
        dispatch.offer([], handed: [6])
        dispatch.drop([slot])
        takeSlot()
        #expect(dispatch.unread([6]) == [6])
    }
}
