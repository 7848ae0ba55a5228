import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing

@testable import DeliveryService

/// No text is kept for longer than it takes to send it, and none for a user who asks for it.
@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct ErasureTests {
    private func kept(_ chat: ChatID) async throws -> Int {
        try await ScratchDatabase.current.database.query(
            "select count(*) from message where chat_id = \(chat) and content is not null"
        )[0].decode(Int.self)
    }

    private func erase(_ fixture: DeliveryFixture, _ chat: ChatID = 42) async throws -> EraseChat.Output {
        try await fixture.service.client(as: .operator)
            .call(EraseChat.self, parameters: .init(chatID: chat), key: "erase:\(UUID())")
    }

    @Test func `what was sent is not kept, and a card goes on changing`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.put("one", 1)
            try await fixture.send("text", key: "m")
            try await fixture.wait("m", .sent)
            try await eventually { try await kept(42) == 0 }
            try await fixture.put("two", 2)
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["two", "text"] }
            #expect(fixture.telegram.calls(of: "sendMessage").count == 2)
        }
    }

    @Test func `what waits for a user who has gone is given up, once, and nobody else's`() async throws {
        try await DeliveryFixture.run { fixture in
            for chat in [42, 43] as [ChatID] {
                _ = try await fixture.conversation.call(
                    SetChatReachability.self,
                    SetChatReachability.Input(isReachable: false),
                    parameters: .init(chatID: chat),
                    key: "away:\(chat)"
                )
                try await fixture.send("secret", to: chat, key: "m\(chat)")
                try await fixture.put("secret", 1, chat: chat)
            }
            #expect(try await erase(fixture) == EraseChat.Output(erasedMessages: 2, waitingMessages: 0))
            #expect(try await kept(42) == 0)
            #expect(try await kept(43) == 2)
            #expect(try await erase(fixture) == EraseChat.Output(erasedMessages: 0, waitingMessages: 0))
            // A repeat of the same message finds its key; nothing is sent.
            let again = try await fixture.send("secret", to: 42, key: "m42")
            #expect(again.state == .failed)
            #expect(fixture.telegram.messages(in: 42).isEmpty)
        }
    }

    @Test func `a card that an older build has kept is emptied`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.put("one", 1)
            try await eventually { try await kept(42) == 0 }
            try await ScratchDatabase.current.database.execute("update message set content = '{}' where chat_id = 42")
            #expect(try await erase(fixture).erasedMessages == 1)
            try await fixture.put("two", 2)
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["two"] }
        }
    }
}
