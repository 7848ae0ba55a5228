import Contracts
import HTTP
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing

@testable import DeliveryService

@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct SendingTests {
    private let photo = MediaItem(form: .photo, asset: sampleAsset(sha256: "p1"))

    // MARK: Failures

    @Test func `a message whose answer is lost is unknown and not sent again`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("sendMessage", .actAndLoseAnswer)
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("once", key: "a")
            try await fixture.wait("a", .unknown)
            try await fixture.send("after", key: "b")
            try await fixture.wait("b", .sent)
            #expect(telegram.messages(in: 42).map(\.text) == ["once", "after"])
        }
    }

    @Test func `a photo whose upload is not answered is repeated and shows once`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("editMessageMedia", .actAndLoseAnswer)
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("done", media: [photo], key: "a", replyTo: 7)
            try await fixture.wait("a", .sent)
            let messages = telegram.messages(in: 42)
            #expect(messages == [.init(chat: 42, kind: "photo", text: "done", file: "bytes", replyTo: 7)])
            #expect(telegram.calls(of: "editMessageMedia").count == 2)
        }
    }

    @Test func `an album whose answer is lost is unknown and not sent again`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("sendMediaGroup", .actAndLoseAnswer)
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("two", media: [photo, photo], key: "a")
            try await fixture.wait("a", .unknown)
            #expect(telegram.messages(in: 42).count == 2)
            #expect(telegram.calls(of: "sendMediaGroup").count == 1)
        }
    }

    @Test func `a flood pauses its chat as long as asked and nobody else`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("sendMessage", .refuse(status: 429, "Too Many Requests: retry after 1"))
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("slow", to: 1, key: "a")
            await eventually { telegram.calls(of: "sendMessage").count == 1 }
            try await fixture.send("fast", to: 2, key: "b")
            try await fixture.wait("b", .sent)
            #expect(try await fixture.state("a").state != .sent)
            try await fixture.wait("a", .sent)
            #expect(telegram.messages(in: 1).map(\.text) == ["slow"])
        }
    }

    @Test func `a blocked chat parks its messages until the user is back, in order`() async throws {
        let telegram = FakeTelegram()
        telegram.fail("sendMessage", .refuse(status: 403, "Forbidden: bot was blocked by the user"))
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("one", key: "a")
            try await fixture.wait("a", .blocked)
            #expect(try await fixture.send("two", key: "b").state == .blocked)
            try await fixture.send("elsewhere", to: 2, key: "c")
            try await fixture.wait("c", .sent)
            #expect(telegram.messages(in: 42).isEmpty)

            let chat = SetChatReachability.Parameters(chatID: 42)
            _ = try await fixture.conversation.call(
                SetChatReachability.self,
                .init(isReachable: true),
                parameters: chat,
                key: "back"
            )
            try await fixture.wait("b", .sent)
            #expect(telegram.messages(in: 42).map(\.text) == ["one", "two"])
        }
    }

    @Test func `a reported block keeps everything back before Telegram is asked`() async throws {
        try await DeliveryFixture.run { fixture in
            let chat = SetChatReachability.Parameters(chatID: 42)
            _ = try await fixture.conversation.call(
                SetChatReachability.self,
                .init(isReachable: false),
                parameters: chat,
                key: "gone"
            )
            #expect(try await fixture.send("one", key: "a").state == .blocked)
            try await fixture.send("elsewhere", to: 2, key: "c")
            try await fixture.wait("c", .sent)
            #expect(fixture.telegram.messages(in: 42).isEmpty)
        }
    }

    @Test func `a chat that was blocked long ago is tried again when something new comes`() async throws {
        try await DeliveryFixture.run { fixture in
            let chat = SetChatReachability.Parameters(chatID: 42)
            _ = try await fixture.conversation.call(
                SetChatReachability.self,
                .init(isReachable: false),
                parameters: chat,
                key: "gone"
            )
            try await ScratchDatabase.current.database.execute(
                "update chat set probed_at = now() - interval '11 minutes' where chat_id = 42"
            )
            try await fixture.send("anybody there?", key: "a")
            try await fixture.wait("a", .sent)
        }
    }

    @Test func `a group that became a supergroup gets its messages under the new id`() async throws {
        let telegram = FakeTelegram()
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            telegram.fail("sendMessage", .refuse(status: 400, "x"))
            try await fixture.send("warm up", to: 5, key: "w")
            try await fixture.wait("w", .failed)
            let database = ScratchDatabase.current.database
            try await fixture.send("hello", to: -5, key: "a")
            try await fixture.wait("a", .sent)
            try await ChatStore(database).move(-5, to: -1_005)
            try await fixture.send("hello again", to: -5, key: "b")
            try await fixture.wait("b", .sent)
            #expect(telegram.messages(in: -1_005).map(\.text) == ["hello again"])
        }
    }

    @Test func `Telegram being away delays messages and loses none`() async throws {
        let telegram = FakeTelegram()
        try await DeliveryFixture.run(
            telegram: telegram,
            environment: ["ATELIER_TELEGRAM_API_URL": "http://127.0.0.1:9"],
            waits: false
        ) { fixture in
            // Not ready, since Telegram does not know of us yet, but durable already.
            await eventually { (try? await fixture.send("patience", key: "a"))?.state == .queued }
        }
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.wait("a", .sent)
            #expect(telegram.messages(in: 42).map(\.text) == ["patience"])
        }
    }

    @Test func `media that are gone fail the message, media that are late only delay it`() async throws {
        try await DeliveryFixture.run(assetStatus: 404) { fixture in
            try await fixture.send("no bytes", media: [photo], key: "a")
            try await fixture.wait("a", .failed)
            #expect(fixture.telegram.messages(in: 42).isEmpty)
        }
        // A token that does not fit is mended by the operator, and says nothing about the media.
        for status in [503, 401] {
            try await DeliveryFixture.run(assetStatus: status) { fixture in
                try await fixture.send("late bytes", media: [photo], key: "b\(status)")
                try await fixture.send("text", key: "c\(status)")
                try await fixture.wait("c\(status)", .sent)
                #expect(try await fixture.state("b\(status)").state == .queued)
                #expect(fixture.telegram.messages(in: 42).map(\.text) == ["text"])
            }
        }
    }

    @Test func `a result that is too large for Telegram arrives as a link`() async throws {
        let large = MediaItem(form: .video, asset: sampleAsset("video/mp4", bytes: 73_000_000))
        try await DeliveryFixture.run { fixture in
            try await fixture.send("done", media: [large], key: "a")
            try await fixture.wait("a", .sent)
            let calls = fixture.telegram.calls(of: "sendMessage")
            #expect(calls.map { $0.parameters["text"] } == ["done"])
            let rows = calls.first?.parameters["reply_markup"]?["inline_keyboard"]
            #expect(rows?.array?.first?.array?.first?["url"] == "https://bot.example/files/x")
        }
        // Without a link it waits; the text alone would be a result without the result.
        try await DeliveryFixture.run(assetStatus: 503) { fixture in
            try await fixture.send("done", media: [large], key: "b")
            try await fixture.send("text", key: "c")
            try await fixture.wait("c", .sent)
            #expect(try await fixture.state("b").state == .queued)
        }
    }

    @Test func `an answer is recorded even if the database breaks off at that moment`() async throws {
        let scratch = ScratchDatabase.current
        let telegram = FakeTelegram { method in
            guard method == "sendMessage" else { return }
            try await scratch.withDatabase(url: scratch.adminURL) { admin in
                _ = try await admin.execute(
                    """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and usename = 'atelier_delivery'
                    """
                )
            }
        }
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.send("kept", key: "a")
            await eventually { (try? await fixture.state("a").state) == .sent }
            #expect(telegram.messages(in: 42).map(\.text) == ["kept"])
        }
    }

    @Test func `a process that died while sending leaves an unknown text and a repeated edit`() async throws {
        let database = ScratchDatabase.current.database
        let lanes = LaneStore(database)
        let messages = MessageStore(database)
        _ = try await messages.putMessage(
            key: "t",
            fingerprint: [1],
            .init(chatID: 1, content: MessageContent(text: "lost?")),
            traceparent: nil
        )
        try await die(lanes, in: 1, .sendText) { _ in }
        _ = try await messages.putCard(
            .init(chatID: 2, cardKey: "panel"),
            .init(revision: 3, content: MessageContent(text: "new")),
            traceparent: nil
        )
        try await die(lanes, in: 2, .editText) { progress in
            progress.messageIDs = [101]
            progress.revision = 3
            progress.shown = .init(.text, revision: 2)
        }
        let telegram = FakeTelegram()
        try await DeliveryFixture.run(telegram: telegram) { fixture in
            try await fixture.wait("t", .unknown)
            #expect(telegram.messages(in: 1).isEmpty)
            await eventually { telegram.calls(of: "editMessageText").count == 1 }
            let metrics = String(decoding: fixture.service.runner.context.metrics.render(), as: UTF8.self)
            #expect(metrics.contains(#"atelier_delivery_recovered_steps_total{service="delivery",step="send_text"} 1"#))
            #expect(metrics.contains(#"atelier_delivery_recovered_steps_total{service="delivery",step="edit_text"} 1"#))
        }
    }

    /// Begins a step as a process that is killed right after it.
    private func die(
        _ lanes: LaneStore,
        in chat: ChatID,
        _ step: SendStep,
        _ adjust: (inout MessageProgress) -> Void
    ) async throws {
        let leases = try await lanes.claim(owner: "dead", limit: 10, lease: .seconds(30))
        let lease = try #require(leases.first { $0.chatID == chat })
        let head = try #require(try await lanes.view(lease)?.head)
        var progress = head.message.progress
        adjust(&progress)
        #expect(try await lanes.begin(step, head, progress: progress, lease) == 1)
        try await ScratchDatabase.current.database.execute(
            "update chat set lease_until = now() - interval '1 second'"
        )
    }

    // MARK: Ordinary

    @Test func `a key is one message, and another body under it is refused`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.send("one", key: "a")
            try await fixture.send("one", key: "a")
            try await fixture.wait("a", .sent)
            let state = try await fixture.send("one", key: "a")
            #expect(state.state == .sent)
            #expect(state.messageIDs.count == 1)
            #expect(state.sentAt != nil)
            do {
                try await fixture.send("two", key: "a")
                Issue.record("another body was taken")
            } catch {
                #expect((error as? CallError)?.problem?.code == .idempotencyMismatch)
            }
            #expect(fixture.telegram.messages(in: 42).map(\.text) == ["one"])
        }
    }

    @Test func `messages of a chat keep their order, chats go side by side`() async throws {
        try await DeliveryFixture.run { fixture in
            for number in 0..<3 {
                for chat in 1...5 { try await fixture.send("\(number)", to: Int64(chat), key: "\(chat)/\(number)") }
            }
            for chat in 1...5 { try await fixture.wait("\(chat)/2", .sent) }
            for chat in 1...5 { #expect(fixture.telegram.messages(in: Int64(chat)).map(\.text) == ["0", "1", "2"]) }
        }
    }

    @Test func `a file that Telegram has is not uploaded again`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.send("first", to: 1, media: [photo], key: "a")
            try await fixture.wait("a", .sent)
            try await fixture.send("second", to: 2, media: [photo], key: "b")
            try await fixture.wait("b", .sent)
            #expect(fixture.telegram.messages(in: 2).first?.file == "id-of-bytes")
            fixture.telegram.fail(
                "editMessageMedia",
                .refuse(status: 400, "Bad Request: wrong remote file identifier specified")
            )
            try await fixture.send("third", to: 3, media: [photo], key: "c")
            try await fixture.wait("c", .sent)
            #expect(fixture.telegram.messages(in: 3).first?.file == "bytes")
        }
    }

    @Test func `an album with buttons is an album and a message below it`() async throws {
        try await DeliveryFixture.run { fixture in
            try await fixture.send("pick", media: [photo, photo, photo], keyboard: sampleButtons, key: "a")
            try await fixture.wait("a", .sent)
            let messages = fixture.telegram.messages(in: 42)
            #expect(messages.map(\.kind) == ["photo", "photo", "photo", "text"])
            #expect(messages.map(\.hasButtons) == [false, false, false, true])
            #expect(try await fixture.state("a").messageIDs.count == 4)
        }
    }

    @Test func `what Telegram would refuse is refused at once`() async throws {
        try await DeliveryFixture.run { fixture in
            do {
                try await fixture.send(String(repeating: "a", count: 5_000), key: "a")
                Issue.record("a text that is too long was taken")
            } catch {
                #expect((error as? CallError)?.problem?.code == .messageInvalid)
            }
            do {
                _ = try await fixture.state("a")
                Issue.record("the refused message is known")
            } catch {
                #expect((error as? CallError)?.problem?.code == .notFound)
            }
        }
    }
}
