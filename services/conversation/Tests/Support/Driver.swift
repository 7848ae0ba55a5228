import Contracts
import Testing
import Time

@testable import ConversationService

/// Plays a conversation against the pure machine: keeps what storage would keep and answers reads from plain variables.
struct Driver {
    var scene = Scene(userID: Make.user, chatID: Make.user)
    var session: Session?
    var settings: UserSettings?
    var jobs: [JobID: KnownJob] = [:]
    var orders: [OrderID: KnownOrder] = [:]
    var catalogue = Sample.catalogue
    var now = Make.now
    var balance: Balance? = Make.balance(10_000)
    var options: GetPaymentOptions.Output? = Make.options
    var listedJobs: [Job]? = []
    var entries: [StatementEntry]? = []
    var house = House(botUsername: "kist_ai_bot", supportContact: "@atelier_help")
    /// Price of whatever is asked for; nil lets generation be silent.
    var price: Int64? = 1_400
    var quoteProblem: Problem?
    /// What becomes of a wish for better words.
    var help: HelpOutcome = .unavailable
    /// A cheaper variant that quotes offer, and what one that was made is credited with.
    var trial: QuotedTrial?
    var credit: Int64?
    /// Others that quotes name.
    var alternatives: [ModelAlternative]?
    var events = 0

    /// Of the latest turn.
    var decision: Decision?
    var toast: Toast?
    var wants = Wants()
    /// All commands so far.
    var sent: [Command] = []
    /// All keys so far, to see that none is used for two different commands.
    var keys: [String: Command] = [:]

    /// The newest panel.
    var panel: MessageContent?

    @discardableResult
    mutating func take(_ update: Update) -> Decision { take(.update(update)) }

    @discardableResult
    mutating func take(_ happening: Happening) -> Decision {
        events += 1
        let event = "update-\(events)"
        var standing = Standing(session: session, sessionRevision: 1, settings: settings)
        resolve(happening.references, &standing)
        var turn = Turn(
            scene: scene,
            standing: standing,
            language: .russian,
            catalogue: catalogue,
            now: now,
            fresh: FreshIDs(now: now),
            house: house,
            event: event
        )
        turn.plan(happening)
        toast = turn.toast
        wants = turn.wants
        let decision = turn.finished(with: knowledge(for: wants))
        apply(decision, event: event)
        return decision
    }

    /// Presses the button with this text on the newest panel, or any message.
    @discardableResult
    mutating func press(_ text: String, on content: MessageContent? = nil, by user: UserID? = nil) -> Decision {
        let buttons = ((content ?? panel)?.keyboard ?? []).joined()
        guard let button = buttons.first(where: { $0.text.contains(text) }) else {
            Issue.record("no button \"\(text)\" among \(buttons.map(\.text))")
            return take(Make.press(nil))
        }
        return take(Make.press(button.callbackData, chat: scene.chatID, user: user ?? scene.userID))
    }

    private func resolve(_ references: References, _ standing: inout Standing) {
        standing.job = jobs.values.first { $0.jobID == references.jobID || $0.jobID.short == references.jobShort }
        standing.group = references.groupID.flatMap { jobs[$0] }
        if references.newestJob { standing.job = jobs.values.max { $0.jobID < $1.jobID } }
        standing.order = orders.values.first {
            $0.orderID == references.orderID || $0.orderID.short == references.orderShort
        }
        if case .result(let job, _) = session?.screen, standing.job == nil { standing.job = jobs[job] }
        if case .payment(let order) = session?.screen, standing.order == nil { standing.order = orders[order] }
    }

    private func knowledge(for wants: Wants) -> Knowledge {
        var knowledge = Knowledge()
        if wants.balance { knowledge.balance = balance }
        if let draft = wants.quote {
            if let quoteProblem {
                knowledge.quote = .refused(quoteProblem)
            } else {
                var answer = price.map { Make.quote(draft, kopecks: $0, at: now) }
                answer?.trial = draft.isGroup ? nil : trial
                answer?.alternatives = alternatives
                answer?.creditKopecks = draft.trial.flatMap { _ in credit }
                knowledge.quote = answer.map { .quoted($0) } ?? .unavailable
            }
        }
        if wants.help != nil { knowledge.help = help }
        if wants.jobs { knowledge.jobs = listedJobs }
        if wants.entries > 0 { knowledge.entries = entries }
        if wants.paymentOptions { knowledge.paymentOptions = options }
        return knowledge
    }

    private mutating func apply(_ decision: Decision, event: String) {
        self.decision = decision
        session = decision.session
        settings = decision.settings
        for job in decision.jobs { jobs[job.jobID] = job }
        for order in decision.orders { orders[order.orderID] = order }
        sent += decision.commands
        for command in decision.commands {
            let key = command.key(event: event, scene: scene)
            #expect(keys[key] == nil, "one key, two commands: \(key)")
            #expect((1...200).contains(key.utf8.count) && key.utf8.allSatisfy { (33...126).contains($0) })
            keys[key] = command
            if case .putCard(let card, let input) = command, card == scene.panelKey { panel = input.content }
        }
    }

    // MARK: What the user sees

    var screen: Screen? { session?.screen }
    var panelText: String { panel?.text ?? "" }
    var panelButtons: [String] { (panel?.keyboard ?? []).joined().map(\.text) }

    /// Jobs handed over so far.
    var created: [CreateJob.Input] {
        sent.compactMap { if case .createJob(let input) = $0 { input } else { nil } }
    }

    /// Groups handed over so far.
    var createdGroups: [CreateGroup.Input] {
        sent.compactMap { if case .createGroup(let input) = $0 { input } else { nil } }
    }

    /// Messages sent by the latest turn.
    var messages: [(key: String, input: SendMessage.Input)] {
        (decision?.commands ?? []).compactMap { if case .send(let key, let input) = $0 { (key, input) } else { nil } }
    }

    /// Cards other than the panel put by the latest turn.
    var jobCards: [PutCard.Input] {
        (decision?.commands ?? []).compactMap {
            if case .putCard(let key, let input) = $0, key.hasPrefix("job:") { input } else { nil }
        }
    }

    /// Types a prompt into the composer of a model, ready to generate.
    mutating func compose(_ model: Int = 2, _ prompt: String = "рыжая лиса") {
        take(Make.text("/start"))
        take(Make.press(CallbackData(.start(model), draftSerial: 0).text))
        take(Make.text(prompt))
    }

    /// Composes and hands over a job; returns its id.
    mutating func launch(_ model: Int = 2) -> JobID {
        compose(model)
        take(Make.press(CallbackData(.generate, draftSerial: session?.draftSerial).text))
        return created.last?.jobID ?? JobID()
    }
}
