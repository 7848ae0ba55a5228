internal import Contracts

/// What the composer needs to know about a model's inputs.
extension ModelInput {
    /// Whether a file may go into this input.
    ///
    /// - Parameter maker: Number of the model that made the file, if it is a result; some inputs only take the results
    ///   of certain models.
    func accepts(_ file: MediaReference, madeBy maker: Int? = nil) -> Bool {
        guard kind == .file || kind == .files, media == file.kind else { return false }
        guard let makers = madeBy else { return true }
        return file.telegramFileID == nil && maker.map(makers.contains) ?? false
    }

    /// Whether Telegram lets us read the file and the model takes its size; nil if it fits, else the limit in megabytes.
    func exceededMegabytes(_ file: MediaReference) -> Int? {
        guard let bytes = file.sizeBytes, file.telegramFileID != nil else { return nil }
        let limit = min(maximumFileMegabytes ?? Self.telegramReadableMegabytes, Self.telegramReadableMegabytes)
        return bytes > Int64(limit) << 20 ? limit : nil
    }

    /// The largest file that a bot can read (Bot API `getFile`).
    static let telegramReadableMegabytes = 20

    /// How many files fit.
    var capacity: Int { kind == .files ? maximumItems ?? 10 : 1 }

    /// Whether the user picks from buttons.
    var isChip: Bool {
        switch kind {
        case .choice: options.count > 1
        case .boolean, .integer, .number: true
        case .text, .file, .files: false
        }
    }

    /// Whether a value that was meant for another model's input of this name may stand here too.
    func takes(_ value: JSONValue) -> Bool {
        switch kind {
        case .choice: options.contains(value)
        case .boolean: value.bool != nil
        case .integer, .number:
            value.number.map { $0 >= minimum ?? $0 && $0 <= maximum ?? $0 } == true
                && (kind == .number || value.integer != nil)
        case .text: value.string.map { $0.unicodeScalars.count <= maximumLength ?? .max } == true
        case .file, .files: false
        }
    }

    /// The values that buttons offer.
    var choices: [JSONValue] {
        switch kind {
        case .choice: options
        case .boolean: [.bool(true), .bool(false)]
        case .integer, .number: numberChoices
        case .text, .file, .files: []
        }
    }

    /// The bounds, the default and a few steps between.
    private var numberChoices: [JSONValue] {
        guard let minimum, let maximum, minimum <= maximum else { return defaultValue.map { [$0] } ?? [] }
        if kind == .integer, maximum - minimum <= 15, let low = Int64(exactly: minimum.rounded(.up)),
            let high = Int64(exactly: maximum.rounded(.down)), low <= high
        {
            return (low...high).map { .integer($0) }
        }
        var values = (0...4).map { minimum + (maximum - minimum) * Double($0) / 4 }
        if let standard = defaultValue?.number { values.append(standard) }
        if kind == .integer { values = values.map { $0.rounded() } }
        return Set(values).sorted().map { kind == .integer ? .integer(Int64($0)) : .number($0) }
    }
}

extension Model {
    /// Inputs that have a button of their own in the composer, with their places: choices, switches, numbers, and texts
    /// beside the prompt.
    var optionInputs: [(offset: Int, element: ModelInput)] {
        inputs.enumerated().filter { $0.element.isChip || $0.element.kind == .text && $0.element != mainText }
    }

    /// The text input that a typed message fills: the prompt.
    var mainText: ModelInput? {
        inputs.first { $0.kind == .text && $0.name == "prompt" }
            ?? inputs.first { $0.kind == .text && $0.isRequired } ?? inputs.first { $0.kind == .text && !$0.isAdvanced }
    }

    /// Place of an input in the list; what buttons carry.
    func index(of input: ModelInput) -> Int { inputs.firstIndex(of: input) ?? 0 }
}

extension Draft {
    /// The first required input that has neither a value nor a default.
    ///
    /// - Parameter exempt: One that is left out of account.
    func missingInput(of model: Model, besides exempt: ModelInput? = nil) -> ModelInput? {
        model.inputs.first { input in
            guard input != exempt else { return false }
            return switch input.kind {
            case .file: input.isRequired && (media[input.name] ?? []).isEmpty
            case .files:
                (media[input.name] ?? []).count < (input.minimumItems ?? 0)
                    && (input.isRequired || !(media[input.name] ?? []).isEmpty)
                    || input.isRequired && (media[input.name] ?? []).isEmpty
            case .text, .choice, .integer, .number, .boolean:
                input.isRequired && value(of: input) == nil
            }
        }
    }

    /// What will be sent for an input: the user's value, else the default.
    func value(of input: ModelInput) -> JSONValue? {
        if let value = inputs[input.name], value.string != "" { return value }
        guard let standard = input.defaultValue, standard != .null, standard.string != "" else { return nil }
        return standard
    }

    /// The prompt, if there is one.
    func prompt(of model: Model) -> String? {
        model.mainText.flatMap { inputs[$0.name]?.string }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A copy with the text as the prompt and each file in the first input that takes it.
    ///
    /// - Parameter maker: Number of the model that made those files which are results.
    func filled(text: String?, media files: [MediaReference], madeBy maker: Int? = nil, model: Model) -> Draft {
        var draft = self
        _ = draft.fill(text: text, media: files, madeBy: maker, model: model)
        return draft
    }

    /// The same in place. Says what became of each file; one that finds no room does not push out another.
    mutating func fill(
        text: String?,
        media files: [MediaReference],
        madeBy maker: Int? = nil,
        model: Model
    ) -> [Placement] {
        self.maker = maker ?? self.maker
        if let text, let main = model.mainText { set(main.name, to: .string(text)) }
        return files.map { file in
            var tried = self
            let placement = tried.place(file, in: model)
            if case .replaced = placement { return placement }
            self = tried
            return placement
        }
    }

    /// What became of a file.
    enum Placement: Sendable, Equatable {
        case added(ModelInput)
        /// The input was full; its last file was exchanged.
        case replaced(ModelInput)
        case tooLarge(megabytes: Int)
        case notTaken

        var isAdded: Bool { if case .added = self { true } else { false } }
    }

    /// Puts a file where it belongs: a required input that is empty, else any with room, else in place of the last one.
    mutating func place(_ file: MediaReference, in model: Model) -> Placement {
        let takers = model.inputs.filter { $0.accepts(file, madeBy: maker) }
        guard !takers.isEmpty else { return .notTaken }
        let fitting = takers.filter { $0.exceededMegabytes(file) == nil }
        guard let first = fitting.first else {
            return .tooLarge(megabytes: takers.compactMap { $0.exceededMegabytes(file) }.max() ?? 0)
        }
        func count(_ input: ModelInput) -> Int { (media[input.name] ?? []).count }
        let target =
            fitting.first { $0.isRequired && count($0) == 0 } ?? fitting.first { count($0) < $0.capacity }
        if let target {
            setMedia(target.name, to: (media[target.name] ?? []) + [file])
            return .added(target)
        }
        setMedia(first.name, to: (media[first.name] ?? []).dropLast() + [file])
        return .replaced(first)
    }

    /// The same wishes for another model: what fits goes along, the prompt first of all.
    func carried(to model: Model, from old: Model?) -> Draft {
        var draft = Draft(modelNumber: model.number)
        let prompt = old.flatMap { self.prompt(of: $0) } ?? (inputs["prompt"] ?? inputs["text"])?.string
        let files = media.sorted { $0.key < $1.key }.flatMap(\.value)
        draft = draft.filled(text: prompt, media: files, madeBy: maker, model: model)
        for input in model.inputs where input != model.mainText {
            if let value = inputs[input.name], input.takes(value) { draft.set(input.name, to: value) }
        }
        // Chains begin with a picture; a model that has left the catalogue can't be asked.
        if (old?.output ?? .image) == model.output { (draft.then, draft.wishes) = (then, wishes) }
        if let copies, draft.copyChoices(of: model).contains(copies) { draft.copies = copies }
        draft.promptMessageID = promptMessageID
        draft.promptAt = promptAt
        draft.isJoined = isJoined
        return draft
    }
}
