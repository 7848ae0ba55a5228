internal import Contracts

/// What a button means, and its text form `v.screen.action.arg.rev[.owner]`: numbers only, at most 64 bytes.
///
/// The form is an interface with messages that are years old: never reuse a code, never change the meaning of an argument.
enum ButtonAction: Sendable, Equatable {
    case home, tasks, sample, continueDraft, help, terms, support, topUp, balance, jobs, settings, language
    case parkedDraft(Int)
    case models(ModelTask, ModelSort, page: Int)
    case model(Int)
    case start(Int)
    /// Take the offer: the suggested model of a task with what was sent.
    case offer(ModelTask)
    case keepOffer
    case composer, otherModels
    case toggleAdvanced, discardDraft, confirmDiscard
    case option(input: Int, page: Int)
    case setOption(input: Int, choice: Int)
    case clear(input: Int)
    case generate, confirmGenerate
    /// Better words for the prompt are asked for, and taken.
    case helpPrompt(PromptHelpKind), useSuggestion
    /// Choose how many runs the confirm makes.
    case copies
    case setCopies(Int)
    /// Add a stage to the draft, or take all later stages off it.
    case addStage(ModelTask)
    case dropStages
    /// Give a later stage words of its own, or the first one's again; by its place among the later ones.
    case stageWish(Int)
    case dropStageWish(Int)
    /// Prompts with slots: the list, one of them, an answer that is offered, no answer.
    case templates
    case template(Int)
    case suggestion(Int)
    case skipSlot
    /// Make the draft's trial first.
    case tryFirst
    /// The same wish with another model, that of the draft or of a job that failed.
    case instead(model: Int)
    case insteadOf(job: UInt64, model: Int)
    case amount(kopecks: Int64)
    case pay(kopecks: Int64, PaymentRail)
    case checkOrder(UInt64)
    case leaveOrder(UInt64)
    case cancelJob(UInt64)
    case showJob(UInt64)
    case again(UInt64)
    case edit(UInt64)
    case follow(ModelTask, job: UInt64, asset: Int)
    /// The full run of a trial.
    case inFull(UInt64)
    /// One of `Follow.chains` with a result.
    case chain(Int, job: UInt64, asset: Int)
    case asset(job: UInt64, asset: Int)
    case original(job: UInt64, asset: Int)
    case history(page: Int)
    case setLanguage(Language)
    case setConfirmLimit(Int)
    /// A disabled button, e.g. the end of a list.
    case nothing

    /// Whether the button only makes sense for the draft that it was drawn for.
    var isBoundToDraft: Bool {
        switch self {
        case .generate, .confirmGenerate, .copies, .setCopies, .addStage, .dropStages, .tryFirst,
            .templates, .template, .suggestion, .skipSlot, .instead, .stageWish, .dropStageWish,
            .option, .setOption, .clear, .toggleAdvanced, .discardDraft,
            .confirmDiscard, .helpPrompt, .useSuggestion:
            true
        default: false
        }
    }
}

/// A button's data taken apart.
struct CallbackData: Sendable, Equatable {
    var action: ButtonAction
    /// Of the draft that the button was drawn for, modulo 3,844. Nil (written `_`) on messages other than the panel:
    /// their buttons never go stale, and the panel comes down to the reader when one is pressed.
    var revision: UInt64?
    /// In groups: whose button it is.
    var owner: UserID?

    /// Version of the form.
    static let version = "1"
    /// Two characters of base 62.
    static let revisionModulus: UInt64 = 3_844

    /// - Parameter draftSerial: Nil for buttons outside the panel.
    init(_ action: ButtonAction, draftSerial: Int64?, owner: UserID? = nil) {
        self.action = action
        self.revision = draftSerial.map(Self.revision(of:))
        self.owner = owner
    }

    /// What a panel button carries while the drafts stand at this serial.
    static func revision(of draftSerial: Int64) -> UInt64 { UInt64(clamping: draftSerial) % revisionModulus }

    /// Reads what a client sent; nil for anything that we never wrote.
    init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 5 || parts.count == 6, parts[0] == Self.version else { return nil }
        if parts[4] != "_" {
            guard let revision = ShortCode.number(parts[4]) else { return nil }
            self.revision = revision
        }
        var arguments: [UInt64] = []
        for piece in parts[3].isEmpty ? [] : parts[3].split(separator: "-", omittingEmptySubsequences: false) {
            guard let number = ShortCode.number(piece), number <= UInt64(Int64.max) else { return nil }
            arguments.append(number)
        }
        guard let action = ButtonAction(code: parts[1] + "." + parts[2], arguments: arguments) else { return nil }
        self.action = action
        if parts.count == 6 {
            guard let owner = ShortCode.number(parts[5]).flatMap({ Int64(exactly: $0) }) else { return nil }
            self.owner = owner
        }
    }

    var text: String {
        let (code, arguments) = action.coded
        let list = arguments.map { ShortCode.text($0) }.joined(separator: "-")
        let tail = owner.map { "." + ShortCode.text(UInt64(clamping: $0)) } ?? ""
        return "\(Self.version).\(code).\(list).\(revision.map(ShortCode.text) ?? "_")\(tail)"
    }
}
