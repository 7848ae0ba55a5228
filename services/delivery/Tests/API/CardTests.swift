import Contracts
import TestSupport
import Testing

@testable import DeliveryService

@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct CardTests {
    @Test func `an older revision is dropped, the same one again is not`() async throws {
        try await DeliveryFixture.run { fixture in
            var isSuperseded: [Bool] = []
            isSuperseded.append(try await fixture.put("two", 2).isSuperseded)
            isSuperseded.append(try await fixture.put("one", 1).isSuperseded)
            isSuperseded.append(try await fixture.put("two", 2).isSuperseded)
            #expect(isSuperseded == [false, true, false])
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["two"] }
        }
    }

    @Test func `a card is one message that changes in place, many quick changes are one edit`() async throws {
        try await DeliveryFixture.run { fixture in
            for revision in 1...20 { try await fixture.put("v\(revision)", Int64(revision)) }
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["v20"] }
            #expect(fixture.telegram.calls(of: "sendMessage").count == 1)
            #expect(fixture.telegram.calls(of: "editMessageText").count < 19)
        }
    }

    @Test func `a text card turns into a photo in the same message`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.put("working", 1)
            await eventually { fixture.telegram.messages(in: 42).count == 1 }
            try await fixture.put("done", 2, media: [MediaItem(form: .photo, asset: sampleAsset())])
            await eventually { fixture.telegram.messages(in: 42).map(\.kind) == ["photo"] }
            #expect(fixture.telegram.calls(of: "sendMessage").count == 1)
        }
    }

    @Test func `a card that the user deleted comes back with the next revision`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.put("one", 1)
            await eventually { fixture.telegram.messages(in: 42).count == 1 }
            fixture.telegram.delete(messagesIn: 42)
            try await fixture.put("two", 2)
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["two"] }
        }
    }

    @Test func `a reposted card moves to the end of the chat`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.put("panel", 1)
            try await fixture.send("in between", key: "m")
            try await fixture.wait("m", .sent)
            try await fixture.put("panel again", 2, repost: true)
            await eventually { fixture.telegram.messages(in: 42).map(\.text) == ["in between", "panel again"] }
        }
    }

    @Test func `an edit whose answer is lost is repeated until the card shows the newest revision`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("editMessageText", .refuse(status: 502, ""), .actAndLoseAnswer)
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.put("one", 1)
            await eventually { telegram.messages(in: 42).count == 1 }
            try await fixture.put("two", 2)
            await eventually(within: .seconds(8)) { telegram.calls(of: "editMessageText").count == 3 }
            #expect(telegram.messages(in: 42).map(\.text) == ["two"])
        }
    }

    @Test(arguments: ["", "a b", "a/b"])
    func `a malformed card key is refused`(key: String) async throws {
        try await DeliveryFixture.run { fixture in
            await #expect(throws: (any Error).self) { try await fixture.put("x", 1, card: key) }
        }
    }
}
