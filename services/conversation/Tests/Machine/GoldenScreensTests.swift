import Contracts
import Foundation
import Testing
import Time

@testable import ConversationService

/// Every screen and message in both languages, compared with the files in TestData/screens.
///
/// `ATELIER_UPDATE_SCREENS=1` writes the files anew; read the difference before it is committed.
@Suite struct GoldenScreensTests {
    static let folder = UpdateDecodingTests.folder.appending(path: "screens")
    static let isUpdating = ProcessInfo.processInfo.environment["ATELIER_UPDATE_SCREENS"] == "1"

    /// The largest ids that can occur, so that the byte limit is tried at its worst.
    static let jobID = JobID("01a1b2c3-d4e5-7fff-bfff-7fffffffffff") ?? JobID()
    static let orderID = OrderID("01a1b2c3-d4e5-7fff-bfff-7ffffffffffe") ?? OrderID()

    struct View: Sendable, CustomTestStringConvertible {
        let name: String
        let play: @Sendable (inout Driver) -> Void
        var testDescription: String { name }
    }

    static func panel(
        _ name: String,
        _ screen: Screen,
        _ prepare: @escaping @Sendable (inout Driver) -> Void = { _ in }
    )
        -> View
    {
        View(name: name) { user in
            prepare(&user)
            // An unknown button draws the panel as the session says.
            user.session?.screen = screen
            user.take(Make.press("?"))
        }
    }

    @Sendable static func compose(_ user: inout Driver) { user.compose() }

    static let known = KnownJob(
        jobID: jobID,
        userID: Make.user,
        chatID: Make.user,
        language: .russian,
        draft: Draft(modelNumber: 2).filled(
            text: "рыжая лиса <script> & \"кавычки\" " + String(repeating: "очень длинный запрос ", count: 30),
            media: [Make.image()],
            model: Sample.models[1]
        ),
        modelTitle: "Nano Banana Pro",
        priceKopecks: 1_400,
        progress: .accepted,
        createdAt: Make.now
    )

    @Sendable static func withJob(_ user: inout Driver) {
        user.take(Make.text("/start"))
        var job = known
        job.language = user.settings?.language ?? .russian
        job.assets = [Make.asset(.image, 1), Make.asset(.image, 2)]
        user.jobs[jobID] = job
    }

    @Sendable static func withOrder(_ state: Order.State) -> @Sendable (inout Driver) -> Void {
        { user in
            user.take(Make.text("/start"))
            var order = KnownOrder(Make.order(orderID, state))
            order.payURL = state == .creating ? nil : "https://pay.example/order"
            user.orders[orderID] = order
        }
    }

    @Sendable static func withHistory(_ user: inout Driver) {
        user.take(Make.text("/start"))
        user.listedJobs =
            [Make.job(jobID, .accepted), Make.job(jobID, .running, attempt: 3), Make.job(jobID, .retrying, attempt: 2)]
            + (0..<12).map { _ in Make.job(jobID, .succeeded, charged: 1_250) } + [Make.job(jobID, .failed, charged: 0)]
        user.entries = [
            StatementEntry(
                id: 5,
                at: Make.now,
                kind: .charge,
                amountKopecks: -1_400,
                balanceAfterKopecks: 8_600,
                memo: "vendor/model-2",
                jobID: jobID
            ),
            StatementEntry(
                id: 4,
                at: Make.now,
                kind: .topUp,
                amountKopecks: 10_000,
                balanceAfterKopecks: 10_000,
                memo: "yookassa",
                orderID: orderID
            ),
        ]
        user.balance = Make.balance(8_600, held: 1_400)
    }

    static let views: [View] = [
        panel("welcome", .welcome) { $0.take(Make.text("/start")) },
        panel("home", .home) { $0.take(Make.text("/start")) },
        panel("home-with-draft-and-jobs", .home) {
            _ = $0.launch()
            $0.session?.running = [JobID(), JobID(), JobID()]
            $0.compose(3, "лети <b>высоко</b>")
        },
        panel("tasks", .tasks) { $0.take(Make.text("/start")) },
        panel("no-catalogue", .tasks) {
            $0.catalogue = .empty
            $0.take(Make.text("/start"))
        },
        panel("models", .models(task: .textToImage, sort: .price, page: 1)) { $0.take(Make.text("/start")) },
        panel("model", .model(number: 2)) { $0.take(Make.text("/start")) },
        panel("model-measured", .model(number: 2)) {
            var models = Sample.models
            models[1].measured = ModelMeasure(runs: 412, successPercent: 97, p50Seconds: 20, p90Seconds: 95)
            $0.catalogue = Catalogue(ListModels.Output(revision: "measured", models: models))
            $0.take(Make.text("/start"))
        },
        panel("offer-text", .offer) { $0.take(Make.text("рыжая лиса & <друзья>")) },
        panel("offer-photo", .offer) { $0.take(Make.photo(caption: "сделай море")) },
        panel("composer", .composer, compose),
        panel("composer-advanced", .composer) {
            $0.compose()
            $0.session?.draft?.showsAdvanced = true
        },
        panel("composer-asks-prompt", .composer) {
            $0.take(Make.text("/start"))
            $0.take(Make.press(CallbackData(.start(2), draftSerial: 0).text))
        },
        panel("composer-asks-photo", .composer) {
            $0.take(Make.text("/start"))
            $0.take(Make.press(CallbackData(.start(6), draftSerial: 0).text))
        },
        panel("composer-asks-choice", .composer) {
            $0.take(Make.photo())
            $0.take(Make.press(CallbackData(.start(4), draftSerial: 0).text))
        },
        panel("composer-short-of-money", .composer) {
            $0.balance = Make.balance(500)
            $0.compose()
        },
        panel("composer-without-price", .composer) {
            $0.price = nil
            $0.compose()
        },
        panel("option", .option(input: 2, page: 0), compose),
        panel("option-long-list", .option(input: 1, page: 1)) {
            $0.take(Make.text("/start"))
            $0.take(Make.press(CallbackData(.start(7), draftSerial: 0).text))
        },
        panel("option-text", .option(input: 5, page: 0)) {
            $0.compose()
            $0.session?.draft?.inputs["negative_prompt"] = "люди"
        },
        panel("composer-video", .composer) {
            $0.take(Make.photo(caption: "лети"))
            $0.take(Make.press(CallbackData(.start(3), draftSerial: 0).text))
        },
        panel("composer-ailing", .composer) {
            $0.alternatives = AlternativesTests.offers
            $0.compose()
        },
        panel("unavailable", .unavailable) {
            $0.compose()
            ($0.catalogue, $0.quoteProblem) = (AlternativesTests.without(2), AlternativesTests.refusal)
        },
        panel("confirm", .confirm, compose),
        panel("confirm-copies", .confirm) {
            $0.compose()
            $0.price = 4_200
            $0.session?.editDraft { ($0.copies, $0.price) = (3, nil) }
        },
        panel("confirm-chain", .confirm) {
            $0.compose()
            $0.price = 9_400
            let stages = [NextStage(modelNumber: 3, inputs: ["prompt": "рыжая лиса"])]
            $0.session?.editDraft { ($0.then, $0.price) = (stages, nil) }
        },
        panel("confirm-chain-wish", .confirm) {
            wish(&$0)
            $0.take(Make.text("лиса бежит <к камере> & прыгает"))
        },
        panel("stage-wish", .stageWish(0), wish),
        panel("stage-wish-own", .stageWish(0)) {
            wish(&$0)
            $0.take(Make.text("лиса бежит <к камере>"))
        },
        panel("confirm-trial-first", .confirm) {
            $0.trial = QuotedTrial(inputs: ["resolution": "1K"], priceKopecks: 800)
            $0.price = 9_000
            $0.compose()
        },
        panel("confirm-credited", .confirm) {
            ($0.price, $0.credit) = (8_200, 800)
            $0.compose()
            $0.session?.editDraft { ($0.trial, $0.price) = (jobID, nil) }
        },
        panel("templates", .templates) { filling(&$0, nil) },
        panel("template-asks", .template) { filling(&$0, Filling(number: 1)) },
        panel("template-suggests", .template) { filling(&$0, Filling(number: 1, texts: ["product": "чай"])) },
        panel("discard", .discard, compose),
        panel("prompt-help", .promptHelp) {
            $0.compose()
            $0.session?.suggestion = Suggestion(
                kind: .improve,
                after: "рыжая лиса, мягкий свет <&>",
                costKopecks: 0
            )
        },
        panel("prompt-translated", .promptHelp) {
            $0.compose()
            $0.session?.suggestion = Suggestion(kind: .translate, after: "a red fox", costKopecks: 150)
        },
        panel("starting", .starting(job: jobID), compose),
        panel("shortage", .shortage(kopecks: 901, availableKopecks: 499), compose),
        panel("top-up", .topUp) { $0.take(Make.text("/start")) },
        panel("top-up-unavailable", .topUp) {
            $0.options = nil
            $0.take(Make.text("/start"))
        },
        panel("rails", .rails(amountKopecks: 10_000)) { $0.take(Make.text("/start")) },
        panel("payment-creating", .payment(order: orderID), withOrder(.creating)),
        panel("payment-pending", .payment(order: orderID), withOrder(.pending)),
        panel("payment-canceled", .payment(order: orderID), withOrder(.canceled)),
        panel("balance", .balance, withHistory),
        panel("balance-unavailable", .balance) {
            $0.balance = nil
            $0.take(Make.text("/start"))
        },
        panel("jobs", .jobs, withHistory),
        panel("history", .history(page: 1), withHistory),
        panel("result-picked", .result(job: jobID, asset: 1), withJob),
        panel("settings", .settings) { $0.take(Make.text("/start")) },
        panel("language", .language) { $0.take(Make.text("/start")) },
        panel("help", .help) { $0.take(Make.text("/start")) },
        panel("terms", .terms) { $0.take(Make.text("/start")) },
        panel("support", .support, withJob),
        View(name: "job-accepted") { fact(&$0, .jobAccepted, .accepted) },
        View(name: "job-running") { fact(&$0, .jobRunning, .running) },
        View(name: "job-retrying") { fact(&$0, .jobRetrying, .retrying) },
        View(name: "job-cancelled") { fact(&$0, .jobCancelled, .cancelled) },
        View(name: "job-refused") { fact(&$0, .jobFailed, .failed, failure: .refused) },
        View(name: "job-timed-out") { fact(&$0, .jobFailed, .failed, failure: .timeout) },
        View(name: "job-failed-others") {
            fact(&$0, .jobFailed, .failed, failure: .provider, alternatives: AlternativesTests.offers)
        },
        View(name: "job-result") { fact(&$0, .jobSucceeded, .succeeded, assets: [Make.asset()]) },
        View(name: "job-results") {
            fact(&$0, .jobSucceeded, .succeeded, assets: (1...4).map { Make.asset(.image, $0) })
        },
        View(name: "job-video") { fact(&$0, .jobSucceeded, .succeeded, assets: [Make.asset(.video)]) },
        View(name: "group-accepted") { group(&$0, [.accepted, .accepted, .accepted]) },
        View(name: "group-running") { group(&$0, [.succeeded, .running, .accepted]) },
        View(name: "group-partial") { group(&$0, [.succeeded, .failed, .succeeded]) },
        View(name: "group-cancelled") { group(&$0, [.succeeded, .cancelled, .cancelled]) },
        View(name: "chain-running") { group(&$0, stages: 2, [.succeeded, .running]) },
        View(name: "chain-wish") {
            group(&$0, stages: 2, [.succeeded, .running], wish: "лиса бежит <к камере>")
        },
        View(name: "chain-broken") { group(&$0, stages: 2, [.succeeded, .failed]) },
        View(name: "receipt") {
            $0.take(Make.text("/start"))
            $0.take(
                .fact(
                    Make.fact(
                        .paymentSucceeded,
                        order: Make.order(orderID, .credited),
                        balance: Make.balance(12_550)
                    )
                )
            )
        },
        View(name: "group") {
            $0.scene = Scene(userID: (1 << 52) - 1, chatID: -1_000_000_000_000_000)
            if let command = BotCommand("/imagine лиса") {
                $0.take(Make.message(.command(command), chat: $0.scene.chatID, user: $0.scene.userID))
            }
        },
    ]

    @Sendable static func fact(
        _ user: inout Driver,
        _ kind: FactKind,
        _ state: JobState,
        failure: JobFailure? = nil,
        assets: [Asset] = [],
        alternatives: [ModelAlternative]? = nil
    ) {
        user.take(Make.text("/start"))
        var job = known
        job.language = user.settings?.language ?? .russian
        job.progress = .requested
        user.jobs[jobID] = job
        var reported = Make.job(jobID, state, attempt: 2, failure: failure, assets: assets)
        reported.alternatives = alternatives
        user.take(.fact(Make.fact(kind, job: reported)))
    }

    @Sendable static func filling(_ user: inout Driver, _ filling: Filling?) {
        user.take(Make.photo(caption: "лети"))
        user.take(Make.press(CallbackData(.start(3), draftSerial: 0).text))
        user.session?.filling = filling
    }

    /// A chain whose second stage is asked about.
    @Sendable static func wish(_ user: inout Driver) {
        user.compose()
        user.price = 9_400
        let stages = [NextStage(modelNumber: 3, inputs: ["prompt": "рыжая лиса"])]
        user.session?.editDraft { ($0.then, $0.price) = (stages, nil) }
        user.session?.screen = .stageWish(0)
    }

    @Sendable static func group(
        _ user: inout Driver,
        stages: Int = 1,
        _ states: [JobState],
        wish: String? = nil
    ) {
        user.take(Make.text("/start"))
        var job = known
        job.language = user.settings?.language ?? .russian
        job.progress = .requested
        job.draft.copies = states.count / stages
        if stages > 1 {
            (job.draft.copies, job.draft.then) = (nil, [NextStage(modelNumber: 3)])
            job.modelTitle = "Nano Banana Pro → Kling Motion"
            job.draft.wishes = wish.map { [0: StageWish(input: "prompt", text: $0)] }
        }
        user.jobs[jobID] = job
        var group = Make.group(jobID, copies: states.count / stages, stages: stages, states, revision: 3)
        for index in group.parts.indices {
            group.parts[index].jobID = JobID("01a1b2c3-d4e5-7fff-bfff-7ffffffff\(700 + index)") ?? jobID
        }
        user.take(.fact(Make.fact(.jobRunning, part: states.count - 1, of: group, assets: [Make.asset()])))
    }

    @Test(arguments: views, Language.allCases)
    func `every screen looks as agreed and keeps Telegram's limits`(view: View, language: Language) throws {
        var user = Driver()
        user.settings = UserSettings(language: language, isLanguageChosen: true)
        view.play(&user)
        let shown = (user.decision?.commands ?? []).compactMap(Self.content)
        #expect(!shown.isEmpty)
        for content in shown { Limits.expect(content, view.name) }
        let text = shown.map(Self.render).joined(separator: "\n────────\n")
        let file = Self.folder.appending(path: "\(view.name).\(language.rawValue).txt")
        if Self.isUpdating {
            try text.write(to: file, atomically: true, encoding: .utf8)
            return
        }
        let agreed = try String(contentsOf: file, encoding: .utf8)
        #expect(text == agreed, "\(view.name) in \(language.rawValue)")
    }

    static func content(_ command: Command) -> MessageContent? {
        switch command {
        case .putCard(_, let input): input.content
        case .send(_, let input): input.content
        default: nil
        }
    }

    /// The card as a person reads it; ids that differ from run to run are masked.
    static func render(_ content: MessageContent) -> String {
        let media = content.media.map { "[\($0.form.rawValue): \($0.asset.fileName)]" }
        let rows = content.keyboard.map { row in
            row.map { button in
                let target = button.url.map { _ in "url" } ?? masked(button.callbackData ?? "")
                return "[\(button.text)](\(target))\(button.style.map { " " + $0.rawValue } ?? "")"
            }.joined(separator: " ")
        }
        return (media + [content.text, ""] + rows).joined(separator: "\n") + "\n"
    }

    /// Revisions depend on how the test got there.
    private static func masked(_ data: String) -> String {
        var parts = data.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count >= 5, parts[4] != "_" { parts[4] = "rev" }
        return parts.joined(separator: ".")
    }
}

/// Telegram's limits and our own, for any message that we send.
enum Limits {
    static func expect(_ content: MessageContent, _ comment: String) {
        let limit = content.media.isEmpty ? 4_096 : 1_024
        #expect(content.text.utf16.count <= limit, "text too long: \(comment)")
        #expect(!content.text.isEmpty || !content.media.isEmpty, "empty: \(comment)")
        #expect(content.media.count <= 10, "album too long: \(comment)")
        #expect(content.keyboard.joined().count <= 24, "too many buttons: \(comment)")
        #expect(content.keyboard.allSatisfy { (1...4).contains($0.count) }, "row: \(comment)")
        for button in content.keyboard.joined() {
            let kinds = [button.callbackData, button.url, button.copyText].compactMap { $0 }
            #expect(kinds.count == 1, "a button does one thing: \(comment)")
            #expect((1...64).contains(button.callbackData?.utf8.count ?? 1), "callback data: \(comment)")
            #expect((1...64).contains(button.text.unicodeScalars.count), "label: \(comment)")
        }
        expectBalanced(content.text, comment)
    }

    /// Only tags that Telegram knows, each closed in order; no other angle bracket or ampersand. By hand, because regular
    /// expressions took most of the suite's time.
    static func expectBalanced(_ html: String, _ comment: String) {
        var open: [Substring] = []
        var rest = html[...]
        while let index = rest.firstIndex(where: { $0 == "<" || $0 == ">" || $0 == "&" }) {
            rest = rest[index...]
            if rest.hasPrefix("<"), let end = rest.firstIndex(of: ">") {
                let tag = rest[rest.index(after: rest.startIndex)..<end]
                let name = tag.drop { $0 == "/" }.prefix { $0.isLetter }
                #expect(["b", "i", "code", "blockquote"].contains(name), "tag \(name): \(comment)")
                if tag.hasPrefix("/") {
                    #expect(open.popLast() == name, "nesting: \(comment)")
                } else {
                    open.append(name)
                }
                rest = rest[rest.index(after: end)...]
            } else if let entity = ["&amp;", "&lt;", "&gt;"].first(where: rest.hasPrefix) {
                rest = rest.dropFirst(entity.count)
            } else {
                Issue.record("unescaped: \(comment)")
                return
            }
        }
        #expect(open.isEmpty, "unclosed \(open): \(comment)")
    }
}
