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

    private var backlog: BacklogStore { BacklogStore(database: ScratchDatabase.current.database, instance: "a") }

    private func slots(_ instance: String = "a") -> SlotStore {
        SlotStore(database: ScratchDatabase.current.database, instance: instance)
    }

    private func asAdministrator(_ sql: SQL) async throws {
        let scratch = ScratchDatabase.current
        _ = try await scratch.withDatabase(url: scratch.adminURL) { try await $0.execute(sql) }
    }

    private func count(_ sql: SQL) async throws -> Int64 {
        try #require(try await ScratchDatabase.current.database.query(sql).first).decode(Int64.self)
    }

    @Test func `stores a batch once and says what was new`() async throws {
        _ = try await slots().take(limit: 64)
        let first = try await store().accept([arrival(1), arrival(2), arrival(1)], handedAbove: 0)
        #expect(first.stored.map(\.place).sorted() == [0, 1] || first.stored.map(\.place).sorted() == [1, 2])
        let second = try await store().accept([arrival(2), arrival(3)], handedAbove: 0)
        #expect(second.stored.map(\.place) == [1])
        #expect(try await count("select count(*) from event") == 3)
        #expect(first.mine == Set(0..<64))
    }

    @Test func `stores what it expects to be new, repeats within the batch left out`() async throws {
        _ = try await slots().take(limit: 64)
        let first = try await store().accept([arrival(3), arrival(1), arrival(3)], handedAbove: 0, expectsNew: true)
        #expect(first.stored.count == 2 && first.mine == Set(0..<64))
        // Ids follow the updates' numbers.
        #expect(first.stored.sorted { $0.id < $1.id }.first?.place == 1)
        #expect(Set(first.stored.map(\.id)) == [1, 2])
        #expect(try await count("select count(*) from event") == 2)
        #expect(try await count("select count(*) from seen_update join event on event_id = id") == 2)
    }

    @Test func `finds out what is new if its expectation was wrong`() async throws {
        _ = try await slots().take(limit: 64)
        _ = try await store().accept([arrival(2)], handedAbove: 0, expectsNew: true)
        let second = try await store().accept([arrival(1), arrival(2), arrival(3)], handedAbove: 0, expectsNew: true)
        #expect(second.stored.map(\.place).sorted() == [0, 2])
        #expect(try await count("select count(*) from event") == 3)
    }

    @Test func `hands over what it expected to be its own`() async throws {
        _ = try await slots("a").take(limit: 64)
        let byB = try await store("b").accept([arrival(1)], handedAbove: 0, expectsNew: true)
        #expect(byB.mine.isEmpty && byB.stored.count == 1)
        let byA = try await store("a").accept([arrival(2)], handedAbove: 0, expectsNew: true)
        #expect(byA.handed == byB.stored.map(\.id))
    }

    @Test func `keeps duplicates out under concurrency`() async throws {
        let store = store()
        let new = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<16 {
                group.addTask {
                    var new = 0
                    for round in 0..<10 {
                        let updates = (0..<10).map { arrival(Int64(round * 10 + ($0 + worker) % 10)) }
                        let expectsNew = (round + worker) % 2 == 0
                        new += try await store.accept(updates, handedAbove: 0, expectsNew: expectsNew).stored.count
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
        let stored = try await store("a").accept([arrival(1), arrival(2), arrival(3)], handedAbove: 0).stored
        let slot = Slot.of(lane: "chat:main:1")
        try await store("a").record([.done(id: stored[0].id, slot: slot)])
        // The owner dies: its lease ends by the clock.
        try await ScratchDatabase.current.database.execute(
            "update slot set lease_until = now() - interval '1 second'"
        )
        let taken = try await slots("b").take(limit: 64)
        #expect(taken.count == 64)
        let mark = try #require(taken.first { $0.slot == slot })
        let waiting = try await backlog.page(
            for: .conversation,
            in: [slot],
            after: mark.lowID,
            upTo: .max,
            limit: 10
        )
        #expect(waiting.map(\.event.id) == stored.map(\.id).sorted())
        #expect(try await backlog.done(above: mark.lowID) == [stored[0].id])
        #expect(try await backlog.page(for: .payments, in: [slot], after: 0, upTo: .max, limit: 10).isEmpty)
        #expect(waiting.first?.event.body.contains("привет") == true)
    }

    @Test func `hands events of another instance's slots over`() async throws {
        _ = try await slots("a").take(limit: 64)
        let byB = try await store("b").accept([arrival(1)], handedAbove: 0)
        #expect(byB.mine.isEmpty)
        let slot = Slot.of(lane: "chat:main:1")
        let byA = try await store("a").accept([arrival(2)], handedAbove: 0)
        #expect(byA.mine.contains(slot))
        #expect(byA.handed == byB.stored.map(\.id))
        #expect(try await backlog.events(byA.handed).map(\.event.updateID) == [1])
        #expect(try await store("a").accept([arrival(3)], handedAbove: byA.handed[0]).handed.isEmpty)
    }

    @Test func `reads what was handed over page by page, what is done left out`() async throws {
        var ids: [Int64] = []
        for first in stride(from: 1, to: 2_500, by: 500) as StrideTo<Int64> {
            let arrivals = (first..<first + 500).map { arrival($0, chat: $0) }
            ids += try await store("b").accept(arrivals, handedAbove: 0).stored.map(\.id).sorted()
        }
        try await store("b").record(ids.filter { $0 % 2 == 0 }.map { .done(id: $0, slot: 0) })
        #expect(try await backlog.events(ids).map(\.event.id) == ids.filter { $0 % 2 != 0 })
    }

    @Test func `keeps parked attempts and dead letters`() async throws {
        _ = try await slots().take(limit: 64)
        let id = try await store().accept([arrival(1)], handedAbove: 0).stored[0].id
        let slot = Slot.of(lane: "chat:main:1")
        let later = WallClock.system.now + .seconds(60)
        try await store().record([.parked(id: id, slot: slot, attempts: 4, at: later, error: "busy")])
        let waiting = try await backlog.open([], in: [slot])
        #expect(waiting.map(\.attempts) == [4])
        #expect(waiting.first?.nextAt == later)

        try await store().record([.dead(id: id, slot: slot, attempts: 5, error: "never")])
        #expect(try await backlog.open([id], in: [slot]).isEmpty)
        let letters = DeadLetters(database: ScratchDatabase.current.database)
        try await letters.database.transaction { try await letters.revive(id, in: $0) }
        #expect(try await backlog.revived(in: [slot]).map(\.event.id) == [id])
        try await store().record([.done(id: id, slot: slot, wasParked: true)])
        #expect(try await backlog.revived(in: [slot]).isEmpty)
    }

    @Test func `moves marks only forward and only for the owner`() async throws {
        func mark(_ id: Int64, _ open: [Int64] = []) -> [SlotStore.Mark] { [.init(slot: 3, lowID: id, open: open)] }
        _ = try await slots("a").take(limit: 64)
        #expect(try await slots("a").renew(mark(10, [4, 7]), boundary: 12) == [3])
        #expect(try await slots("b").renew(mark(99), boundary: 99).isEmpty)
        _ = try await slots("a").renew(mark(5), boundary: 12)
        let row = try await ScratchDatabase.current.database.query(
            "select low_id, open, read_id from slot where slot = 3"
        )
        let (low, open, read) = try row[0].decode(Int64.self, [Int64].self, Int64.self)
        #expect(low == 10 && open == [4, 7] && read == 12)
    }

    @Test func `parks no more what was handled before it was written`() async throws {
        _ = try await slots().take(limit: 64)
        let id = try #require(try await store().accept([arrival(1)], handedAbove: 0).stored.first).id
        let slot = Slot.of(lane: "chat:main:1")
        try await store().record([
            .parked(id: id, slot: slot, attempts: 1, at: WallClock.system.now, error: "busy"),
            .done(id: id, slot: slot, wasParked: true),
        ])
        #expect(try await count("select count(*) from parked") == 0)
        #expect(try await backlog.open([], in: [slot]).isEmpty)
    }

    @Test func `parks nothing of a slot that another instance owns`() async throws {
        _ = try await slots().take(limit: 64)
        let id = try #require(try await store().accept([arrival(1)], handedAbove: 0).stored.first).id
        let slot = Slot.of(lane: "chat:main:1")
        // The new owner has handled it; the one before thaws.
        try await store("b").record([.done(id: id, slot: slot)])
        try await store("b").record([.dead(id: id, slot: slot, attempts: 30, error: "late")])
        #expect(try await count("select count(*) from parked") == 0)
    }

    @Test func `drops what is older than it is kept, dead letters and keys with it`() async throws {
        _ = try await slots().take(limit: 64)
        try await asAdministrator(
            "create table event_20200101 partition of event for values from ('2020-01-01') to ('2020-01-02')"
        )
        try await asAdministrator(
            """
            insert into event (id, at, source, kind, lane, slot, body)
            values (900000, '2020-01-01 12:00Z', 'kie', 'callback', 'kie:1', 1, '{}')
            """
        )
        try await asAdministrator(
            "insert into parked (event_id, slot, attempts, error, is_dead) values (900000, 1, 30, 'x', true)"
        )
        // A range that has been idle for two months, and one that got a key after that.
        let part: Int64 = 1 << 23
        _ = try await store().accept([arrival(part * 3 + 100), arrival(part * 5 + 100)], handedAbove: 0)
        try await asAdministrator(
            "update seen_update set event_id = case when update_id < \(part * 5) then 2 else 10 end"
        )
        try await asAdministrator(
            "insert into event_day (day, first_id) values ((now() - interval '32 days')::date, 3) on conflict do nothing"
        )
        try await PartitionStore(database: ScratchDatabase.current.database).keep(eventDays: 35, dedupDays: 30)
        #expect(try await count("select count(*) from event where id = 900000") == 0)
        #expect(try await count("select count(*) from parked") == 0)
        #expect(try await count("select count(*) from pg_class where relname = 'seen_update_003'") == 0)
        #expect(try await count("select count(*) from seen_update") == 1)
    }

    @Test func `may not change stored events`() async throws {
        let database = ScratchDatabase.current.database
        await #expect(throws: PostgresError.self) { try await database.execute("delete from event") }
        await #expect(throws: PostgresError.self) { try await database.execute("update event set kind = 'x'") }
        for table: StaticString in ["seen_update", "seen_other", "done", "handover"] {
            await #expect(throws: PostgresError.self) { try await database.execute("delete from \(unsafe: table)") }
        }
    }

    @Test func `makes partitions ahead and drops old ones`() async throws {
        try await PartitionStore(database: ScratchDatabase.current.database).keep(eventDays: 35, dedupDays: 35)
        #expect(
            try await count("select count(*) from pg_inherits where inhparent = 'event'::regclass") >= 4
        )
    }

    @Test func `knows a callback across months and tells two of a batch apart`() async throws {
        _ = try await slots().take(limit: 64)
        func callback(_ key: String) -> Arrival {
            Arrival(
                source: .kie,
                kind: "callback",
                lane: "kie:1",
                dedup: .other(source: .kie, key: key),
                body: Array("{}".utf8),
                receivedAt: WallClock.system.now
            )
        }
        let first = try await store().accept([callback("x"), callback("y"), callback("x")], handedAbove: 0)
        #expect(first.stored.count == 2)
        // As if it had come last month.
        try await asAdministrator(
            """
            insert into seen_other (source, key, month, event_id)
            values ('kie', 'z', (date_trunc('month', now()) - interval '1 month')::date, 1)
            """
        )
        let second = try await store().accept([callback("y"), callback("z")], handedAbove: 0)
        #expect(second.stored.isEmpty)
    }

    @Test func `makes a range of dedup keys when its first id comes, and ahead of it`() async throws {
        _ = try await slots().take(limit: 64)
        let part: Int64 = 1 << 23
        _ = try await store().accept([arrival(part * 7 - 5)], handedAbove: 0)
        let ranges = try await count(
            "select count(*) from pg_class where relname in ('seen_update_006', 'seen_update_007') and relkind = 'r'"
        )
        #expect(ranges == 2)
        // Nothing that Telegram sends, but exact all the same.
        let odd = try await store().accept([arrival(.max - 3), arrival(.max - 3), arrival(-1)], handedAbove: 0)
        #expect(odd.stored.count == 2)
        let again = try await store().accept([arrival(.max - 3), arrival(part * 7 - 5)], handedAbove: 0)
        #expect(again.stored.isEmpty)
    }
}
