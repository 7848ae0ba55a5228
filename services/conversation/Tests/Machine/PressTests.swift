import Contracts
import Testing
import Time

@testable import ConversationService

/// Every button in every state, fresh, stale, foreign and forged: the user always sees something.
@Suite struct PressTests {
    /// A name and a way to get there.
    struct State: Sendable, CustomTestStringConvertible {
        let name: String
        let reach: @Sendable (inout Driver) -> Void
        var testDescription: String { name }
    }

    static let states: [State] = [
        State(name: "stranger") { _ in },
        State(name: "welcome") { $0.take(Make.text("/start")) },
        State(name: "composer without a prompt") {
            $0.take(Make.text("/start"))
            $0.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        },
        State(name: "composer") { $0.compose() },
        State(name: "option") {
            $0.compose()
            $0.press("Размер")
        },
        State(name: "confirm") {
            $0.price = 90_000
            $0.compose()
            $0.press("Сгенерировать")
        },
        State(name: "discard") {
            $0.compose()
            $0.press("Удалить")
        },
        State(name: "starting") { _ = $0.launch() },
        State(name: "shortage") {
            let job = $0.launch()
            $0.take(.answer(CommandAnswer(purpose: .createJob(job), outcome: .refused(Problem(.insufficientFunds)))))
        },
        State(name: "offer") { $0.take(Make.photo()) },
        State(name: "payment") {
            $0.take(Make.text("/start"))
            $0.take(Make.press(CallbackData(.pay(kopecks: 10_000, .yookassa), draftSerial: nil).text))
        },
        State(name: "result") {
            let job = $0.launch()
            let assets = [Make.asset(.image, 1), Make.asset(.image, 2)]
            $0.take(.fact(Make.fact(.jobSucceeded, job: Make.job(job, .succeeded, assets: assets))))
            $0.take(Make.press(CallbackData(.asset(job: job.short, asset: 1), draftSerial: nil).text))
        },
        State(name: "stage wish") {
            $0.compose()
            $0.press("Сразу несколько")
            $0.press("И сразу оживить")
            $0.press("Шаг 2")
        },
        State(name: "stage with a wish") {
            $0.compose()
            $0.press("Сразу несколько")
            $0.press("И сразу оживить")
            $0.press("Шаг 2")
            $0.take(Make.text("лиса бежит"))
        },
        State(name: "ailing model") {
            $0.alternatives = AlternativesTests.offers
            $0.compose()
        },
        State(name: "model gone") {
            $0.compose()
            ($0.catalogue, $0.quoteProblem) = (AlternativesTests.without(2), AlternativesTests.refusal)
            $0.take(Make.press("?"))
        },
        State(name: "no catalogue") { $0.catalogue = .empty },
        State(name: "nobody answers") {
            $0.compose()
            $0.price = nil
            $0.balance = nil
            $0.options = nil
            $0.listedJobs = nil
            $0.entries = nil
        },
    ]

    @Test(arguments: states)
    func `every button is answered, whatever its revision`(state: State) {
        for action in CallbackDataTests.worst + [
            .start(1), .model(1), .offer(.textToImage), .setOption(input: 2, choice: 1),
        ] {
            for offset in [0, 1, -1, nil] as [Int64?] {
                var user = Driver()
                state.reach(&user)
                let serial = offset.map { max(0, (user.session?.draftSerial ?? 0) + $0) }
                let decision = user.take(Make.press(CallbackData(action, draftSerial: serial).text))
                expectVisible(decision, user, "\(state.name), \(action), revision \(String(describing: offset))")
                if action.isBoundToDraft, offset != 0 {
                    #expect(decision.commands.allSatisfy { if case .createJob = $0 { false } else { true } })
                }
            }
        }
    }

    @Test(arguments: states)
    func `forged data heals with the current screen and a toast`(state: State) {
        for data in [nil, "", "again:01JD4Z", "1.E.g..zz", "1.I.a.zzzzzzzz._", "абв"] {
            var user = Driver()
            state.reach(&user)
            let jobs = user.created.count
            let decision = user.take(Make.press(data))
            expectVisible(decision, user, "\(state.name), \(data ?? "nil")")
            #expect(user.toast?.text.isEmpty == false)
            #expect(user.created.count == jobs)
        }
    }

    @Test(arguments: states)
    func `every button that is shown leads somewhere and keeps the draft`(state: State) {
        var start = Driver()
        state.reach(&start)
        for button in (start.panel?.keyboard ?? []).joined() {
            guard let data = button.callbackData else { continue }
            var user = start
            let decision = user.take(Make.press(data))
            expectVisible(decision, user, "\(state.name), \(button.text)")
            #expect(user.toast?.text != Texts(.russian).plain(.toastOutdated), "\(state.name), \(button.text)")
            guard CallbackData(data)?.action != .confirmDiscard else { continue }
            expectKept(start, user, "\(state.name), \(button.text)")
        }
    }

    @Test(arguments: [
        "/start", "/help", "/balance", "/cancel", "/models", "/generate", "/generate лиса", "/jobs",
        "/history", "/language", "/settings", "/support", "/paysupport", "/terms", "/nonsense", "/start m_3", "/topup",
    ])
    func `every command is answered in every state and loses no draft`(command: String) {
        for state in Self.states {
            var user = Driver()
            state.reach(&user)
            let before = user
            let decision = user.take(Make.text(command))
            expectVisible(decision, user, "\(state.name), \(command)")
            expectKept(before, user, "\(state.name), \(command)")
        }
    }

    @Test func `a group member can't press somebody else's button`() throws {
        var caller = Driver()
        caller.scene = Scene(userID: Make.user, chatID: Make.group)
        let command = try #require(BotCommand("/imagine лиса"))
        caller.take(Make.message(.command(command), chat: Make.group))
        #expect(caller.screen == .composer)
        var other = caller
        other.scene = Scene(userID: 42, chatID: Make.group)
        other.session = nil
        let decision = other.press("Сгенерировать", on: caller.panel)
        #expect(decision.commands.isEmpty)
        #expect(other.toast?.text.contains("другого") == true)
        #expect(caller.press("Сгенерировать").commands.contains { if case .createJob = $0 { true } else { false } })
    }

    @Test func `people who talk to each other in a group are left alone`() {
        var user = Driver()
        user.scene = Scene(userID: Make.user, chatID: Make.group)
        for update in [
            Make.message(.text("привет"), chat: Make.group),
            Make.message(.media(Make.image(), caption: nil), chat: Make.group),
            Make.message(.unsupported(kind: "sticker"), chat: Make.group),
            Make.message(.service(kind: "new_chat_members"), chat: Make.group),
        ] {
            let decision = user.take(update)
            #expect(decision.outcome == .quiet)
            #expect(!decision.changes(Standing(session: decision.session, settings: decision.settings)))
        }
        #expect(
            user.take(Make.message(.text("@kist_ai_bot лиса"), chat: Make.group, isAddressed: true)).shown == "offer"
        )
    }

    @Test func `money and history are never shown in a group`() {
        for command in ["/balance", "/topup", "/jobs", "/history"] {
            var user = Driver()
            user.scene = Scene(userID: Make.user, chatID: Make.group)
            guard let parsed = BotCommand(command) else { continue }
            user.take(Make.message(.command(parsed), chat: Make.group))
            #expect(!user.panelText.contains("₽"))
            #expect(
                user.panel?.keyboard.joined().contains { $0.url?.hasPrefix("https://t.me/kist_ai_bot") == true } == true
            )
        }
    }

    func expectVisible(_ decision: Decision, _ user: Driver, _ comment: String) {
        let isVisible = decision.commands.contains(where: \.isVisible) || user.toast?.text.isEmpty == false
        let isDisabled = user.toast != nil && decision.commands.isEmpty && decision.shown == nil
        #expect(isVisible || isDisabled, "nothing to see: \(comment)")
    }

    /// What the user typed and sent is still in a draft, in the offer or in a job.
    func expectKept(_ before: Driver, _ after: Driver, _ comment: String) {
        func works(_ driver: Driver) -> Set<String> {
            let drafts =
                [driver.session?.draft].compactMap { $0 } + (driver.session?.parked ?? [])
                + driver.jobs.values.map(\.draft)
            var all = drafts.flatMap { draft in
                draft.inputs.values.compactMap(\.string) + draft.media.values.joined().compactMap(\.telegramFileID)
            }
            all += [driver.session?.offer?.text].compactMap { $0 }
            all += driver.session?.offer?.media.compactMap(\.telegramFileID) ?? []
            return Set(all.filter { !["1K", "2K", "4K", "1:1", "16:9", "9:16"].contains($0) })
        }
        let lost = works(before).subtracting(works(after))
        #expect(lost.isEmpty, "lost \(lost): \(comment)")
    }
}
