import Contracts
import ProofKit
import Testing
import Time

@testable import ConversationService

/// Users who press, type and send whatever they like while jobs and payments go on: invariants hold at every step.
@Suite struct RandomWalkTests {
    /// The seed is printed with every failure.
    static let seeds: [UInt64] = Array(1...12) + [.random(in: .min ... .max)]

    @Test(arguments: seeds)
    func `nothing a user does breaks a promise`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var user = Driver()
        var seen: [MessageContent] = []
        for step in 0..<200 {
            let comment = "seed \(seed), step \(step)"
            user.now = user.now + .seconds(Int64.random(in: 0...90, using: &random))
            shake(&user, &random)
            let before = user
            let happening = next(user, seen, &random)
            let decision = user.take(happening)
            seen += decision.commands.compactMap(GoldenScreensTests.content)
            seen = seen.suffix(12)
            check(before, user, decision, happening, comment)
        }
    }

    /// Other services answer, refuse or stay silent.
    private func shake(_ user: inout Driver, _ random: inout SeededGenerator) {
        user.price = [nil, 0, 300, 1_400, 4_999, 5_001, 90_000].randomElement(using: &random) ?? nil
        user.balance = Bool.random(using: &random) ? Make.balance(Int64.random(in: 0...20_000, using: &random)) : nil
        user.options = Int.random(in: 0..<5, using: &random) == 0 ? nil : Make.options
        user.alternatives = Int.random(in: 0..<4, using: &random) == 0 ? AlternativesTests.offers : nil
        user.catalogue = Int.random(in: 0..<20, using: &random) == 0 ? .empty : Sample.catalogue
        if Int.random(in: 0..<20, using: &random) == 0 { user.catalogue = AlternativesTests.without(2) }
        user.quoteProblem =
            Int.random(in: 0..<15, using: &random) == 0
            ? Problem(
                .invalidInputs,
                members: ["fields": [["name": "prompt", "reason": "too_long", "limit": 5_000], ["name": "zzz"]]]
            ) : nil
        user.listedJobs = user.jobs.values.map { Make.job($0.jobID, .running) }
    }

    private func next(_ user: Driver, _ seen: [MessageContent], _ random: inout SeededGenerator) -> Happening {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9:
            let all = seen.flatMap { $0.keyboard.joined() }.compactMap(\.callbackData)
            let fresh = (user.panel?.keyboard.joined()).map { $0.compactMap(\.callbackData) } ?? []
            let pool = Int.random(in: 0..<3, using: &random) == 0 ? all : fresh
            return .update(Make.press(pool.randomElement(using: &random)))
        case 9..<12:
            let texts = ["рыжая лиса", "<b>&", "5", "0,9", "4", String(repeating: "д", count: 4_096), "👨‍👩‍👧‍👦", "1:1"]
            return .update(
                Make.text(texts.randomElement(using: &random) ?? "", id: .random(in: 0...900, using: &random))
            )
        case 12: return .update(Make.photo(album: Bool.random(using: &random) ? "g1" : nil))
        case 13:
            let kind = MediaKind.allCases.randomElement(using: &random) ?? .text
            let bytes = Int64.random(in: 1...(30 << 20), using: &random)
            let file = MediaReference(telegramFileID: "file-\(bytes)", kind: kind, sizeBytes: bytes)
            return .update(Make.message(.media(file, caption: nil)))
        case 14:
            let all = [
                "/start", "/cancel", "/balance", "/models", "/jobs", "/history", "/settings", "/help", "/generate кот",
            ]
            return .update(Make.text(all.randomElement(using: &random) ?? "/start"))
        case 15:
            return .update(
                Make.message(
                    [.unsupported(kind: "sticker"), .service(kind: "gift")].randomElement(using: &random) ?? .text("")
                )
            )
        default: return report(user, &random)
        }
    }

    /// Something about a job or an order that was asked for.
    private func report(_ user: Driver, _ random: inout SeededGenerator) -> Happening {
        let job = user.jobs.values.sorted { $0.jobID < $1.jobID }.randomElement(using: &random)
        if let order = user.orders.values.sorted(by: { $0.orderID < $1.orderID }).randomElement(using: &random),
            job == nil || Bool.random(using: &random)
        {
            let state = [Order.State.pending, .credited, .canceled].randomElement(using: &random) ?? .pending
            let reported = Make.order(order.orderID, state, kopecks: order.amountKopecks)
            switch state {
            case .credited: return .fact(Make.fact(.paymentSucceeded, order: reported, balance: user.balance))
            case .canceled: return .fact(Make.fact(.paymentCanceled, order: reported))
            default: return .answer(CommandAnswer(purpose: .createOrder(order.orderID), outcome: .order(reported)))
            }
        }
        guard let job else { return .update(Make.text("/start")) }
        if job.isGroup { return report(job, &random) }
        let refusals = [ProblemCode.insufficientFunds, .quoteExpired, .modelUnavailable, .limitExceeded]
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            let problem = Problem(refusals.randomElement(using: &random) ?? .unknown)
            return .answer(CommandAnswer(purpose: .createJob(job.jobID), outcome: .refused(problem)))
        case 1:
            return .answer(CommandAnswer(purpose: .createJob(job.jobID), outcome: .job(Make.job(job.jobID, .accepted))))
        case 2: return .fact(Make.fact(.jobRunning, job: Make.job(job.jobID, .running)))
        case 3: return .fact(Make.fact(.jobFailed, job: Make.job(job.jobID, .failed, failure: .provider)))
        case 4:
            return .answer(CommandAnswer(purpose: .cancelJob(job.jobID), outcome: .refused(Problem(.notCancellable))))
        default:
            let assets = (1...Int.random(in: 1...5, using: &random)).map { Make.asset(.image, $0) }
            return .fact(Make.fact(.jobSucceeded, job: Make.job(job.jobID, .succeeded, assets: assets)))
        }
    }

    /// Something about a group, in any order.
    private func report(_ job: KnownJob, _ random: inout SeededGenerator) -> Happening {
        let id = GroupID(job.jobID.uuid)
        let (copies, stages) = (job.draft.copyCount, job.draft.stages.count + 1)
        let states = (0..<copies * stages).map { _ in
            [JobState.accepted, .running, .succeeded, .failed, .cancelled].randomElement(using: &random) ?? .running
        }
        let revision = Int64.random(in: 1...30, using: &random)
        let group = Make.group(job.jobID, copies: copies, stages: stages, states, revision: revision)
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            let problem = Problem([.insufficientFunds, .quoteExpired].randomElement(using: &random) ?? .unknown)
            return .answer(CommandAnswer(purpose: .createGroup(id), outcome: .refused(problem)))
        case 1: return .answer(CommandAnswer(purpose: .createGroup(id), outcome: .group(group)))
        case 2: return .answer(CommandAnswer(purpose: .cancelGroup(id), outcome: .refused(Problem(.notCancellable))))
        default:
            let part = group.parts.indices.randomElement(using: &random) ?? 0
            let assets = group.parts[part].state == .succeeded ? [Make.asset()] : []
            return .fact(Make.fact(.jobRunning, part: part, of: group, assets: assets))
        }
    }

    private func check(
        _ before: Driver,
        _ after: Driver,
        _ decision: Decision,
        _ happening: Happening,
        _ comment: String
    ) {
        for content in decision.commands.compactMap(GoldenScreensTests.content) { Limits.expect(content, comment) }
        if case .update(let update) = happening, decision.outcome == .answered {
            PressTests().expectVisible(decision, after, "\(comment): \(update.kind)")
        }
        if case .update(let update) = happening, case .message(let message) = update.content {
            if case .service = message.body {} else { #expect(decision.outcome == .answered, "\(comment)") }
        }
        // A card's revision only grows.
        if decision.shown != nil {
            #expect(decision.session.panelRevision > before.session?.panelRevision ?? 0, "\(comment)")
        }
        for job in decision.jobs {
            let old = before.jobs[job.jobID]
            #expect(job.progress >= old?.progress ?? .requested, "\(comment): backwards")
            #expect(job.cardRevision >= old?.cardRevision ?? 0, "\(comment): revision")
        }
        // At most one run is started by one happening, and only for a price the user has seen or agreed to.
        let created = decision.commands.filter {
            switch $0 {
            case .createJob, .createGroup: true
            default: false
            }
        }
        #expect(created.count <= 1, "\(comment)")
        if !created.isEmpty { #expect(decision.jobs.contains { $0.progress == .requested }, "\(comment)") }
        #expect(decision.session.parked.count <= Session.parkedLimit, "\(comment)")
        // What is stored comes back the same.
        #expect(throws: Never.self, "\(comment)") {
            let json = try StateJSON.encode(decision.session)
            let back = try StateJSON.decode(Session.self, json)
            if back != decision.session { Issue.record("session differs after storage: \(comment)") }
        }
    }
}
