internal import Contracts
internal import Time

/// One turn of the conversation while it is decided: what is known, and what has been decided so far.
///
/// A turn is planned (pure), its reads are made, and it is finished (pure). Nothing in here does I/O, reads a clock or
/// draws a random number.
struct Turn: Sendable {
    let scene: Scene
    let catalogue: Catalogue
    let now: Timestamp
    let fresh: FreshIDs
    let house: House
    /// Key of the happening; part of the keys of messages that answer just this one.
    let event: String

    var session: Session
    var settings: UserSettings
    /// What storage knew; the ones that screens and answers refer to.
    var job: KnownJob?
    var order: KnownOrder?
    /// The group of the job, where it has one.
    var group: KnownJob?
    /// What was reported of it together with a result, which goes first.
    var reportedGroup: (known: KnownJob, reported: JobGroup)?
    var changedJobs: [KnownJob] = []
    var changedOrders: [KnownOrder] = []
    var commands: [Command] = []
    var intent = Intent.nothing
    var placement = Placement.edit
    var toast: Toast?
    /// HTML lines above the panel's own text.
    var notices: [String] = []
    /// The message of the user that a new panel answers.
    var replyTo: Int64?
    var outcome = Decision.Outcome.answered
    /// Told by the happening itself, so that it need not be read.
    var toldBalance: Balance?

    /// What is left to do once the reads are there.
    enum Intent: Sendable, Equatable {
        case nothing
        /// Draw the panel.
        case show
        /// Run the current draft; `confirmed` if the user has seen this price on the confirm screen.
        case generate(confirmed: Bool)
        /// Run what had stopped for want of money.
        case resume(WaitingDraft)
        /// The frozen price was too old when the job was created: ask again and go on if it is not dearer.
        case requote(KnownJob)
        /// Suggest better words for the draft.
        case help(PromptHelpKind)
        /// Hand over a result; the job as reported.
        case deliver(Job, KnownJob)
    }

    /// Where the panel goes.
    enum Placement: Sendable, Equatable {
        /// Stays where it is: its own button was pressed.
        case edit
        /// Comes down if it has scrolled away.
        case nearby
        /// Comes down unless it is the last message.
        case down
    }

    init(
        scene: Scene,
        standing: Standing,
        language: Language,
        catalogue: Catalogue,
        now: Timestamp,
        fresh: FreshIDs,
        house: House,
        event: String
    ) {
        self.scene = scene
        self.catalogue = catalogue
        self.now = now
        self.fresh = fresh
        self.house = house
        self.event = event
        session = standing.session ?? Session()
        settings = standing.settings ?? UserSettings(language: language)
        if !settings.isLanguageChosen, standing.settings == nil { settings.language = language }
        job = standing.job
        order = standing.order
        group = standing.group
    }

    var texts: Texts { Texts(settings.language) }
    var botUsername: String { house.botUsername }
    var supportContact: String { house.supportContact }

    /// The model of the current draft.
    var draftModel: Model? { session.draft.flatMap { catalogue.model($0.modelNumber) } }

    /// Whether the current draft's model is not sold now; an empty catalogue says nothing about it.
    var isModelGone: Bool { session.draft != nil && draftModel == nil && !catalogue.isEmpty }

    /// A card's next revision: above the last one, and above any that an earlier database of ours may have used, so that
    /// cards are not taken for old ones after a restore. In milliseconds since 1970.
    func nextRevision(after last: Int64) -> Int64 { max(last + 1, now.microseconds / 1_000) }

    /// Shows a screen.
    mutating func go(to screen: Screen) {
        if screen == .home { parkOffer() }
        session.screen = screen
        intent = .show
    }

    /// Notes a job for storing; later notes replace earlier ones.
    mutating func note(_ job: KnownJob) {
        changedJobs.removeAll { $0.jobID == job.jobID }
        changedJobs.append(job)
        if self.job?.jobID == job.jobID { self.job = job }
        if group?.jobID == job.jobID { group = job }
        let isLive = job.progress >= .accepted && !job.progress.isFinal
        session.running.removeAll { $0 == job.jobID }
        if isLive { session.running.append(job.jobID) }
    }

    mutating func note(_ order: KnownOrder) {
        changedOrders.removeAll { $0.orderID == order.orderID }
        changedOrders.append(order)
        self.order = order
    }

    /// Reads that the rest of the turn needs.
    var wants: Wants {
        var wants = Wants()
        switch intent {
        case .nothing: break
        case .generate:
            guard let draft = session.draft, let model = draftModel, draft.missingInput(of: model) == nil else { break }
            if draft.usablePrice(at: now) == nil { wants.quote = draft }
            wants.balance = true
        case .resume(let waiting):
            if waiting.draft.usablePrice(at: now) == nil { wants.quote = waiting.draft }
            wants.balance = toldBalance == nil
        case .requote(let job): wants.quote = job.requoted
        case .deliver: wants.balance = !scene.isGroup
        case .help(let kind): wants.help = helpWish(kind)
        case .show: wants = wantsOfScreen
        }
        return wants
    }

    private var wantsOfScreen: Wants {
        var wants = Wants()
        if isModelGone, session.screen.isAboutDraft {
            // The refusal names others.
            wants.quote = session.draft
            return wants
        }
        switch session.screen {
        case .home: wants.balance = !scene.isGroup && toldBalance == nil
        case .composer, .unavailable, .option, .confirm:
            guard let draft = session.draft, let model = draftModel else { break }
            wants.balance = !scene.isGroup
            if draft.usablePrice(at: now) == nil, draft.missingInput(of: model) == nil { wants.quote = draft }
        case .shortage, .topUp, .rails, .payment: wants.paymentOptions = true
        case .balance:
            wants.balance = true
            wants.entries = 5
        case .jobs, .history: wants.jobs = true
        case .welcome, .stageWish, .discard, .promptHelp, .templates, .template, .tasks, .help, .terms, .support,
            .settings, .language, .offer, .models, .model, .starting, .result:
            break
        }
        return wants
    }
}
