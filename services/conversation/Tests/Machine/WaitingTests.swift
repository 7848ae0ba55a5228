import Contracts
import Testing
import Time

@testable import ConversationService

/// What stopped for want of money goes on by itself if it is still wanted, and only then.
@Suite struct WaitingTests {
    static let order = Make.order(OrderID(now: Make.now), .credited)

    /// A run of model 2 that was refused for want of money.
    static func short() -> Driver {
        var user = Driver()
        let job = user.launch()
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.insufficientFunds)))))
        return user
    }

    static func topUp(_ user: inout Driver) {
        user.take(.fact(Make.fact(.paymentSucceeded, order: order, balance: Make.balance(10_000))))
    }

    @Test func `taking another model instead gives the run up that had stopped`() {
        var user = Self.short()
        user.press("Другая модель")
        user.press("Painter 8")
        user.press("Начать")
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса" && user.session?.waiting == nil)
        Self.topUp(&user)
        #expect(user.created.count == 1 && user.session?.draft?.modelNumber == 8)
        #expect(user.messages.first?.input.content.text.contains("Продолжаю") == false)
    }

    @Test func `the same words for another model are another run`() throws {
        var user = Self.short()
        user.session?.draft?.modelNumber = 8
        Self.topUp(&user)
        let job = try #require(user.created.last).jobID
        #expect(user.created.count == 2 && user.jobs[job]?.draft.modelNumber == 2)
        #expect(user.session?.draft?.modelNumber == 8, "what is being put together stays")
    }

    @Test func `work on another draft leaves the promise of the one that stopped`() throws {
        var user = Self.short()
        user.take(Make.text("/models"))
        user.take(Make.text("песня о лисе"))
        user.press("Музыка")
        user.take(Make.text("песня о медведе"))
        #expect(user.session?.draft?.inputs["prompt"] == "песня о медведе" && user.session?.waiting != nil)
        Self.topUp(&user)
        let job = try #require(user.created.last).jobID
        #expect(user.created.count == 2 && user.jobs[job]?.draft.modelNumber == 2)
        #expect(user.session?.draft?.inputs["prompt"] == "песня о медведе" && user.session?.waiting == nil)
        #expect(user.session?.parked == [], "it runs and waits no longer among the drafts")
    }

    @Test func `a run that starts by itself leaves the screen that the user is on`() {
        var user = Self.short()
        user.take(Make.text("/models"))
        user.take(Make.text("песня о лисе"))
        user.press("Музыка")
        Self.topUp(&user)
        #expect(user.created.count == 2 && user.screen == .composer)
        user.press("Сгенерировать")
        #expect(user.created.count == 3, "what was being put together can be started")
        user = Self.short()
        user.take(Make.text("/help"))
        Self.topUp(&user)
        #expect(user.created.count == 2 && user.screen == .help && user.session?.draft == nil)
    }

    @Test func `a run that starts by itself takes the place of its own draft`() throws {
        var user = Self.short()
        Self.topUp(&user)
        let job = try #require(user.created.last).jobID
        #expect(user.screen == .starting(job: job))
    }

    @Test func `a renewed price starts a run again without taking the screen from another draft`() {
        var user = Driver()
        let job = user.launch()
        user.take(Make.text("/models"))
        user.take(Make.text("песня о лисе"))
        user.press("Музыка")
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.quoteExpired)))))
        #expect(user.created.count == 2 && user.screen == .composer && user.session?.draft?.modelNumber == 5)
    }

    @Test func `changing the draft that stopped takes the promise back`() {
        var user = Self.short()
        user.take(Make.text("синяя лиса"))
        #expect(user.session?.waiting == nil)
        Self.topUp(&user)
        #expect(user.created.count == 1 && user.session?.draft?.inputs["prompt"] == "синяя лиса")
    }

    @Test func `throwing the draft away that stopped takes the promise back`() {
        var user = Self.short()
        user.press("Изменить")
        user.press("Удалить")
        user.press("Да")
        Self.topUp(&user)
        #expect(user.created.count == 1 && user.session?.waiting == nil)
    }
}
