import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import IngressService

private func arrival(_ update: Int64, chat: Int64 = 1) -> Arrival {
    let body = #"{"update_id":\#(update),"message":{"chat":{"id":\#(chat),"type":"private"},"text":"привет"}}"#
    return Reading.telegram(
        bot: "main",
        body: Array(body.utf8),
        at: WallClock.system.now,
        trace: nil
    ).0
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The event store` {
    private func store(_ instance: String = "a") -> EventStore {
        EventStore(database: ScratchDatabase.current.database, instance: instance)
    }

    private func slots(_ instance: String = "a") -> SlotStore {
        SlotStore(database: ScratchDatabase.current.database, instance: instance)
    }

    private func count(_ sql: SQL) async throws -> Int64 {
        try #require(try await ScratchDatabase.current.database.query(sql).first).decode(Int64.self)
    }

    @Test func `stores a batch once and says what was new`() async throws {
        _ = try await slots().take(limit: 64)
        let first = try await store().accept([arrival(1), arrival(2), arrival(1)], mySlots: [])
        #expect(first.stored.map(\.index).sorted() == [0, 1] || first.stored.map(\.index).sorted() == [1, 2])
        let second = try await store().accept([arrival(2), arrival(3)], mySlots: [])
        #expect(second.stored.map(\.index) == [1])
        #expect(try await count("select count(*) from event") == 3)
        #expect(!first.stored.contains { !$0.isMine })
    }

    @Test func `keeps duplicates out under concurrency`() async throws {
        let store = store()
        let new = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<16 {
                group.addTask {
                    var new = 0
                    for round in 0..<10 {
                        let updates = (0..<10).map { arrival(Int64(round * 10 + ($0 + worker) % 10)) }
                        new += try await store.accept(updates, mySlots: []).stored.count
                    }
                    return new
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(new == 100)
        #expect(try await count("select count(*) from event") == 100)
        #expect(try await count("select count(*) from seen_update") == 100)
    }

    @Test func `lets the next owner find what was stored and not dispatched`() async throws {
        let first = try await slots("a").take(limit: 64)
        #expect(first.count == 64)
        let stored = try await store("a").accept([arrival(1), arrival(2), arrival(3)], mySlots: []).stored
        let slot = Slot.of(lane: "chat:main:1")
        try await store("a").record([.done(id: stored[0].id, slot: slot)])
        // The owner dies: its lease ends by the clock.
        try await ScratchDatabase.current.database.execute(
            "update slot set lease_until = now() - interval '1 second'"
        )
        let taken = try await slots("b").take(limit: 64)
        #expect(taken.count == 64)
        let mark = try #require(taken.first { $0.slot == slot })
        let waiting = try await store("b").waiting(in: slot, after: mark.lowID, limit: 10)
        #expect(waiting.map(\.event.id) == stored.dropFirst().map(\.id).sorted())
        #expect(waiting.first?.event.body.contains("привет") == true)
    }

    @Test func `hands events of another instance's slots over`() async throws {
        _ = try await slots("a").take(limit: 64)
        let byB = try await store("b").accept([arrival(1)], mySlots: [])
        #expect(byB.stored.map(\.isMine) == [false])
        let slot = Slot.of(lane: "chat:main:1")
        let byA = try await store("a").accept([arrival(2)], mySlots: [slot])
        #expect(byA.handed == byB.stored.map(\.id))
        #expect(try await store("a").events(byA.handed).map(\.event.updateID) == [1])
    }

    @Test func `keeps parked attempts and dead letters`() async throws {
        _ = try await slots().take(limit: 64)
        let id = try await store().accept([arrival(1)], mySlots: []).stored[0].id
        let slot = Slot.of(lane: "chat:main:1")
        let later = WallClock.system.now + .seconds(60)
        try await store().record([.parked(id: id, slot: slot, attempts: 4, at: later, error: "busy")])
        let waiting = try await store().waiting(in: slot, after: 0, limit: 10)
        #expect(waiting.map(\.attempts) == [4])
        #expect(waiting.first?.nextAt == later)

        try await store().record([.dead(id: id, slot: slot, attempts: 5, error: "never")])
        #expect(try await store().waiting(in: slot, after: 0, limit: 10).isEmpty)
    }

    @Test func `moves marks only forward and only for the owner`() async throws {
        _ = try await slots("a").take(limit: 64)
        #expect(try await slots("a").renew([(3, 10)]) == [3])
        #expect(try await slots("b").renew([(3, 99)]).isEmpty)
        _ = try await slots("a").renew([(3, 5)])
        #expect(try await count("select low_id from slot where slot = 3") == 10)
    }

    @Test func `may not change stored events`() async throws {
        let database = ScratchDatabase.current.database
        await #expect(throws: PostgresError.self) { try await database.execute("delete from event") }
        await #expect(throws: PostgresError.self) { try await database.execute("update event set kind = 'x'") }
        await #expect(throws: PostgresError.self) { try await database.execute("delete from seen_update") }
    }

    @Test func `makes partitions ahead and drops old ones`() async throws {
        try await slots().keepPartitions(keepDays: 35)
        #expect(
            try await count("select count(*) from pg_inherits where inhparent = 'event'::regclass") >= 4
        )
    }
}
