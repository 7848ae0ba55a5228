import Contracts
import DeliveryService
import Postgres
import TestSupport
import Testing
import Time

@Suite(.scratchDatabase(migrations: "services/delivery/migrations"))
struct LaneStoreTests {
    private var database: Database { ScratchDatabase.current.database }
    private var lanes: LaneStore { LaneStore(database) }
    private var messages: MessageStore { MessageStore(database) }
    private let start = Timestamp(seconds: 0)

    private func put(_ key: String, chat: ChatID = 1) async throws {
        _ = try await messages.putMessage(
            key: key,
            fingerprint: [1],
            .init(chatID: chat, content: MessageContent(text: key)),
            traceparent: nil
        )
    }

    private func claim(_ owner: String = "a") async throws -> [LaneLease] {
        try await lanes.claim(owner: owner, limit: 10, lease: .seconds(30))
    }

    private func expireLeases() async throws {
        try await database.execute(
            "update chat set lease_until = now() - interval '1 second' where lease_until is not null"
        )
    }

    @Test func `a lane has one holder, and after its lease another one, who alone may go on`() async throws {
        try await put("m")
        let first = try #require(try await claim("a").first)
        #expect(try await claim("b").isEmpty)
        try await expireLeases()
        let second = try #require(try await claim("b").first)
        #expect(second.epoch == first.epoch + 1)
        #expect(try await lanes.view(first) == nil)
        let head = try #require(try await lanes.view(second)?.head)
        #expect(try await lanes.begin(.sendText, head, progress: MessageProgress(), first) == nil)
        #expect(try await lanes.begin(.sendText, head, progress: MessageProgress(), second) == 1)
        #expect(try await lanes.renew([first], owner: "a", lease: .seconds(30)).isEmpty)
        #expect(try await lanes.renew([second], owner: "b", lease: .seconds(30)) == [1])
    }

    @Test func `a step that was begun is seen by the next holder`() async throws {
        try await put("m")
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        _ = try await lanes.begin(.sendText, head, progress: MessageProgress(), lease)
        try await expireLeases()
        let next = try #require(try await claim("b").first)
        #expect(try await lanes.view(next)?.head?.leftStep == .sendText)
    }

    @Test func `an answer that comes after the next holder has tried counts for nothing`() async throws {
        try await put("m")
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        let attempt = try #require(try await lanes.begin(.sendText, head, progress: MessageProgress(), lease))
        try await expireLeases()
        let next = try #require(try await claim("b").first)
        let again = try #require(try await lanes.view(next)?.head)
        try await lanes.settle(again, attempt: again.attempts, progress: MessageProgress(), StepRecord(.unknown))
        // The first holder was only slow: what it learned is better than "unknown".
        var progress = MessageProgress()
        progress.messageIDs = [7]
        try await lanes.settle(head, attempt: attempt, progress: progress, StepRecord(.sent))
        #expect(try await messages.message(key: "m")?.state == .sent)
        try await lanes.settle(head, attempt: attempt + 1, progress: MessageProgress(), StepRecord(.failed))
        #expect(try await messages.message(key: "m")?.messageIDs == [7])
    }

    @Test func `letting go never forgets a message that came meanwhile`() async throws {
        try await put("m")
        let lease = try #require(try await claim().first)
        let view = try #require(try await lanes.view(lease))
        let head = try #require(view.head)
        let attempt = try #require(try await lanes.begin(.sendText, head, progress: MessageProgress(), lease))
        try await lanes.settle(head, attempt: attempt, progress: MessageProgress(), StepRecord(.sent))
        let empty = try #require(try await lanes.view(lease))
        #expect(empty.head == nil)
        #expect(empty.nextDue == nil)
        try await put("n")
        try await lanes.release(lease, seen: empty.enqueued, arrival: start, nextAt: nil)
        let next = try #require(try await claim("b").first)
        #expect(try await lanes.view(next)?.head?.key == "n")
    }

    @Test func `an empty lane is not claimed again`() async throws {
        try await put("m")
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        let attempt = try #require(try await lanes.begin(.sendText, head, progress: MessageProgress(), lease))
        try await lanes.settle(head, attempt: attempt, progress: MessageProgress(), StepRecord(.sent))
        let view = try #require(try await lanes.view(lease))
        try await lanes.release(lease, seen: view.enqueued, arrival: start, nextAt: nil)
        #expect(try await claim("b").isEmpty)
    }

    @Test func `a pause holds the whole lane, a due time only its message`() async throws {
        try await put("m")
        try await put("n")
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        var late = StepRecord(.queued)
        late.dueIn = .seconds(60)
        try await lanes.settle(head, attempt: head.attempts, progress: MessageProgress(), late)
        let second = try #require(try await lanes.view(lease))
        #expect(second.head?.key == "n")
        let next = try #require(second.head)
        var paused = StepRecord(.queued)
        paused.pause = .seconds(60)
        try await lanes.settle(next, attempt: next.attempts, progress: MessageProgress(), paused)
        try await lanes.release(lease, seen: second.enqueued, arrival: start, nextAt: second.nextDue)
        #expect(try await claim("b").isEmpty)
        try await put("o")
        #expect(try await claim("b").isEmpty)
    }

    @Test func `a newer revision that came while a card was being sent stays queued`() async throws {
        let card = PutCard.Parameters(chatID: 1, cardKey: "panel")
        func put(_ revision: Int64) async throws -> MessageStore.CardOutcome {
            try await messages.putCard(
                card,
                .init(revision: revision, content: MessageContent(text: "v\(revision)")),
                traceparent: nil
            )
        }
        #expect(try await put(1) == .stored)
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        let attempt = try #require(try await lanes.begin(.sendText, head, progress: MessageProgress(), lease))
        #expect(try await put(2) == .stored)
        #expect(try await put(1) == .superseded)
        #expect(try await put(2) == .known)
        var progress = MessageProgress()
        progress.messageIDs = [7]
        try await lanes.settle(head, attempt: attempt, progress: progress, StepRecord(.sent))
        let newer = try #require(try await lanes.view(lease)?.head)
        #expect(newer.message.revision == 2)
        #expect(newer.message.progress.messageIDs == [7])
        #expect(newer.leftStep == nil)
    }

    @Test func `a revision that came after the look at it is not sent in the older form`() async throws {
        let card = PutCard.Parameters(chatID: 1, cardKey: "panel")
        _ = try await messages.putCard(card, .init(revision: 1, content: MessageContent(text: "1")), traceparent: nil)
        let lease = try #require(try await claim().first)
        let head = try #require(try await lanes.view(lease)?.head)
        _ = try await messages.putCard(card, .init(revision: 2, content: MessageContent(text: "2")), traceparent: nil)
        #expect(try await lanes.begin(.sendText, head, progress: MessageProgress(), lease) == nil)
    }

    @Test func `slots of the bot follow each other whoever takes them`() async throws {
        let bot = BotStore(database)
        let first = try await bot.reserve(5, interval: .milliseconds(100))
        let second = try await bot.reserve(1, interval: .milliseconds(100))
        #expect(first.delay == .zero)
        #expect(second.delay > .milliseconds(300))
        #expect(second.delay <= .milliseconds(500))
        var pace = BotPace(perSecond: 10)
        pace.complained(at: Timestamp(seconds: 1_000))
        try await bot.pause(for: .seconds(60), pace)
        let third = try await bot.reserve(1, interval: .milliseconds(100))
        #expect(third.delay > .seconds(50))
        #expect(third.slowness == 1.25)
    }
}
