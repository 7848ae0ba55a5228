internal import Contracts

/// What must hold in a model file beyond the form of each member.
enum CatalogueCheck {
    /// More combinations of priced options than this are a mistake in the file.
    private static let maximumCombinations = 10_000

    static func check(_ entry: ModelEntry) throws(FieldComplaint) {
        try checkNames(entry)
        for (index, facts) in entry.inputs.enumerated() {
            try check(facts, at: [.member("inputs"), .element(index)])
        }
        try checkPrice(entry)
    }

    private static func checkNames(_ entry: ModelEntry) throws(FieldComplaint) {
        guard !entry.tasks.isEmpty, !entry.tasks.contains(.other) else {
            throw FieldComplaint(path: [.member("tasks")], reason: "must name at least one task of the menu")
        }
        guard entry.createPath.hasPrefix("/api/") else {
            throw FieldComplaint(path: [.member("route"), .member("create")], reason: "must begin with /api/")
        }
        var seen = Set(entry.fixed.keys)
        for (index, facts) in entry.inputs.enumerated() where !seen.insert(facts.input.name).inserted {
            throw FieldComplaint(
                path: [.member("inputs"), .element(index), .member("name")],
                reason: "is used twice or is fixed"
            )
        }
    }

    private static func check(_ facts: InputFacts, at path: [JSONLocator.Part]) throws(FieldComplaint) {
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
        case .file, .files:
            guard input.media != nil else { throw complaint("media", "is needed for files") }
            guard (input.maximumFileMegabytes ?? 0) > 0 else { throw complaint("maximum_file_megabytes", "is needed") }
            guard input.kind == .file || (input.maximumItems ?? 0) > 0 else {
                throw complaint("maximum_items", "is needed")
            }
        }
        if let value = input.defaultValue, InputValidation.problem(with: value, for: facts) != nil {
            throw complaint("default", "is not a value that the input takes")
        }
    }

    private static func checkPrice(_ entry: ModelEntry) throws(FieldComplaint) {
        let price = entry.price
        guard price.unit != .megapixel || entry.isFree else {
            throw FieldComplaint(
                path: [.member("price"), .member("unit")],
                reason: "is not known before the run, so the model can't be sold"
            )
        }
        try checkQuantity(entry)
        for (index, row) in price.rows.enumerated() {
            for (name, value) in row.when {
                guard let input = entry.input(name)?.input, values(of: input)?.contains(value) == true else {
                    throw FieldComplaint(
                        path: [.member("price"), .member("rows"), .element(index), .member("when"), .member(name)],
                        reason: "is not a value of a choice or boolean input"
                    )
                }
            }
        }
        try checkEveryCombinationIsPriced(entry)
    }

    private static func checkQuantity(_ entry: ModelEntry) throws(FieldComplaint) {
        let path: [JSONLocator.Part] = [.member("price"), .member("quantity")]
        guard entry.price.unit.isMultiplied else {
            guard entry.price.quantityInput == nil else {
                throw FieldComplaint(path: path, reason: "belongs to another unit")
            }
            return
        }
        guard let input = entry.price.quantityInput.flatMap({ entry.input($0) })?.input else {
            throw FieldComplaint(path: path, reason: "must name an input")
        }
        let isKnown = input.isRequired || input.defaultValue != nil
        let isCountable =
            entry.price.unit == .thousandCharacters
            ? input.kind == .text
            : input.kind == .integer
                || input.kind == .choice
                    && input.options.allSatisfy { ($0.integer ?? $0.string.flatMap { Int64($0) } ?? 0) > 0 }
        guard isKnown && isCountable else {
            throw FieldComplaint(path: path, reason: "must name a number that is always there")
        }
    }

    /// Only what has a price for every choice that users have may be sold.
    private static func checkEveryCombinationIsPriced(_ entry: ModelEntry) throws(FieldComplaint) {
        let names = Set(entry.price.rows.flatMap(\.when.keys)).sorted()
        var combinations: [[String: JSONValue]] = [[:]]
        for name in names {
            guard let input = entry.input(name)?.input, let values = values(of: input) else { continue }
            guard input.defaultValue != nil || input.isRequired else {
                throw FieldComplaint(
                    path: [.member("price"), .member("rows")],
                    reason: "depend on \(name), which may be absent"
                )
            }
            combinations = combinations.flatMap { chosen in
                values.map { value in chosen.merging([name: value]) { $1 } }
            }
            guard combinations.count <= maximumCombinations else { break }
        }
        for inputs in combinations where entry.price.row(for: inputs) == nil {
            let shown = names.map { "\($0)=\(inputs[$0].map { InputValidation.optionText($0) } ?? "")" }
            throw FieldComplaint(
                path: [.member("price"), .member("rows")],
                reason: "have no price for \(shown.joined(separator: ", "))"
            )
        }
    }

    private static func values(of input: ModelInput) -> [JSONValue]? {
        switch input.kind {
        case .choice: input.options
        case .boolean: [false, true]
        default: nil
        }
    }
}
