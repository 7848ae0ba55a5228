import Contracts
import Foundation
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import ConversationService

/// The whole service on a real database, with stand-ins for its neighbours.
@Suite(.scratchDatabase(migrations: "services/conversation/migrations"))
struct ServiceTests {
    typealias Service = TestService<ConversationService>

    func with(
        _ world: World,
        _ body: (TelegramUser, Service) async throws -> Void
    ) async throws {
        try await Service.run(environment: world.environment) { service in
            try await body(TelegramUser(service), service)
        }
    }

    func count(_ table: SQL) async throws -> Int64 {
        try await ScratchDatabase.current.database.query(table)[0].decode(Int64.self)
    }

    /// Presses what is on the newest panel.
    func data(_ text: String, _ world: World) async throws -> String {
        // The panel may be drawn anew at any moment: what was seen is taken.
        var seen: String?
        await eventually("a panel with \(text)") {
            seen = world.panel?.keyboard.joined().first { $0.text.contains(text) }?.callbackData
            return seen != nil
        }
        return try #require(seen)
    }

    /// Start, prompt, offer, composer; returns the data of the button that generates.
    func compose(_ chat: TelegramUser, _ world: World, from id: Int64 = 1) async throws -> String {
        try await chat.send(TelegramUser.text(id, "/start"))
        try await chat.send(TelegramUser.press(id + 1, CallbackData(.start(2), draftSerial: 0).text))
        try await chat.send(TelegramUser.text(id + 2, "рыжая лиса"))
        return try await data("Сгенерировать", world)
    }

    @Test func `from the first word to the picture`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            try await chat.send(TelegramUser.text(1, "/start"))
            let sample = try await data("Повторить пример", world)
            try await chat.send(TelegramUser.press(2, sample))
            let generate = try await data("Сгенерировать", world)
            let started = Deadline.monotonicNow()
            try await chat.send(TelegramUser.press(3, generate))
            await eventually { world.createdJobs.count == 1 }
            let job = try #require(world.createdJobs.first?.jobID)
            await eventually("a status card") { world.cards("job:\(job)").count == 1 }
            #expect(Double(Deadline.monotonicNow() - started) * 1e-9 < 5, "generous: the machine may be busy")
            let done = Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset()])
            try await chat.report(Make.fact(.jobSucceeded, job: done))
            await eventually("a result") { world.messages.map(\.key) == ["job:\(job):result"] }
            #expect(world.messages.first?.input.content.media.count == 1)
            #expect(world.mismatches.isEmpty)
        }
    }

    @Test func `the same update twice is one effect`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            let generate = try await compose(chat, world)
            for _ in 0..<3 {
                let verdicts = try await chat.send(TelegramUser.press(9, generate))
                #expect(verdicts.map(\.verdict) == [.ok])
            }
            await eventually { world.createdJobs.count == 1 }
            #expect(try await count("select count(*) from outbox where path = '/v1/jobs'") == 1)
        }
    }

    @Test(arguments: [true, false])
    func `twenty presses at once start one job, be they one update or twenty`(isOneUpdate: Bool) async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            let generate = try await compose(chat, world)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    let event = TelegramUser.press(isOneUpdate ? 100 : 100 + Int64(index), generate)
                    group.addTask {
                        var verdict = EventVerdict.Kind.retry
                        while verdict == .retry { verdict = try await chat.send(event)[0].verdict }
                    }
                }
                try await group.waitForAll()
            }
            await eventually { world.createdJobs.count == 1 }
            #expect(try await count("select count(*) from outbox where path = '/v1/jobs'") == 1)
            #expect(world.mismatches.isEmpty)
        }
    }

    @Test func `what was decided before a crash is sent after it, under the same keys`() async throws {
        let world = try await World.start()
        var job: JobID?
        try await with(world) { chat, _ in
            let generate = try await compose(chat, world)
            world.set { $0.down = ["/v1/jobs", "/v1/chats"] }
            try await chat.send(TelegramUser.press(9, generate))
            #expect(world.createdJobs.isEmpty)
        }
        world.set { $0.down = [] }
        try await with(world) { chat, _ in
            await eventually("the job is asked for") { world.createdJobs.count == 1 }
            job = world.createdJobs.first?.jobID
            let id = try #require(job)
            await eventually("its card is shown") { world.cards("job:\(id)").count == 1 }
            // Ingress repeats the update because it never saw the answer.
            let key = CallbackData(.generate, draftSerial: 0).text
            #expect(try await chat.send(TelegramUser.press(9, key)).map(\.verdict) == [.ok])
            #expect(world.createdJobs.count == 1)
            #expect(world.mismatches.isEmpty)
        }
    }

    @Test func `an answer that nobody has decided on survives a crash`() async throws {
        let world = try await World.start()
        let job = JobID()
        let scene = Scene(userID: Make.user, chatID: Make.user)
        try await ScratchDatabase.current.database.transaction { transaction in
            try await AnswerStore.put(
                CommandAnswer(purpose: .createJob(job), outcome: .job(Make.job(job, .accepted))),
                key: "job:\(job):create:\(scene.chatID):\(scene.userID)",
                scene: scene,
                in: transaction
            )
        }
        try await with(world) { _, _ in
            await eventually("the card") { world.cards("job:\(job)").count == 1 }
            try await eventually { try await count("select count(*) from answers") == 0 }
        }
    }

    @Test func `facts repeated, at once and out of order give one card story and one result`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            try await chat.send(TelegramUser.press(9, compose(chat, world)))
            await eventually { world.createdJobs.count == 1 }
            let job = try #require(world.createdJobs.first?.jobID)
            let done = Make.fact(.jobSucceeded, job: Make.job(job, .succeeded, assets: [Make.asset()]))
            let facts = [
                done, Make.fact(.jobRunning, job: Make.job(job, .running)), done,
                Make.fact(.jobRetrying, job: Make.job(job, .retrying)),
                Make.fact(.jobAccepted, job: Make.job(job, .accepted)), done,
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for fact in facts { group.addTask { try await chat.report(fact) } }
                try await group.waitForAll()
            }
            await eventually { world.messages.count == 1 }
            await eventually {
                world.cards("job:\(job)").last?.content.keyboard.joined().map(\.text) == ["Показать"]
            }
            let revisions = world.cards("job:\(job)").map(\.revision)
            #expect(revisions == Array(Set(revisions)).sorted())
            #expect(world.mismatches.isEmpty)
        }
    }

    @Test func `short of money, topped up, and the draft goes on by itself`() async throws {
        let world = try await World.start()
        try await with(world) { chat, service in
            world.set { $0.refusals = [Problem(.insufficientFunds, members: ["shortage_kopecks": 900])] }
            try await chat.send(TelegramUser.press(9, compose(chat, world)))
            try await chat.send(TelegramUser.press(10, data("10\u{A0}₽", world)))
            try await chat.send(TelegramUser.press(11, data("Карта", world)))
            await eventually("a bill with a link") {
                world.panel?.keyboard.joined().contains { $0.url != nil } == true
            }
            let order = try #require(world.calls("POST", "/v1/orders").first)
            let input = try ContractJSON.decode(CreateOrder.Input.self, from: order.body)
            #expect(input.amountKopecks == 1_000)
            let paid = Make.fact(
                .paymentSucceeded,
                order: Make.order(input.orderID, .credited, kopecks: 1_000),
                balance: Make.balance(1_500)
            )
            let payments = service.client(as: .payments)
            for _ in 0..<2 { _ = try await payments.call(ReportFact.self, paid, key: paid.factID.description) }
            await eventually("the second try") { world.createdJobs.count == 2 }
            #expect(world.messages.map(\.key) == ["order:\(input.orderID):paid"])
            #expect(Set(world.createdJobs.map(\.quoteID)).count == 1)
        }
    }

    @Test func `a bad item is rejected and its neighbours are handled`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            let verdicts = try await chat.send(
                TelegramUser.text(1, "/start"),
                TelegramUser.event(2, "message", #"{"update_id":2,"message":{}}"#),
                TelegramUser.text(3, "/start", user: 42),
                TelegramUser.event(4, "poll", #"{"update_id":4,"poll":{}}"#)
            )
            #expect(verdicts.map(\.verdict) == [.ok, .reject, .ok, .ok])
            #expect(verdicts.map(\.id) == [1, 2, 3, 4])
            await eventually { world.cards("panel").count == 1 && world.cards("panel", chat: 42).count == 1 }
        }
    }

    @Test func `an update that can't be stored is asked for again and then answered once`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            let scratch = ScratchDatabase.current
            try await scratch.withDatabase(url: scratch.adminURL) { admin in
                try await admin.execute(SQL("alter table seen_events rename to hidden").once())
                #expect(try await chat.send(TelegramUser.text(1, "/start")).map(\.verdict) == [.retry])
                try await admin.execute(SQL("alter table hidden rename to seen_events").once())
            }
            #expect(try await chat.send(TelegramUser.text(1, "/start")).map(\.verdict) == [.ok])
            await eventually { world.cards("panel").count == 1 }
        }
    }

    @Test func `with every neighbour silent a user is still answered`() async throws {
        let world = try await World.start()
        world.set { $0.down = ["/v1/models", "/v1/accounts", "/v1/quotes", "/v1/payment-options", "/v1/users"] }
        try await with(world) { chat, _ in
            let texts = ["/start", "рыжая лиса", "/balance", "/jobs", "/topup", "/models", "/history"]
            for (index, text) in texts.enumerated() {
                try await chat.send(TelegramUser.text(Int64(index + 1), text))
                await eventually("an answer to \(text)") { world.cards("panel").count == index + 1 }
            }
        }
    }

    @Test func `the spinner stops before a slow read ends`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            try await chat.send(TelegramUser.text(1, "/start"))
            let sample = try await data("Повторить пример", world)
            world.set { $0.isQuoteClosed = true }
            async let verdicts = chat.send(TelegramUser.press(2, sample))
            await eventually("the callback is answered") { world.toasts.count == 1 }
            #expect(world.cards("panel").count == 1)
            world.set { $0.isQuoteClosed = false }
            #expect(try await verdicts.map(\.verdict) == [.ok])
        }
    }

    @Test func `a result that delivery finds invalid is sent once more without markup`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            try await chat.send(TelegramUser.press(9, compose(chat, world)))
            await eventually { world.createdJobs.count == 1 }
            let job = try #require(world.createdJobs.first?.jobID)
            world.set { $0.messageProblems = [Problem(.messageInvalid)] }
            let done = Make.job(job, .succeeded, assets: [Make.asset()])
            try await chat.report(Make.fact(.jobSucceeded, job: done))
            await eventually { world.messages.count == 2 }
            let plain = try #require(world.messages.last)
            #expect(plain.key == "job:\(job):result:plain")
            #expect(plain.input.content.media.map(\.form) == [.document])
            #expect(plain.input.content.keyboard.isEmpty && !plain.input.content.text.contains("<"))
        }
    }

    @Test func `talk in groups and service messages leave no trace`() async throws {
        let world = try await World.start()
        try await with(world) { chat, _ in
            let body = """
                {"update_id":1,"message":{"message_id":5,"from":{"id":42,"is_bot":false,"first_name":"А"},
                "chat":{"id":-100,"type":"group"},"date":1,"text":"привет"}}
                """
            try await chat.send(TelegramUser.event(1, "message", body))
            #expect(try await count("select count(*) from sessions") == 0)
            #expect(try await count("select count(*) from seen_events") == 0)
        }
    }

    @Test func `a session that can't be read is begun anew and the user is answered`() async throws {
        let world = try await World.start()
        try await with(world) { user, service in
            try await user.send(TelegramUser.text(1, "/start"))
            try await ScratchDatabase.current.database.execute(
                "update sessions set state = '{\"screen\": 5, \"draftSerial\": \"seven\"}'"
            )
            try await user.send(TelegramUser.text(2, "/start"))
            await eventually { world.cards("panel").count == 2 }
            #expect(world.cards("panel").last?.repost == true)
            #expect(service.log.contains("session cannot be read and was reset"))
        }
    }

    @Test func `a group that the bot is added to becomes no user`() async throws {
        let world = try await World.start()
        try await with(world) { user, _ in
            let body = """
                {"update_id":1,"my_chat_member":{"chat":{"id":-100,"type":"group"},"new_chat_member":{"status":"member"}}}
                """
            try await user.send(TelegramUser.event(1, "my_chat_member", body))
            await eventually { world.calls("PUT", "/v1/chats/-100/reachability").count == 1 }
            #expect(try await count("select count(*) from users") == 0)
        }
    }

    @Test func `nothing is left unanswered by the counters`() async throws {
        let world = try await World.start()
        try await with(world) { chat, service in
            _ = try await compose(chat, world)
            let text = String(decoding: service.runner.context.metrics.render(), as: UTF8.self)
            #expect(text.contains("updates_total{service=\"conversation\",kind=\"message\",outcome=\"answered\"} 2"))
            let unanswered = text.split(separator: "\n").filter {
                $0.hasPrefix("atelier_conversation_unanswered_total") && !$0.hasSuffix(" 0")
            }
            #expect(unanswered.isEmpty)
        }
    }
}
