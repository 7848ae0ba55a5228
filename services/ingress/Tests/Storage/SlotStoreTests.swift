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
        try await eventually(within: .seconds(8)) {
            try await endLeases()
            _ = try await slots("next").take(limit: 64)
            return try await database.query("select from pg_locks where locktype = 'advisory' and granted").isEmpty
        }
        _ = try await slots("next").boundary()
        await #expect(throws: (any Error).self) { try await frozen.value }
    }

    @Test func `a dead letter that was revived behind the mark is found again until it is done`() async throws {
        let (slots, events) = (slots("a"), events("a"))
        _ = try await slots.take(limit: 64)
        let slot = Slot.of(lane: lane)
        let id = try await events.accept([arrival(1)], mySlots: []).stored[0].id
        try await events.record([.dead(id: id, slot: slot, attempts: 30, error: "never")])
        _ = try await slots.renew([(slot, id)])
        try await slots.tidy()

        let queries = EventQueries(database: ScratchDatabase.current.database)
        let letters = DeadLetters(database: ScratchDatabase.current.database)
        try await letters.database.transaction { try await letters.revive(id, in: $0) }
        let page = try await queries.page(EventFilter(), state: nil, before: nil, limit: 10)
        #expect(page.events.map(\.state) == [.waiting])
        // Whoever is the owner now may die as often as it likes.
        for _ in 0..<2 {
            try await slots.tidy()
            #expect(try await events.handedOver(to: [slot]) == [id])
            #expect(try await events.events([id]).map(\.event.id) == [id])
        }
        try await events.record([.done(id: id, slot: slot)])
        #expect(try await queries.event(id, withBody: false)?.event.state == .done)
        try await slots.tidy()
        #expect(try await events.handedOver(to: [slot]).isEmpty)
        #expect(try await queries.event(id, withBody: false)?.event.state == .done)
    }
}

@Suite struct `What an instance holds` {
    private func waiting(_ id: Int64) -> EventStore.Waiting {
        let event = Event(
            id: id,
            source: .telegram,
            kind: "message",
            lane: lane,
            receivedAt: Timestamp(seconds: 0),
            body: "{}"
        )
        return EventStore.Waiting(event: event, slot: Slot.of(lane: lane), attempts: 0, nextAt: nil)
    }

    private let slot = Slot.of(lane: lane)
    private let dispatch = Dispatch(limits: Dispatcher.Limits(), clock: .system)

    @Test func `nothing goes out before the backlog of a slot has been read`() {
        // The lease is taken in the database already, the takeover has not begun in memory.
        dispatch.offer([waiting(5)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        dispatch.beginTaking([slot])
        dispatch.offer([waiting(6)])
        #expect(dispatch.nextBatch(for: .conversation) == nil)
        dispatch.finishTaking(slot, loaded: [waiting(3), waiting(5)])
        for expected in [3, 5, 6] as [Int64] {
            guard let batch = dispatch.nextBatch(for: .conversation) else {
                Issue.record("event \(expected) is missing")
                return
            }
            #expect(batch.events.map(\.id) == [expected])
            _ = dispatch.finish(batch, [EventVerdict(id: expected, verdict: .ok)])
        }
    }

    @Test func `the mark waits for what is being written, and for what could not be`() throws {
        dispatch.beginTaking([slot])
        dispatch.finishTaking(slot, loaded: [waiting(3)])
        func mark() -> Int64? { dispatch.marks(boundary: 10).first?.lowID }
        #expect(mark() == 2)
        let batch = try #require(dispatch.nextBatch(for: .conversation))
        _ = dispatch.finish(batch, [EventVerdict(id: 3, verdict: .reject, reason: "no")])
        #expect(mark() == 2)
        #expect(dispatch.takeCompletions().count == 1)
        #expect(mark() == 2)
        dispatch.restoreUnwritten()
        #expect(mark() == 2)
        #expect(dispatch.takeCompletions().count == 1)
        dispatch.confirmWritten()
        #expect(mark() == 10)
    }

    @Test func `an event that has just been handled is not taken from a late look at the handovers`() throws {
        dispatch.beginTaking([slot])
        dispatch.finishTaking(slot, loaded: [])
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
}
