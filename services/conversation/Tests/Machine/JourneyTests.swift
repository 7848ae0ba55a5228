import Contracts
import Testing
import Time

@testable import ConversationService

/// The roads that users take, played against the pure machine.
@Suite struct JourneyTests {
    @Test func `start, prompt, generate, accepted, result`() throws {
        var user = Driver()
        user.take(Make.text("/start"))
        #expect(user.screen == .welcome)
        user.take(Make.text("рыжая лиса в снегу"))
        #expect(user.screen == .offer)
        user.press("Картинка")
        #expect(user.screen == .composer)
        user.press("Сгенерировать")
        let job = try #require(user.created.first)
        #expect(user.screen == .starting(job: job.jobID))
        #expect(user.toast?.text == "Запускаю…")

        user.take(.answer(CommandAnswer(purpose: .createJob(job.jobID), outcome: .job(Make.job(job.jobID, .accepted)))))
        #expect(user.decision?.commands.count == 1, "the accepted card goes alone")
        #expect(user.jobCards.count == 1)
        #expect(user.jobCards.first?.replyToMessageID == 500)
        #expect(user.session?.running == [job.jobID])

        user.take(.fact(Make.fact(.jobRunning, job: Make.job(job.jobID, .running))))
        #expect(user.decision?.commands.count == 1, "so does every later state of it")

        let done = Make.job(job.jobID, .succeeded, charged: 1_400, assets: [Make.asset()])
        user.take(.fact(Make.fact(.jobSucceeded, job: done)))
        #expect(user.screen == .home)
        #expect(user.messages.map(\.key) == ["job:\(job.jobID):result"])
        #expect(user.messages[0].input.content.media.map(\.form) == [.photo])
        #expect(user.messages[0].input.content.text.contains("100\u{A0}₽"))
        #expect(user.session?.running == [])
        let card = try #require(user.jobCards.first?.content)
        #expect(card.keyboard.joined().map(\.text) == ["Показать"], "the result may not have got through")
        user.press("Показать", on: card)
        #expect(user.messages.map(\.input.content.media.count) == [1])
        #expect(user.messages.first?.key != "job:\(job.jobID):result")
    }

    @Test func `an unprompted photo opens three priced actions and the chosen one has it in place`() {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.photo(caption: "сделай море"))
        #expect(user.screen == .offer)
        #expect(user.panelButtons.prefix(3).allSatisfy { $0.contains("₽") || $0.contains("бесплатно") })
        user.press("Изменить фото")
        #expect(user.session?.draft?.media["image_urls"] == [Make.image()])
        #expect(user.session?.draft?.inputs["prompt"] == "сделай море")
    }

    @Test func `a price above the limit is confirmed first, at or below it is not`() {
        var user = Driver()
        user.price = 5_000
        user.compose()
        user.press("Сгенерировать")
        #expect(user.created.count == 1)

        user = Driver()
        user.price = 5_001
        user.compose()
        user.press("Сгенерировать")
        #expect(user.screen == .confirm)
        #expect(user.created.isEmpty)
        user.press("Запустить")
        #expect(user.created.count == 1)
    }

    @Test func `pressing generate twice starts one job`() {
        var user = Driver()
        user.compose()
        let composer = user.panel
        user.press("Сгенерировать", on: composer)
        user.press("Сгенерировать", on: composer)
        #expect(user.created.count == 1)
        #expect(user.toast?.text == "Уже запущено")
        #expect(user.panel != composer)
    }

    @Test func `a shortage keeps the draft, and the top-up starts it by itself at the same price`() throws {
        var user = Driver()
        let job = user.launch()
        let problem = Problem(.insufficientFunds, members: ["shortage_kopecks": 900, "available_kopecks": 500])
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(problem))))
        #expect(user.screen == .shortage(kopecks: 900, availableKopecks: 500))
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        #expect(user.panelText.contains("9\u{A0}₽"))
        #expect(user.panelButtons.contains("10\u{A0}₽"))

        user.press("100\u{A0}₽")
        user.press("Карта")
        let order = try #require(user.orders.values.first)
        #expect(user.screen == .payment(order: order.orderID))
        user.take(
            .answer(
                CommandAnswer(
                    purpose: .createOrder(order.orderID),
                    outcome: .order(Make.order(order.orderID, .pending))
                )
            )
        )
        #expect(user.panel?.keyboard.first?.first?.url?.hasPrefix("https://pay.example/") == true)
        #expect(!user.panelText.contains("Оплаты пока не видно"), "nobody has asked yet")
        user.press("Проверить оплату")
        user.take(
            .answer(
                CommandAnswer(
                    purpose: .checkOrder(order.orderID),
                    outcome: .order(Make.order(order.orderID, .pending))
                )
            )
        )
        #expect(user.panelText.contains("Оплаты пока не видно"))

        user.take(
            .fact(
                Make.fact(
                    .paymentSucceeded,
                    order: Make.order(order.orderID, .credited),
                    balance: Make.balance(10_500)
                )
            )
        )
        #expect(user.messages.map(\.key) == ["order:\(order.orderID):paid"])
        #expect(user.created.count == 2)
        #expect(user.session?.draft == nil)
        #expect(user.session?.waiting == nil)
    }

    @Test func `a draft that became dearer is asked about after the top-up`() throws {
        var user = Driver()
        let job = user.launch()
        user.take(
            .answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.insufficientFunds))))
        )
        user.now = user.now + .seconds(3_600)
        user.price = 1_500
        let order = Make.order(OrderID(now: Make.now), .credited)
        user.take(.fact(Make.fact(.paymentSucceeded, order: order, balance: Make.balance(10_000))))
        #expect(user.created.count == 1)
        #expect(user.screen == .confirm)
        #expect(user.panelText.contains("было 14\u{A0}₽. Запустить по новой цене?"))
        user.press("Запустить")
        #expect(user.created.count == 2)
    }

    @Test(arguments: [(Int64(1_400), 2), (1_300, 2), (1_401, 1)])
    func `an expired quote is renewed silently unless it is dearer`(price: Int64, jobs: Int) {
        var user = Driver()
        let job = user.launch()
        user.price = price
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.quoteExpired)))))
        #expect(user.created.count == jobs)
        #expect((user.screen == .confirm) == (jobs == 1))
        #expect(Set(user.created.map(\.jobID)).count == jobs)
    }

    @Test(arguments: [ProblemCode.modelUnavailable, .limitExceeded, .accountFrozen, .invalidInputs, .unknown])
    func `whatever else generation refuses, the draft comes back and money is spoken of`(code: ProblemCode) {
        var user = Driver()
        let job = user.launch()
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(code)))))
        #expect(user.screen == .composer)
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        #expect(user.panelText.contains("⚠️"))
    }

    @Test func `a run that is refused while another is typed puts the new one aside, not away`() {
        var user = Driver()
        let job = user.launch()
        user.compose(5, "песня о лисе")
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.insufficientFunds)))))
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        #expect(user.session?.parked.map { $0.inputs["prompt"] } == ["песня о лисе"])
        #expect(user.session?.waiting?.draft.inputs["prompt"] == "рыжая лиса")
    }

    @Test func `facts out of order never move a card backwards and a result is handed over once`() {
        var user = Driver()
        let job = user.launch()
        user.take(.fact(Make.fact(.jobRunning, job: Make.job(job, .running))))
        #expect(user.jobCards.count == 1)
        let accepted = user.take(.fact(Make.fact(.jobAccepted, job: Make.job(job, .accepted))))
        #expect(accepted.outcome == .repeated && accepted.commands.isEmpty)
        let done = Make.fact(.jobSucceeded, job: Make.job(job, .succeeded, assets: [Make.asset()]))
        #expect(user.take(.fact(done)).commands.count == 3, "the result, its card and the menu")
        #expect(user.take(.fact(done)).commands.isEmpty)
        #expect(user.take(.fact(Make.fact(.jobRetrying, job: Make.job(job, .retrying)))).commands.isEmpty)
        #expect(user.take(.fact(Make.fact(.jobFailed, job: Make.job(job, .failed)))).commands.isEmpty)
    }

    @Test func `a result that comes after the failure is still handed over`() {
        var user = Driver()
        let job = user.launch()
        let failed = Make.job(job, .failed, charged: 0, failure: .timeout)
        user.take(.fact(Make.fact(.jobFailed, job: failed)))
        #expect(user.messages.map(\.key) == ["job:\(job):failure"])
        #expect(user.messages[0].input.content.text.contains("Деньги вернулись на баланс: 14\u{A0}₽."))
        let late = Make.job(job, .succeeded, charged: 0, assets: [Make.asset()])
        user.take(.fact(Make.fact(.jobSucceeded, job: late)))
        #expect(user.messages.map(\.key) == ["job:\(job):result"])
    }

    @Test func `a result from the history costs what was charged, not what was quoted`() {
        var user = Driver()
        let job = user.launch()
        let done = Make.job(job, .succeeded, charged: 1_250, assets: [Make.asset()])
        user.take(.fact(Make.fact(.jobSucceeded, job: done)))
        #expect(user.messages.first?.input.content.text.contains("вернулись на баланс: 1,50\u{A0}₽") == true)
        user.take(Make.press(CallbackData(.showJob(job.short), draftSerial: nil).text))
        let shown = user.messages.first?.input.content
        #expect(shown?.text.hasPrefix("Nano Banana Pro · 12,50\u{A0}₽\n<blockquote") == true)
    }

    @Test(arguments: [1, 2, 10, 11, 23])
    func `every file of a result is sent, ten to an album`(count: Int) {
        var user = Driver()
        let job = user.launch()
        let assets = (1...count).map { Make.asset(.image, $0) }
        user.take(.fact(Make.fact(.jobSucceeded, job: Make.job(job, .succeeded, assets: assets))))
        #expect(user.messages.flatMap(\.input.content.media).map(\.asset) == assets)
        #expect(user.messages.allSatisfy { (1...10).contains($0.input.content.media.count) })
        #expect(user.messages.map(\.key).first == "job:\(job):result")
        #expect(user.messages.filter { !$0.input.content.keyboard.isEmpty }.count == 1)
    }

    @Test func `an album becomes several files whatever gaps lie between its items`() {
        var user = Driver()
        user.compose(2)
        for index in 1...3 {
            user.take(Make.photo("photo-\(index)", caption: index == 3 ? "смешай" : nil, album: "g1"))
            user.now = user.now + .seconds(30)
        }
        let names = user.session?.draft?.media["image_urls"]?.compactMap(\.telegramFileID)
        #expect(names == ["photo-1", "photo-2", "photo-3"])
        #expect(user.session?.draft?.inputs["prompt"] == "смешай")
    }

    @Test func `an unprompted album is offered as a whole`() {
        var user = Driver()
        user.take(Make.text("/start"))
        for index in 1...3 { user.take(Make.photo("photo-\(index)", album: "g1")) }
        #expect(user.session?.offer?.media.count == 3)
        #expect(user.panelText.contains("3\u{A0}картинки"))
    }

    @Test func `an option that is text is typed on its own screen and can be cleared, the prompt stays`() {
        var user = Driver()
        user.compose()
        user.press("Ещё настройки")
        user.press("Чего не должно быть")
        user.take(Make.text("люди"))
        #expect(user.session?.draft?.inputs["negative_prompt"] == "люди")
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        user.press("Чего не должно быть: люди")
        user.press("✕ Чего не должно быть")
        #expect(user.session?.draft?.inputs["negative_prompt"] == nil)
        #expect(user.screen == .composer)
    }

    @Test func `a number is typed or picked, and words in its place are refused kindly`() {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.press(CallbackData(.start(7), draftSerial: 0).text))
        user.take(Make.text("Здравствуйте, это проверка голоса."))
        user.press("Voice number 3")
        user.take(Make.text("быстро"))
        #expect(user.session?.draft?.inputs["speed"] == nil)
        #expect(user.panelText.contains("нужно число"))
        user.take(Make.text("0,9"))
        #expect(user.session?.draft?.inputs["speed"] == .number(0.9))
        #expect(user.panelButtons.first?.contains("Сгенерировать") == true)
    }

    @Test func `an edited prompt changes the draft and starts nothing`() {
        var user = Driver()
        user.compose()
        var edit = Make.text("синяя лиса")
        if case .message(let message) = edit.content { edit.content = .editedMessage(message) }
        user.take(edit)
        #expect(user.session?.draft?.inputs["prompt"] == "синяя лиса")
        #expect(user.created.isEmpty)
        edit = Make.text("чужое", id: 9_999)
        if case .message(let message) = edit.content { edit.content = .editedMessage(message) }
        #expect(user.take(edit).commands.isEmpty)
    }

    @Test func `a paste that the client split is joined`() {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        user.take(Make.text(String(repeating: "а", count: 4_096)))
        user.take(Make.text("конец", at: Make.now + .seconds(1)))
        #expect(user.session?.draft?.inputs["prompt"]?.string?.hasSuffix("аконец") == true)
        user.take(Make.text("новый запрос", at: Make.now + .seconds(60)))
        #expect(user.session?.draft?.inputs["prompt"] == "новый запрос")
    }

    @Test func `blocking and unblocking is passed on and answered with nothing`() {
        var user = Driver()
        let decision = user.take(
            Update(kind: "my_chat_member", content: .membership(chatID: Make.user, isReachable: false))
        )
        #expect(decision.commands == [.setReachability(Make.user, isReachable: false)])
        #expect(decision.outcome == .quiet)
    }

    @Test func `cancel leaves everything but loses nothing`() {
        var user = Driver()
        user.compose()
        user.take(Make.text("/cancel"))
        #expect(user.screen == .home)
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
        user.press("Продолжить")
        #expect(user.screen == .composer)
    }

    @Test(arguments: [
        ("всегда", "Переспрашиваю перед каждым платным запуском."),
        ("20\u{A0}₽", "Переспрашиваю перед запуском дороже 20\u{A0}₽."),
        ("никогда", "Запускаю сразу и не переспрашиваю."),
    ])
    func `the settings say in a sentence before which runs we ask`(button: String, sentence: String) {
        var user = Driver()
        user.take(Make.text("/settings"))
        user.press(button)
        #expect(user.panelText.contains(sentence))
    }

    @Test(arguments: [(20, "📷 Пришлите фото."), (6, "📷 Пришлите фото: Портрет.")])
    func `a file is asked for by its name where that says more than its kind`(model: Int, question: String) {
        var user = Driver()
        user.take(Make.text("/start"))
        user.take(Make.press(CallbackData(.start(model), draftSerial: 0).text))
        #expect(user.panelText.contains(question))
    }

    @Test func `another model takes the prompt along`() {
        var user = Driver()
        user.compose(2)
        user.press("Другая модель")
        user.press("Painter 8")
        user.press("Начать")
        #expect(user.session?.draft?.modelNumber == 8)
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")
    }

    @Test func `a cancelled job says what came back, and one too far gone says so`() {
        var user = Driver()
        let job = user.launch()
        user.take(.fact(Make.fact(.jobAccepted, job: Make.job(job, .accepted))))
        let card = user.jobCards.first?.content
        user.press("Отменить", on: card)
        #expect(user.decision?.commands == [.cancelJob(job)])
        user.take(.answer(CommandAnswer(purpose: .cancelJob(job), outcome: .refused(Problem(.notCancellable)))))
        #expect(user.jobCards.first?.content.text.contains("Отменить уже нельзя") == true)
        user.take(.answer(CommandAnswer(purpose: .cancelJob(job), outcome: .job(Make.job(job, .cancelled)))))
        #expect(user.jobCards.first?.content.text.contains("Деньги вернулись на баланс: 14\u{A0}₽.") == true)
    }
}
