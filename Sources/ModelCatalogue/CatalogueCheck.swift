package import Contracts

/// What must hold in a model file beyond the form of each member.
enum CatalogueCheck {
    static func check(_ entry: ModelEntry) throws(FieldComplaint) {
        try checkNames(entry)
        try checkTimes(entry)
        for (index, facts) in entry.inputs.enumerated() {
            try InputCheck.check(facts, at: [.member("inputs"), .element(index)])
        }
        for (index, rule) in entry.impossible.enumerated() {
            try checkConditions(rule, entry, at: [.member("impossible"), .element(index)])
        }
        if let price = entry.price { try PriceCheck.check(price, of: entry) }
        try checkSample(entry)
    }

    private static func checkNames(_ entry: ModelEntry) throws(FieldComplaint) {
        guard !entry.tasks.isEmpty, !entry.tasks.contains(.other) else {
            throw FieldComplaint(path: [.member("tasks")], reason: "must name at least one task of the menu")
        }
        guard entry.route.create.hasPrefix("/api/") else {
            throw FieldComplaint(path: [.member("route"), .member("create")], reason: "must begin with /api/")
        }
        guard RequestTemplate.isSound(.object(entry.fixed)) else {
            throw FieldComplaint(
                path: [.member("fixed")],
                reason: "hold a template that is none: $input, or $each and $as"
            )
        }
        for name in RequestTemplate.inputs(in: .object(entry.fixed)).sorted() where entry.input(name) == nil {
            throw FieldComplaint(path: [.member("fixed")], reason: "use the input \(name), which is none")
        }
        var seen = Set(entry.fixed.keys)
        for (index, facts) in entry.inputs.enumerated() where !seen.insert(facts.input.name).inserted {
            throw FieldComplaint(
                path: [.member("inputs"), .element(index), .member("name")],
                reason: "is used twice or is fixed"
            )
        }
    }

    private static func checkTimes(_ entry: ModelEntry) throws(FieldComplaint) {
        guard entry.typicalSeconds <= entry.promisedSeconds, entry.promisedSeconds <= entry.hardLimitSeconds else {
            throw FieldComplaint(
                path: [.member("promised_seconds")],
                reason: "must lie between typical_seconds and hard_limit_seconds"
            )
        }
    }

    /// Conditions speak of inputs that exist, with values that they can have.
    static func checkConditions(
        _ conditions: [String: JSONValue],
        _ entry: ModelEntry,
        at path: [JSONLocator.Part]
    ) throws(FieldComplaint) {
        for (name, value) in conditions {
            guard let input = entry.input(name)?.input, input.states.contains(value) else {
                throw FieldComplaint(
                    path: path + [.member(name)],
                    reason: "is not a value of an input that has few: a choice, a switch, or true and false for given"
                )
            }
        }
    }

    /// The sample is what users are shown and smoke runs send: it must be valid.
    private static func checkSample(_ entry: ModelEntry) throws(FieldComplaint) {
        let path: [JSONLocator.Part] = [.member("sample")]
        for (index, name) in entry.sample.media.enumerated() where entry.input(name)?.input.media == nil {
            throw FieldComplaint(path: path + [.member("media"), .element(index)], reason: "is not a file input")
        }
        let media = entry.sampleMedia { kind, _ in MediaReference(telegramFileID: "sample", kind: kind) }
        switch InputValidation.check(entry, inputs: entry.sample.inputs, media: media) {
        case .success: return
        case .failure(let problems):
            // A file that must be an earlier result can't be had without one.
            let wrong = problems.list.first { entry.input($0.name)?.sends != .task }
            guard let wrong else { return }
            throw FieldComplaint(
                path: path + [.member("inputs"), .member(wrong.name)],
                reason: "is \(wrong.reason.rawValue) for \(wrong.name)"
            )
        }
    }
}

extension ModelEntry {
    /// Files for a sample run: what is required, and what the sample names.
    ///
    /// - Parameter file: A file of a kind, for an input.
    package func sampleMedia(_ file: (MediaKind, InputFacts) -> MediaReference) -> [String: [MediaReference]] {
        var media: [String: [MediaReference]] = [:]
        for facts in inputs {
            guard let kind = facts.input.media, facts.input.isRequired || sample.media.contains(facts.input.name) else {
                continue
            }
            let count = max(1, facts.input.minimumItems ?? 1)
            media[facts.input.name] = (0..<count).map { _ in file(kind, facts) }
        }
        return media
    }
}

extension ModelInput {
    /// The values that conditions may name: an option, the position of a switch, given or not.
    var states: [JSONValue] {
        switch kind {
        case .choice: isRequired || defaultValue != nil ? options : options + [false]
        case .boolean, .text, .file, .files: [false, true]
        case .integer, .number: []
        }
    }
}

/// Checks an element of `inputs`.
enum InputCheck {
    static func check(_ facts: InputFacts, at path: [JSONLocator.Part]) throws(FieldComplaint) {
        let input = facts.input
        func complaint(_ member: String, _ reason: String) -> FieldComplaint {
            FieldComplaint(path: path + [.member(member)], reason: reason)
        }
        switch input.kind {
        case .text:
            guard (input.maximumLength ?? 0) > 0 else { throw complaint("maximum_length", "is needed for text") }
        case .choice:
            guard !input.options.isEmpty, Set(input.options).count == input.options.count else {
                throw complaint("options", "must be different values, at least one")
            }
            guard input.optionLabels.map({ $0.count == input.options.count }) ?? true else {
                throw complaint("option_labels", "must be one for each option")
            }
        case .integer, .number:
            guard let low = input.minimum, let high = input.maximum, low <= high else {
                throw complaint("minimum", "and maximum are needed for numbers")
            }
        case .boolean: break
        case .file, .files: try checkFile(facts, complaint)
        }
        if let value = input.defaultValue, InputValidation.problem(with: value, for: facts) != nil {
            throw complaint("default", "is not a value that the input takes")
        }
    }

    private static func checkFile(
        _ facts: InputFacts,
        _ complaint: (String, String) -> FieldComplaint
    ) throws(FieldComplaint) {
        let input = facts.input
        guard input.media != nil else { throw complaint("media", "is needed for files") }
        guard (input.maximumFileMegabytes ?? 0) > 0 else { throw complaint("maximum_file_megabytes", "is needed") }
        guard input.kind == .file || (input.maximumItems ?? 0) > 0 else {
            throw complaint("maximum_items", "is needed")
        }
        guard facts.sends == .address || !facts.from.isEmpty else {
            throw complaint("from", "must name the models whose results are taken")
        }
    }
}
