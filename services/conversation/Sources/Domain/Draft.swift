internal import Contracts
internal import Time

/// A run that a user is putting together.
struct Draft: Codable, Sendable, Equatable {
    var modelNumber: Int
    /// Texts, choices, numbers and switches by input name; what is absent takes the model's default.
    var inputs: [String: JSONValue] = [:]
    /// Files by input name.
    var media: [String: [MediaReference]] = [:]
    /// Number of the model that made those of the files which are results: a draft goes on with one run at most.
    var maker: Int?
    /// The user's message with the prompt; results answer it.
    var promptMessageID: Int64?
    /// When the last piece of the prompt was written, to join what Telegram's clients split.
    var promptAt: Timestamp?
    /// Whether the prompt was joined from several messages, so that none of them is the whole of it; absent if not.
    var isJoined: Bool?
    /// The price of exactly these inputs; dropped by every change.
    var price: FrozenPrice?
    /// How many runs the confirm makes; nil for one.
    var copies: Int?
    /// What is made of the result, stage by stage, with the words of the first; see `stages`.
    var then: [NextStage]?
    /// The user's own words for a later stage, by its place in `then`.
    var wishes: [Int: StageWish]?
    /// Of a run that is only a trial: the values that its full run has instead, null for one that is left to the model.
    var full: [String: JSONValue]?
    /// The trial whose price is credited to this run.
    var trial: JobID?
    /// Whether advanced options are unfolded.
    var showsAdvanced = false

    init(modelNumber: Int) {
        self.modelNumber = modelNumber
    }

    /// Whether losing the draft would lose something that the user typed or sent.
    var holdsWork: Bool { !media.isEmpty || inputs.values.contains { $0.string?.isEmpty == false } }

    /// Whether both ask for the same, whatever is known of its price.
    func isSameRun(as other: Draft) -> Bool {
        modelNumber == other.modelNumber && inputs == other.inputs && media == other.media && stages == other.stages
            && copyCount == other.copyCount && full == other.full && trial == other.trial
    }

    /// The price if it still holds for long enough to be used.
    func usablePrice(at now: Timestamp) -> FrozenPrice? {
        price.flatMap { $0.expiresAt > now + .seconds(20) ? $0 : nil }
    }

    mutating func set(_ name: String, to value: JSONValue?) {
        guard inputs[name] != value else { return }
        inputs[name] = value
        // Later stages speak of the same thing, as far as they have no words of their own.
        if let value, let stages = then {
            then = stages.map { stage in
                var stage = stage
                if stage.inputs[name] != nil { stage.inputs[name] = value }
                return stage
            }
        }
        price = nil
    }

    mutating func setMedia(_ name: String, to references: [MediaReference]) {
        media[name] = references.isEmpty ? nil : references
        price = nil
    }
}

/// What is wanted of one later stage.
struct StageWish: Codable, Sendable, Equatable {
    /// The stage's input that takes the words.
    var input: String
    var text: String
}

/// A quote as the draft remembers it.
struct FrozenPrice: Codable, Sendable, Equatable {
    var quoteID: QuoteID
    var kopecks: Int64
    var expiresAt: Timestamp
    /// Whether less is taken if the provider takes less; absent in drafts of an older build.
    var isBound: Bool?
    /// By input and option text, in kopecks.
    var deltas: [String: [String: Int64]]
    /// What each stage of one copy costs, where there are several.
    var stages: [QuotedStage]?
    /// A much cheaper run to try first.
    var trial: QuotedTrial?
    /// What a trial has paid already.
    var creditKopecks: Int64?
    /// Others that do the same, where the model has been failing lately.
    var alternatives: [ModelAlternative]?

    init(_ quote: Quote) {
        quoteID = quote.quoteID
        kopecks = quote.priceKopecks
        expiresAt = quote.expiresAt
        isBound = quote.isBound
        deltas = quote.deltas
        stages = quote.stages
        trial = quote.trial
        creditKopecks = quote.creditKopecks
        alternatives = quote.alternatives
    }
}

/// A draft that stopped for want of money and goes on by itself when money arrives.
struct WaitingDraft: Codable, Sendable, Equatable {
    var draft: Draft
    /// What the user had agreed to; a dearer price is asked about.
    var agreedKopecks: Int64
    var since: Timestamp

    /// Whether it is still what the user wants: a day later nobody expects a run to start by itself.
    func isFresh(at now: Timestamp) -> Bool { now - since < .seconds(86_400) }
}
