import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import IngressService

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The operator's view of events` {
    private let noon = Timestamp(seconds: 1_767_268_800)

    private var store: EventStore { EventStore(database: ScratchDatabase.current.database, instance: "a") }
    private var slots: SlotStore { SlotStore(database: ScratchDatabase.current.database, instance: "a") }
    private var queries: EventQueries { EventQueries(database: ScratchDatabase.current.database) }

    /// Stores updates of chats, one a minute from noon, and returns their ids in that order.
    private func accept(_ chats: [Int64]) async throws -> [Int64] {
        let arrivals = chats.enumerated().map { index, chat in
            let body = #"{"update_id":\#(index + 1),"message":{"chat":{"id":\#(chat),"type":"private"},"text":"a"}}"#
            return Reading.telegram(
                bot: "main",
                body: Array(body.utf8),
                at: noon + .seconds(60 * Int64(index)),
                trace: nil
            ).0
        }
        var ids: [Int64] = []
        for arrival in arrivals { ids.append(try await store.accept([arrival], handedAbove: 0).stored[0].id) }
        return ids
    }

    private func malformed(_ body: String) async throws -> Int64 {
        let arrival = Reading.telegram(bot: "main", body: Array(body.utf8), at: noon, trace: nil).0
        return try await store.accept([arrival], handedAbove: 0).stored[0].id
    }

    private func slot(_ chat: Int64) -> Int32 { Slot.of(lane: "chat:main:\(chat)") }

    /// All pages of a question, with a scan so small that it takes many.
    private func walk(
        _ filter: EventFilter = EventFilter(),
        state: EventState? = nil,
        limit: Int = 2,
        scan: Int64 = 3
    ) async throws -> [Int64] {
        var queries = queries
        queries.scan = scan
        var ids: [Int64] = []
        var before: Int64?
        for _ in 0..<100 {
            let page = try await queries.page(filter, state: state, before: before, limit: limit)
            #expect(page.events.count <= limit)
            ids += page.events.map(\.id)
            before = page.nextBefore
            if before == nil { return ids }
        }
        Issue.record("the pages never end")
        return ids
    }

    @Test func `pages go back through everything, each event once`() async throws {
        _ = try await slots.take(limit: 64)
        let ids = try await accept([1, 2, 3, 1, 2, 3, 1, 2, 3, 1])
        for (limit, scan) in [(2, 3), (3, 3), (4, 2), (500, 5_000)] as [(Int, Int64)] {
            #expect(try await walk(limit: limit, scan: scan) == ids.reversed())
        }
    }

    @Test func `finds a chat among others, whatever bounds the page`() async throws {
        _ = try await slots.take(limit: 64)
        let ids = try await accept([7, 8, 9, 8, 8, 8, 8, 7, 9, 8, 7])
        let filter = EventFilter(chatID: 7, bots: ["other", "main"])
        #expect(try await walk(filter) == [ids[10], ids[7], ids[0]])
        #expect(try await walk(EventFilter(lane: "chat:main:9"), limit: 500, scan: 2) == [ids[8], ids[2]])
        #expect(try await walk(EventFilter(lane: "chat:main:9", chatID: 7, bots: ["main"])).isEmpty)
        #expect(try await walk(EventFilter(source: .kie)).isEmpty)
    }

    @Test func `finds a span of time`() async throws {
        _ = try await slots.take(limit: 64)
        let ids = try await accept(Array(repeating: 1, count: 30))
        let filter = EventFilter(since: noon + .seconds(600), until: noon + .seconds(780))
        #expect(try await walk(filter) == [ids[12], ids[11], ids[10]])
        #expect(try await walk(EventFilter(until: noon)).isEmpty)
        #expect(try await walk(EventFilter(since: noon + .seconds(86_400))).isEmpty)
    }

    @Test func `tells the states apart`() async throws {
        _ = try await slots.take(limit: 64)
        let ids = try await accept([1, 2, 3, 4])
        let broken = try await malformed("{")
        try await store.record([.done(id: ids[0], slot: slot(1))])
        try await store.record([.parked(id: ids[1], slot: slot(2), attempts: 2, at: noon, error: "busy")])
        try await store.record([.dead(id: ids[2], slot: slot(3), attempts: 30, error: "never")])
        #expect(try await walk(state: .done) == [ids[0]])
        #expect(try await walk(state: .parked) == [ids[1]])
        #expect(try await walk(state: .dead) == [ids[2]])
        #expect(try await walk(state: .waiting) == [ids[3]])
        #expect(try await walk(state: .malformed) == [broken])
        #expect(try await walk(EventFilter(chatID: 4, bots: ["main"]), state: .waiting) == [ids[3]])
        #expect(try await queries.deadLetters() == 1)
        let parked = try #require(try await queries.event(ids[1], withBody: false))
        #expect(parked.event.attempts == 2 && parked.event.error == "busy")
        #expect(parked.nextTryAt == noon && parked.updateID == 2 && parked.bot == "main")
        #expect(parked.body == nil && parked.bodyBytes > 0)
        #expect(try await queries.event(ids[1], withBody: true)?.body?.contains(#""text":"a""#) == true)
        #expect(try await queries.event(999_999, withBody: true) == nil)
    }

    @Test func `a page looks at a bounded number of rows`() async throws {
        _ = try await slots.take(limit: 64)
        let database = ScratchDatabase.current.database
        try await database.execute(
            """
            insert into event (id, at, source, kind, bot, update_id, lane, slot, body)
            select n, now(), 'telegram', 'message', 'main', n, 'chat:main:' || n % 5000, n % 64, '{}'
            from generate_series(1, 30000) as n
            """
        )
        _ = try await database.query(
            "select nextval('event_id_seq') from generate_series(1, 30000 / \(EventStore.idBlock) + 1)"
        )
        let began = Deadline.monotonicNow()
        let page = try await queries.page(EventFilter(source: .kie), state: nil, before: nil, limit: 50)
        #expect(page.events.isEmpty)
        // Nothing fits, and the page says so after its share of rows instead of going through the table.
        #expect(page.nextBefore == 30_000 - EventQueries.scan + 1)
        #expect(Deadline.monotonicNow() - began < 2_000_000_000)
    }
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `A replay` {
    private let noon = Timestamp(seconds: 1_767_268_800)
    private var store: EventStore { EventStore(database: ScratchDatabase.current.database, instance: "a") }
    private var letters: DeadLetters { DeadLetters(database: ScratchDatabase.current.database) }

    /// Stores one event a chat and makes it a dead letter.
    private func die(_ chats: [Int64], error: String = "never") async throws -> [Int64] {
        _ = try await SlotStore(database: ScratchDatabase.current.database, instance: "a").take(limit: 64)
        var ids: [Int64] = []
        for chat in chats {
            let body = #"{"update_id":\#(chat),"message":{"chat":{"id":\#(chat),"type":"private"}}}"#
            let arrival = Reading.telegram(bot: "main", body: Array(body.utf8), at: noon, trace: nil).0
            let id = try await store.accept([arrival], handedAbove: 0).stored[0].id
            let slot = Slot.of(lane: arrival.lane)
            try await store.record([.dead(id: id, slot: slot, attempts: 30, error: error)])
            ids.append(id)
        }
        return ids
    }

    private var backlog: BacklogStore { BacklogStore(database: ScratchDatabase.current.database, instance: "a") }

    private func waiting(_ ids: [Int64]) async throws -> [Int64] { try await backlog.events(ids).map(\.event.id) }

    private func revive(_ filter: EventFilter, error: String? = nil, limit: Int = 1_000) async throws -> Int {
        try await ScratchDatabase.current.database.transaction { transaction in
            try await letters.revive(filter, error: error, diedBefore: nil, limit: limit, in: transaction)
        }
    }

    @Test func `makes a dead letter wait again, and nothing else`() async throws {
        let ids = try await die([1, 2])
        let database = ScratchDatabase.current.database
        #expect(try await waiting(ids).isEmpty)
        for _ in 1...2 {
            try await database.transaction { try await letters.revive(ids[0], in: $0) }
        }
        #expect(try await waiting(ids) == [ids[0]])
        #expect(try await backlog.revived(in: (0..<64).map { Int32($0) }).map(\.event.id) == [ids[0]])
        // What was handled is not dispatched again by a late replay.
        try await store.record([.done(id: ids[0], slot: Slot.of(lane: "chat:main:1"), wasParked: true)])
        try await database.transaction { try await letters.revive(ids[0], in: $0) }
        #expect(try await waiting(ids).isEmpty)
    }

    @Test func `of many takes those that fit, oldest first, up to the limit`() async throws {
        let busy = try await die([1, 2, 3], error: "the consumer was busy")
        let never = try await die([4])
        #expect(try await revive(EventFilter(), error: "busy", limit: 2) == 2)
        #expect(try await waiting(busy + never) == [busy[0], busy[1]])
        #expect(try await revive(EventFilter(chatID: 4, bots: ["main"])) == 1)
        #expect(try await revive(EventFilter(source: .yookassa)) == 0)
        #expect(try await revive(EventFilter(since: noon + .seconds(1))) == 0)
        #expect(try await revive(EventFilter()) == 1)
        #expect(try await revive(EventFilter()) == 0)
    }

    @Test func `has one effect and one answer for a key`() async throws {
        let first = try await letters.once(key: "k", fingerprint: [1]) { _ in
            ReplayDeadLetters.Output(replayed: 3, hasMore: false)
        }
        #expect(!first.isReplayed)
        let again = try await letters.once(key: "k", fingerprint: [1]) { _ in
            ReplayDeadLetters.Output(replayed: 9, hasMore: true)
        }
        #expect(again.isReplayed && again.output == first.output)
        await #expect(throws: Problem.self) {
            _ = try await letters.once(key: "k", fingerprint: [2]) { _ in
                ReplayDeadLetters.Output(replayed: 0, hasMore: false)
            }
        }
        struct Failure: Error {}
        await #expect(throws: Failure.self) {
            _ = try await letters.once(key: "x", fingerprint: [1]) { _ -> ReplayDeadLetters.Output in throw Failure() }
        }
        // What failed has not happened, and its key is free.
        let retried = try await letters.once(key: "x", fingerprint: [1]) { _ in
            ReplayDeadLetters.Output(replayed: 1, hasMore: false)
        }
        #expect(!retried.isReplayed)
    }
}
