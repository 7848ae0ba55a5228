internal import Contracts

/// The models that can be sold now, with the look-ups that screens need.
struct Catalogue: Sendable {
    /// Empty before the first answer of generation.
    let revision: String
    let models: [Model]
    /// The operator's prompts with slots.
    var templates: [Template] = []
    /// Whether somebody translates prompts.
    let translatesPrompts: Bool
    private let byNumber: [Int: Model]

    init(_ list: ListModels.Output) {
        revision = list.revision
        models = list.models
        translatesPrompts = list.translatesPrompts ?? false
        byNumber = Dictionary(list.models.map { ($0.number, $0) }) { first, _ in first }
    }

    static let empty = Catalogue(ListModels.Output(revision: "", models: []))

    var isEmpty: Bool { models.isEmpty }

    func model(_ number: Int) -> Model? { byNumber[number] }

    func models(for task: ModelTask, sort: ModelSort = .catalogue) -> [Model] {
        let found = models.filter { $0.tasks.contains(task) }
        switch sort {
        case .catalogue: return found
        case .price: return found.stableSorted { ($0.isFree ? -1 : $0.fromKopecks) < ($1.isFree ? -1 : $1.fromKopecks) }
        case .speed: return found.stableSorted { $0.typicalSeconds < $1.typicalSeconds }
        }
    }

    /// Tasks that at least one model does, in menu order.
    var tasks: [ModelTask] {
        ModelTask.allCases.filter { task in models.contains { $0.tasks.contains(task) } }
    }

    /// The first model to suggest for a task: the cheapest that takes the given files and needs nothing that we would
    /// have to ask for first, if there is one; else the cheapest that takes them. Where words say what is to be done, a
    /// model that takes none comes last, however cheap; so does one that has no room for all of the files.
    ///
    /// - Parameters:
    ///   - maker: Number of the model that made the files, if they are results.
    ///   - asksForWords: Whether the user can still be asked for them, so that a model is not passed over for wanting
    ///     some.
    func suggestion(
        for task: ModelTask,
        media: [MediaReference],
        madeBy maker: Int? = nil,
        text: String?,
        asksForWords: Bool = true
    ) -> Model? {
        let fitting = models(for: task, sort: .price).filter { model in
            media.allSatisfy { file in model.inputs.contains { $0.accepts(file, madeBy: maker) } }
        }
        let heeding = task.isToldInWords ? fitting.filter { $0.mainText != nil } : fitting
        let told = heeding.isEmpty ? fitting : heeding
        let roomy = told.filter { model in
            var draft = Draft(modelNumber: model.number)
            return draft.fill(text: nil, media: media, madeBy: maker, model: model).allSatisfy(\.isAdded)
        }
        let candidates = roomy.isEmpty ? told : roomy
        return candidates.first { model in
            let draft = Draft(modelNumber: model.number).filled(
                text: text,
                media: media,
                madeBy: maker,
                model: model
            )
            return draft.missingInput(of: model, besides: asksForWords ? model.mainText : nil) == nil
        } ?? candidates.first
    }
}

extension Array {
    /// Equal elements keep their order.
    fileprivate func stableSorted(_ areInOrder: (Element, Element) -> Bool) -> [Element] {
        enumerated().sorted { left, right in
            if areInOrder(left.element, right.element) { return true }
            if areInOrder(right.element, left.element) { return false }
            return left.offset < right.offset
        }.map(\.element)
    }
}

extension ModelTask {
    /// Stable number for buttons; never reuse one.
    var number: UInt64 {
        switch self {
        case .textToImage: 1
        case .imageToImage: 2
        case .textToVideo: 3
        case .imageToVideo: 4
        case .videoToVideo: 5
        case .avatar: 6
        case .music: 7
        case .speech: 8
        case .sound: 9
        case .upscale: 10
        case .cleanUp: 11
        case .utility: 12
        case .other: 13
        case .referenceToVideo: 14
        case .transcription: 15
        }
    }

    init?(number: UInt64) {
        guard let task = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = task
    }
}
