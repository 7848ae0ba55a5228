internal import Contracts
internal import Time

/// Where a user stands in a chat. Stored as JSON under a revision; everything a button means is looked up here, so buttons
/// carry no state and outlive deploys.
struct Session: Sendable, Equatable {
    /// What the panel shows.
    var screen = Screen.welcome
    /// The run being put together.
    var draft: Draft?
    /// Older drafts, newest first; put aside, never thrown away, up to `parkedLimit`.
    var parked: [Draft] = []
    /// Stopped for want of money.
    var waiting: WaitingDraft?
    /// What came unprompted and waits for the user to say what to do with it.
    var offer: Offer?
    /// The album whose items are arriving.
    var album: AlbumInProgress?
    /// Better words for the draft that the user has not decided on.
    var suggestion: Suggestion?
    /// The template whose questions are being answered.
    var filling: Filling?
    /// Jobs that have been accepted and have not ended.
    var running: [JobID] = []
    /// Grows with every change of any draft: the revision that buttons about money carry.
    var draftSerial: Int64 = 0
    /// Revision of the panel card; 0 while there is none.
    var panelRevision: Int64 = 0
    /// Messages below the panel, as far as we know.
    var belowPanel = 0

    static let parkedLimit = 5

    init() {}

    /// In place of one that can't be read. Its counters are above any that it could have had, because each commit raises
    /// them by a step or two at most and old buttons must not fit the new draft.
    init(recoveredAt revision: Int64) {
        screen = .home
        draftSerial = revision * 4 + 1
        panelRevision = 1
    }

    /// Puts the current draft aside if it holds anything worth keeping.
    mutating func parkDraft() {
        guard let draft else { return }
        self.draft = nil
        draftSerial += 1
        guard draft.holdsWork else { return }
        parked = Array(([draft] + parked.filter { $0 != draft }).prefix(Self.parkedLimit))
    }

    /// Makes a draft the current one; the one before is put aside.
    mutating func open(_ draft: Draft) {
        parkDraft()
        self.draft = draft
        draftSerial += 1
        screen = .composer
    }

    /// Whether the current draft is the one that stopped for want of money.
    var isDraftWaiting: Bool { draft.map(isWaiting) ?? false }

    func isWaiting(_ draft: Draft) -> Bool { waiting?.draft.isSameRun(as: draft) ?? false }

    /// Throws the current draft away.
    mutating func dropDraft() {
        if isDraftWaiting { waiting = nil }
        draft = nil
        draftSerial += 1
    }

    /// Changes the current draft and outdates the buttons that were drawn for it. A run that stopped for want of money
    /// does not start by itself any more once its draft is another one; changes to other drafts leave it alone.
    mutating func editDraft(_ change: (inout Draft) -> Void) {
        guard var draft else { return }
        let wasWaiting = isWaiting(draft)
        change(&draft)
        if wasWaiting, !isWaiting(draft) { waiting = nil }
        self.draft = draft
        draftSerial += 1
    }
}

/// Unprompted text and files.
struct Offer: Codable, Sendable, Equatable {
    var text: String?
    var media: [MediaReference] = []
    var messageID: Int64?
    /// When the last piece of the text was written, to join what Telegram's clients split.
    var textAt: Timestamp?
    /// Whether the text was joined; absent if not.
    var isJoined: Bool?
    /// What `Session.draftSerial` was when it came; absent in sessions of an older build.
    var draftSerial: Int64?

    /// Whether a model has a place for it: for every file, or for the words if that is all there is.
    func fits(_ model: Model) -> Bool {
        if media.isEmpty { return model.mainText != nil }
        return media.allSatisfy { file in model.inputs.contains { $0.accepts(file) } }
    }
}

/// An album arrives item by item without an end mark; items of the same id belong to what the first one started.
struct AlbumInProgress: Codable, Sendable, Equatable {
    var groupID: String
}

/// What the panel shows; rendered from this and from facts.
enum Screen: Codable, Sendable, Equatable {
    case welcome, home, tasks, help, terms, support, settings, language, topUp, balance, jobs
    case offer
    case models(task: ModelTask, sort: ModelSort, page: Int)
    case model(number: Int)
    case composer
    /// In place of the screens of a draft whose model is not sold now.
    case unavailable
    /// Option picker of the input at this place in the model's list.
    case option(input: Int, page: Int)
    case confirm
    /// Asks what a later stage is to do; by its place among the later ones.
    case stageWish(Int)
    /// Prompts with slots for the draft's model, and the next question of one.
    case templates, template
    /// Asks before a draft with typed text or files is thrown away.
    case discard
    /// Suggested words beside the user's own.
    case promptHelp
    /// The run is being handed over.
    case starting(job: JobID)
    case shortage(kopecks: Int64, availableKopecks: Int64)
    case rails(amountKopecks: Int64)
    case payment(order: OrderID)
    case history(page: Int)
    /// One of several results, to choose what to do with it.
    case result(job: JobID, asset: Int)

    /// Whether it speaks of the current draft and of nothing without one.
    var isAboutDraft: Bool {
        switch self {
        case .composer, .unavailable, .option, .confirm, .stageWish, .promptHelp, .templates, .template: true
        default: false
        }
    }

    /// Whether it is a step of paying for the draft that stopped.
    var isAboutTopUp: Bool {
        switch self {
        case .shortage, .topUp, .rails, .payment: true
        default: false
        }
    }

    /// Label of metrics and golden files.
    var name: String {
        let text = String(describing: self)
        return String(text.prefix { $0.isLetter })
    }
}

/// Order of a list of models.
enum ModelSort: Int, Codable, Sendable, CaseIterable {
    case catalogue, price, speed
}

extension Session: Codable {
    private enum CodingKeys: String, CodingKey {
        case screen, draft, parked, waiting, offer, album, suggestion, filling, running, draftSerial, panelRevision
        case belowPanel
    }

    /// Tolerates a member written by a newer or older build: a screen that this build does not know becomes home, and
    /// nothing else is lost with it. The counters must be there: buttons and cards depend on them.
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func lenient<Value: Decodable>(_ key: CodingKeys) -> Value? {
            try? container.decodeIfPresent(Value.self, forKey: key)  // Unknown shape: the default stands, see above.
        }
        screen = lenient(.screen) ?? .home
        draft = lenient(.draft)
        parked = lenient(.parked) ?? []
        waiting = lenient(.waiting)
        offer = lenient(.offer)
        album = lenient(.album)
        suggestion = lenient(.suggestion)
        filling = lenient(.filling)
        running = lenient(.running) ?? []
        draftSerial = try container.decode(Int64.self, forKey: .draftSerial)
        panelRevision = try container.decode(Int64.self, forKey: .panelRevision)
        belowPanel = lenient(.belowPanel) ?? 0
    }
}
