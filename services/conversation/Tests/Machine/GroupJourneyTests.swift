import Contracts
import Testing
import Time

@testable import ConversationService

/// Several runs of one confirm, from the choice of how many to what came of them.
@Suite struct GroupJourneyTests {
    /// Composes and confirms three runs; returns the id that group and row share.
    private func launchThree(_ user: inout Driver) throws -> JobID {
        user.compose()
        user.press("Сразу несколько")
        #expect(user.screen == .confirm && user.panelButtons.contains { $0.contains("×5") })
        user.price = 4_200
        user.press("×3")
        #expect(user.wants.quote?.copies == 3 && user.screen == .confirm)
        #expect(user.panelText.contains("Сразу 3 шт., каждая — 14\u{A0}₽") && user.panelText.contains("42\u{A0}₽"))
        user.press("Запустить · 42\u{A0}₽")
        let created = try #require(user.createdGroups.last)
        #expect(user.created.isEmpty && user.jobs.count == 1)
        return JobID(created.groupID.uuid)
    }

    private func accept(_ id: JobID, _ user: inout Driver) {
        let group = Make.group(id, copies: 3, [.accepted, .accepted, .accepted], revision: 1)
        user.take(
            .answer(CommandAnswer(purpose: .createGroup(group.groupID), outcome: .group(group)))
        )
    }

    @Test func `three runs have one card, each result comes by itself, and what is missing is told with its money`()
        throws
    {
        var user = Driver()
        let id = try launchThree(&user)
        accept(id, &user)
        #expect(user.jobCards.count == 1 && user.jobCards[0].content.text.contains("×3"))
        #expect(user.jobCards[0].content.text.contains("Зарезервировано: 42\u{A0}₽"))
        #expect(user.session?.running == [id])

        let first = Make.group(id, copies: 3, [.succeeded, .running, .running], revision: 4)
        user.take(.fact(Make.fact(.jobSucceeded, part: 0, of: first, assets: [Make.asset()])))
        #expect(user.messages.map(\.key) == ["job:\(first.parts[0].jobID):result"])
        #expect(user.messages[0].input.content.text.contains("1 из 3"))
        #expect(user.jobCards.count == 1 && user.session?.running == [id])

        var second = Make.group(id, copies: 3, [.succeeded, .failed, .running], failure: .refused, revision: 6)
        second.parts = zip(first.parts, second.parts).map { old, new in
            var part = new
            part.jobID = old.jobID
            return part
        }
        user.take(.fact(Make.fact(.jobFailed, part: 1, of: second)))
        #expect(user.messages.isEmpty, "one failure of three is a line on the card until the end")

        var last = second
        last.revision = 8
        (last.parts[2].state, last.parts[2].chargedKopecks, last.chargedKopecks) = (.succeeded, 1_400, 2_800)
        user.take(.fact(Make.fact(.jobSucceeded, part: 2, of: last, assets: [Make.asset()])))
        #expect(user.messages.map(\.key) == ["job:\(last.parts[2].jobID):result", "job:\(id):summary:8"])
        let summary = user.messages[1].input.content.text
        #expect(summary.contains("Готово 2 из 3.") && summary.contains("Списано 28\u{A0}₽."))
        #expect(summary.contains("вернулись на баланс: 14\u{A0}₽") && summary.contains("нарушает её правила"))
        #expect(user.session?.running == [] && user.jobs[id]?.progress.isFinal == true)
    }

    @Test func `an old report about a group changes nothing, its result is still handed over once`() throws {
        var user = Driver()
        let id = try launchThree(&user)
        accept(id, &user)
        let all = Make.group(id, copies: 3, [.succeeded, .succeeded, .succeeded], revision: 9)
        user.take(.fact(Make.fact(.jobSucceeded, part: 2, of: all, assets: [Make.asset()])))
        #expect(user.messages.count == 1, "all came out: no summary")
        var old = all
        old.revision = 5
        (old.parts[2].state, old.parts[2].chargedKopecks) = (.running, nil)
        user.take(.fact(Make.fact(.jobSucceeded, part: 0, of: old, assets: [Make.asset()])))
        #expect(user.messages.count == 1 && user.jobCards.isEmpty)
        user.take(.fact(Make.fact(.jobSucceeded, part: 0, of: old, assets: [Make.asset()])))
        #expect(user.decision?.outcome == .repeated)
        #expect(user.jobs[id]?.group?.revision == 9)
    }

    @Test func `what waits can be cancelled as a whole, and a refusal says so on the card`() throws {
        var user = Driver()
        let id = try launchThree(&user)
        accept(id, &user)
        let card = user.jobCards[0].content
        user.press("Отменить неначатое", on: card)
        #expect(user.sent.last == .cancelGroup(GroupID(id.uuid)))
        let refused = Problem(.notCancellable)
        user.take(.answer(CommandAnswer(purpose: .cancelGroup(GroupID(id.uuid)), outcome: .refused(refused))))
        #expect(user.jobCards[0].content.text.contains("Отменить уже нельзя"))
        let ended = Make.group(id, copies: 3, [.succeeded, .cancelled, .cancelled], revision: 7)
        user.take(.fact(Make.fact(.jobCancelled, part: 1, of: ended)))
        #expect(user.messages.isEmpty && user.jobCards[0].content.text.contains("28\u{A0}₽"))
    }

    @Test func `a finished group in the list of jobs leads to its card and its results`() throws {
        var user = Driver()
        let id = try launchThree(&user)
        accept(id, &user)
        let all = Make.group(id, copies: 3, [.succeeded, .failed, .succeeded], revision: 9)
        user.take(.fact(Make.fact(.jobSucceeded, part: 2, of: all, assets: [Make.asset()])))
        user.take(Make.press(CallbackData(.showJob(id.short), draftSerial: nil).text))
        let card = try #require(user.jobCards.first)
        #expect(card.repost && card.content.text.contains("Готово 2 из 3"))
        #expect(user.session?.draft == nil, "no composer is opened")
        user.press("Показать 3", on: card.content)
        #expect(user.messages.first?.input.content.media.count == 1)
    }

    @Test func `a shortage keeps how many were wanted`() throws {
        var user = Driver()
        let id = try launchThree(&user)
        let problem = Problem(.insufficientFunds, members: ["shortage_kopecks": 900, "available_kopecks": 500])
        user.take(.answer(CommandAnswer(purpose: .createGroup(GroupID(id.uuid)), outcome: .refused(problem))))
        #expect(user.session?.draft?.copies == 3 && user.session?.waiting?.agreedKopecks == 4_200)
    }

    @Test func `a picture can be animated at once, for one price, and later words reach every stage`() throws {
        var user = Driver()
        user.compose()
        user.press("Сразу несколько")
        user.price = 9_400
        user.press("И сразу оживить")
        #expect(user.wants.quote?.then == [NextStage(modelNumber: 3, inputs: ["prompt": "рыжая лиса"])])
        #expect(
            user.panelText.contains("Nano Banana Pro → Kling Motion") && user.panelText.contains("2. Kling Motion — 47")
        )
        user.take(Make.text("белая лиса"))
        #expect(user.session?.draft?.then?.first?.inputs["prompt"] == "белая лиса")
        user.press("Сгенерировать")
        #expect(user.screen == .confirm, "above the limit it is asked for")
        user.press("Запустить")
        let id = JobID(try #require(user.createdGroups.last).groupID.uuid)
        #expect(user.jobs[id]?.modelTitle == "Nano Banana Pro → Kling Motion")

        let group = Make.group(id, copies: 1, stages: 2, [.succeeded, .accepted], revision: 3)
        user.take(.fact(Make.fact(.jobSucceeded, part: 0, of: group, assets: [Make.asset()])))
        #expect(user.messages[0].input.isSilent == true, "nobody is woken for a step in between")
        #expect(user.messages[0].input.content.text.contains("шаг 1 из 2"))
        var broken = group
        (broken.revision, broken.parts[1].state, broken.parts[1].chargedKopecks) = (6, .failed, 0)
        broken.parts[1].failure = .provider
        user.take(.fact(Make.fact(.jobFailed, part: 1, of: broken)))
        #expect(user.messages[0].input.content.text.contains("Готово 1 из 2."))
    }

    @Test func `a later step may have words of its own, or those of the first one again`() throws {
        var user = Driver()
        user.compose()
        user.press("Сразу несколько")
        user.price = 9_400
        user.press("И сразу оживить")
        user.press("Шаг 2: что сделать")
        #expect(user.screen == .stageWish(0) && user.panelText.contains("Kling Motion"))
        #expect(user.panelText.contains("рыжая лиса"), "what is taken if it is skipped")
        user.press("Пропустить")
        #expect(user.screen == .confirm && user.session?.draft?.wishes == nil && user.wants.quote == nil)
        user.press("Шаг 2: что сделать")
        user.take(Make.text("лиса бежит к камере"))
        #expect(user.wants.quote?.stages.first?.inputs["prompt"] == "лиса бежит к камере")
        #expect(user.screen == .confirm && user.panelText.contains("<i>лиса бежит к камере</i>"))
        #expect(user.session?.draft?.inputs["prompt"] == "рыжая лиса")

        var back = user
        back.press("Шаг 2: что сделать")
        back.press("Как для первого")
        #expect(back.screen == .confirm && back.wants.quote?.stages.first?.inputs["prompt"] == "рыжая лиса")

        user.take(Make.text("белая лиса"))
        let quoted = try #require(user.wants.quote)
        #expect(quoted.inputs["prompt"] == "белая лиса")
        #expect(quoted.stages.first?.inputs["prompt"] == "лиса бежит к камере", "own words stay")
        user.press("Сгенерировать")
        user.press("Запустить")
        let id = JobID(try #require(user.createdGroups.last).groupID.uuid)
        let running = Make.group(id, copies: 1, stages: 2, [.running, .accepted], revision: 2)
        user.take(.fact(Make.fact(.jobRunning, part: 0, of: running)))
        #expect(user.jobCards.last?.content.text.contains("Шаг 2: <i>лиса бежит к камере</i>") == true)
        var done = Make.group(id, copies: 1, stages: 2, [.succeeded, .succeeded], revision: 5)
        (done.parts[0].jobID, done.parts[1].jobID) = (running.parts[0].jobID, running.parts[1].jobID)
        user.take(.fact(Make.fact(.jobSucceeded, part: 1, of: done, assets: [Make.asset(.video)])))
        #expect(user.messages[0].input.content.text.contains("лиса бежит к камере"))
        user.press("Ещё раз", on: user.messages[0].input.content)
        #expect(user.session?.draft?.inputs["prompt"] == "лиса бежит к камере" && user.session?.draft?.wishes == nil)
    }

    @Test func `words that are too long for a step are asked for again`() {
        var user = Driver()
        GoldenScreensTests.wish(&user)
        user.take(Make.text(String(repeating: "д", count: 5_001)))
        #expect(user.screen == .stageWish(0) && user.panelText.contains("5000"))
        #expect(user.session?.draft?.wishes == nil && user.session?.draft?.inputs["prompt"] == "рыжая лиса")
    }

    @Test func `steps that are taken off take their words along`() {
        var user = Driver()
        GoldenScreensTests.wish(&user)
        user.take(Make.text("лиса бежит"))
        user.press("Без следующего шага")
        #expect(user.session?.draft?.wishes == nil && user.session?.draft?.isGroup == false)
    }

    @Test func `a step that is not wanted any more is taken off`() {
        var user = Driver()
        user.compose()
        user.press("Сразу несколько")
        user.press("И сразу оживить")
        user.press("Без следующего шага")
        #expect(user.session?.draft?.then == nil && user.wants.quote?.then == nil)
    }

    @Test func `a result goes through a chain with one press and one price`() throws {
        var user = Driver()
        let job = user.launch()
        user.take(
            .fact(Make.fact(.jobSucceeded, job: Make.job(job, .succeeded, charged: 1_400, assets: [Make.asset()])))
        )
        user.price = 9_000
        user.press("Увеличить → ", on: user.messages[0].input.content)
        #expect(user.screen == .confirm && user.session?.draft?.modelNumber == 20)
        #expect(user.session?.draft?.then?.map(\.modelNumber) == [3])
        #expect(user.session?.draft?.then?.first?.inputs["prompt"] == "рыжая лиса")
        #expect(user.panelText.contains("Crisp Upscale → Kling Motion") && user.panelText.contains("90\u{A0}₽"))
        user.press("Запустить")
        #expect(user.createdGroups.count == 1)
    }

    @Test func `a trial comes first for little, and its price is taken off the full run`() throws {
        var user = Driver()
        user.price = 9_000
        user.trial = QuotedTrial(inputs: ["resolution": "1K", "seed": 4_711], priceKopecks: 800)
        user.compose()
        user.session?.editDraft { $0.set("resolution", to: "4K") }
        user.take(Make.press(CallbackData(.copies, draftSerial: user.session?.draftSerial).text))
        user.price = 800
        user.press("Сначала проба · 8\u{A0}₽")
        #expect(user.screen == .confirm && user.wants.quote?.inputs["resolution"] == "1K")
        #expect(user.panelText.contains("Это проба") && !user.panelButtons.contains { $0.contains("×3") })
        user.press("Запустить · 8\u{A0}₽")
        let trial = try #require(user.created.last?.jobID)
        user.take(
            .fact(Make.fact(.jobSucceeded, job: Make.job(trial, .succeeded, charged: 800, assets: [Make.asset()])))
        )
        (user.price, user.credit) = (8_200, 800)
        user.press("Сделать полностью", on: user.messages[0].input.content)
        let asked = try #require(user.wants.quote)
        #expect(asked.trial == trial && asked.inputs["resolution"] == "4K" && asked.inputs["seed"] == 4_711)
        #expect(user.panelText.contains("Проба зачтена: −8\u{A0}₽") && user.panelText.contains("82\u{A0}₽"))
        user.press("Запустить · 82\u{A0}₽")
        #expect(user.created.count == 2)
        // A quote that expired on the way is asked for with the trial still credited, "again" without it.
        let job = try #require(user.created.last?.jobID)
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.quoteExpired)))))
        #expect(user.wants.quote?.trial == trial)
        #expect(user.jobs[job]?.repeatable.trial == nil)
    }

    @Test func `a model whose runs are all alike is run once`() {
        var user = Driver()
        user.take(Make.photo())
        user.take(Make.press(CallbackData(.start(4), draftSerial: 0).text))
        user.press("2")
        #expect(!user.panelButtons.contains { $0.contains("×3") })
        user.compose()
        user.take(Make.press(CallbackData(.option(input: 4, page: 0), draftSerial: user.session?.draftSerial).text))
        user.take(Make.text("7"))
        #expect(user.session?.draft?.inputs["seed"] == 7 && !user.panelButtons.contains { $0.contains("×3") })
    }

    @Test func `a shortage in a group promises nothing that does not happen there`() throws {
        var user = Driver()
        user.scene = Scene(userID: Make.user, chatID: Make.group)
        let command = try #require(BotCommand("/imagine лиса"))
        user.take(Make.message(.command(command), chat: Make.group))
        user.press("Сгенерировать")
        let job = try #require(user.created.first).jobID
        user.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.insufficientFunds)))))
        #expect(user.panelText.contains("в личном чате") && user.panelText.contains("ещё раз"))
        #expect(!user.panelText.contains("сам"))
    }
}
