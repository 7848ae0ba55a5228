import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import ConversationService

/// A user who asks to be forgotten is, and nobody else; what is under way still arrives.
@Suite(.scratchDatabase(migrations: "services/conversation/migrations"))
struct ErasureTests {
    private var database: Database { ScratchDatabase.current.database }

    private func erase(_ service: TestService<ConversationService>, _ user: UserID = Make.user) async throws
        -> EraseConversation.Output
    {
        try await service.client(as: .operator)
            .call(EraseConversation.self, parameters: .init(userID: user), key: "erase:\(UUID())")
    }

    /// Rows of any table that hold a text.
    private func rows(holding text: String) async throws -> Int {
        var count = 0
        for query in [
            "select count(*) from sessions where state::text like \("%\(text)%")",
            "select count(*) from jobs where state::text like \("%\(text)%")",
            "select count(*) from answers where answer::text like \("%\(text)%")",
            "select count(*) from outbox where convert_from(body, 'utf8') like \("%\(text)%")",
        ] as [SQL] {
            count += try await database.query(query)[0].decode(Int.self)
        }
        return count
    }

    private func settle() async {
        await eventually("commands wait") {
            (try? await ServiceTests().count(
                "select (select count(*) from outbox where answered_at is null) + (select count(*) from answers)"
            )) == 0
        }
    }

    @Test func `words, settings and history go, twice is once, and the next word finds a stranger`() async throws {
        let world = try await World.start()
        try await ServiceTests().with(world) { chat, service in
            let generate = try await ServiceTests().compose(chat, world)
            try await chat.send(TelegramUser.press(9, generate))
            await eventually { world.createdJobs.count == 1 }
            let job = try #require(world.createdJobs.first?.jobID)
            let done = Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset()])
            try await chat.report(Make.fact(.jobSucceeded, job: done))
            await eventually("a result") { world.messages.count == 1 }
            _ = try await ServiceTests().compose(chat, world, from: 20)
            await settle()
            #expect(try await rows(holding: "рыжая лиса") > 0)
            let before = try await database.query("select revision from sessions")[0].decode(Int64.self)

            let erased = try await erase(service)
            #expect(erased.erasedSessions == 1 && erased.erasedJobs == 1 && erased.openJobs == 0)
            #expect(erased.waitingCommands == 0)
            #expect(try await rows(holding: "лиса") == 0)
            #expect(try await ServiceTests().count("select count(*) from users") == 0)
            #expect(try await ServiceTests().count("select revision from sessions") == before + 1)
            let again = try await erase(service)
            #expect(again.erasedSessions == 0 && again.erasedJobs == 0 && again.erasedOrders == 0)

            // An old button does nothing wrong, a new word begins anew.
            try await chat.send(TelegramUser.press(40, generate))
            try await chat.send(TelegramUser.text(41, "/start"))
            await settle()
            #expect(world.createdJobs.count == 1 && world.mismatches.isEmpty)
            #expect(try await ServiceTests().count("select count(*) from users") == 1)
        }
    }

    @Test func `a job under way loses its words and still brings its result, then goes too`() async throws {
        let world = try await World.start()
        try await ServiceTests().with(world) { chat, service in
            let generate = try await ServiceTests().compose(chat, world)
            try await chat.send(TelegramUser.press(9, generate))
            await eventually { world.createdJobs.count == 1 }
            let job = try #require(world.createdJobs.first?.jobID)
            await eventually("a status card") { world.cards("job:\(job)").count == 1 }
            await settle()
            #expect(try await erase(service).openJobs == 1)
            #expect(try await rows(holding: "лиса") == 0)
            var done = Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset()])
            done.prompt = nil
            try await chat.report(Make.fact(.jobSucceeded, job: done))
            await eventually("a result") { world.messages.map(\.key) == ["job:\(job):result"] }
            await settle()
            let rest = try await erase(service)
            #expect(rest.erasedJobs == 1 && rest.openJobs == 0)
            #expect(try await ServiceTests().count("select count(*) from jobs") == 0)
        }
    }

    @Test func `orders that are over go, one that is being paid stays until it is`() async throws {
        let world = try await World.start()
        try await ServiceTests().with(world) { _, service in
            for state in [Order.State.credited, .canceled, .pending] {
                let order = KnownOrder(Make.order(OrderID(), state))
                try await database.execute(
                    """
                    insert into orders (user_id, order_id, short, chat_id, state)
                    values (\(order.userID), \(order.orderID.uuid), \(Int64(clamping: order.orderID.short)),
                        \(order.chatID), \(StateJSON.encode(order)))
                    """
                )
            }
            let erased = try await erase(service)
            #expect(erased.erasedOrders == 2 && erased.openJobs == 1)
            #expect(try await ServiceTests().count("select count(*) from orders") == 1)
        }
    }

    @Test func `other users keep what is theirs`() async throws {
        let world = try await World.start()
        try await ServiceTests().with(world) { chat, service in
            _ = try await ServiceTests().compose(chat, world)
            await settle()
            let erased = try await erase(service, 42)
            #expect(erased.erasedSessions == 0 && erased.erasedJobs == 0)
            #expect(try await rows(holding: "рыжая лиса") > 0)
        }
    }
}
