internal import Contracts

/// Only what has a price for every choice that users have may be sold.
package enum PriceCheck {
    /// More combinations of priced options than this are a mistake in the file.
    private static let maximumCombinations = 10_000

    static func check(_ price: PriceTable, of entry: ModelEntry) throws(FieldComplaint) {
        guard price.unit != .megapixel || entry.isFree else {
            throw FieldComplaint(
                path: [.member("price"), .member("unit")],
                reason: "is not known before the run, so the model can't be sold"
            )
        }
        try checkQuantity(price, entry)
        for (index, row) in price.rows.enumerated() {
            let path: [JSONLocator.Part] = [.member("price"), .member("rows"), .element(index), .member("when")]
            try CatalogueCheck.checkConditions(row.when, entry, at: path)
        }
        for (index, extra) in price.surcharges.enumerated() where entry.input(extra.input)?.input.kind != .files {
            throw FieldComplaint(
                path: [.member("price"), .member("surcharges"), .element(index), .member("input")],
                reason: "must name an input of files"
            )
        }
        try checkEveryCombination(price, entry)
    }

    private static func checkQuantity(_ price: PriceTable, _ entry: ModelEntry) throws(FieldComplaint) {
        let path: [JSONLocator.Part] = [.member("price"), .member("quantity")]
        guard price.quantity.isEmpty != price.unit.needsQuantity || price.unit == .image else {
            throw FieldComplaint(
                path: path,
                reason: price.unit.needsQuantity ? "must name an input" : "belongs to another unit"
            )
        }
        for name in price.quantity {
            guard let facts = entry.input(name) else {
                throw FieldComplaint(path: path, reason: "must name an input, \(name) is none")
            }
            guard isCountable(facts, price) else {
                throw FieldComplaint(
                    path: path,
                    reason: "must name what tells a number before the run; \(name) may not"
                )
            }
        }
    }

    /// Whether a valid run always has a number of units, or the bound stands for it.
    private static func isCountable(_ facts: InputFacts, _ price: PriceTable) -> Bool {
        let input = facts.input
        let isKnown = input.isRequired || input.defaultValue != nil
        switch input.kind {
        case .text: return price.unit == .thousandCharacters && input.isRequired
        case .file, .files:
            let isTimed = input.media == .video || input.media == .audio
            return isTimed && price.bound != nil && price.unit != .thousandCharacters
        case .integer, .number: return isKnown && ((input.minimum ?? 0) >= 1 || price.bound != nil)
        case .choice:
            let numbers = input.options.map { $0.integer ?? $0.string.flatMap { Int64($0) } }
            return isKnown && !numbers.contains(nil)
                && (price.bound != nil || numbers.allSatisfy { ($0 ?? 0) > 0 })
        case .boolean: return false
        }
    }

    private static func checkEveryCombination(_ price: PriceTable, _ entry: ModelEntry) throws(FieldComplaint) {
        let path: [JSONLocator.Part] = [.member("price"), .member("rows")]
        for name in Set(price.rows.flatMap(\.when.keys)).sorted() {
            guard let input = entry.input(name)?.input, input.kind == .choice else { continue }
            guard input.defaultValue != nil || input.isRequired else {
                throw FieldComplaint(path: path, reason: "depend on \(name), which may be absent")
            }
        }
        let names = Set(price.rows.flatMap(\.when.keys)).union(entry.impossible.flatMap(\.keys)).sorted()
        for run in combinations(of: names, entry) where price.row(for: run) == nil {
            let shown = names.filter { name in price.rows.contains { $0.when[name] != nil } }
                .map { "\($0)=\(state(of: $0, in: run))" }
            throw FieldComplaint(path: path, reason: "have no price for \(shown.joined(separator: ", "))")
        }
        // Equally narrow rows that both apply would leave the price to chance.
        for run in combinations(of: names, entry) {
            let fitting = price.rows.filter { $0.when.allSatisfy { run.meets($0.key, $0.value) } }
            let most = fitting.map(\.when.count).max() ?? 0
            let best = fitting.filter { $0.when.count == most }
            guard best.count < 2 else {
                throw FieldComplaint(path: path, reason: "\(best[0].name) and \(best[1].name) apply to the same choice")
            }
        }
    }

    private static func state(of name: String, in run: RunInputs) -> String {
        run.values[name].map { InputValidation.optionText($0) } ?? (run.has(name) ? "true" : "false")
    }

    /// Every reachable combination of the states of inputs.
    private static func combinations(of names: [String], _ entry: ModelEntry) -> [RunInputs] {
        var runs = [RunInputs()]
        for name in names {
            guard let input = entry.input(name)?.input else { continue }
            runs = runs.flatMap { run in input.states.map { run.with($0, for: input) } }
            guard runs.count <= maximumCombinations else { break }
        }
        return runs.filter { run in
            entry.impossible(run) == nil
                && entry.inputs.allSatisfy { facts in
                    !names.contains(facts.input.name) || !facts.input.isRequired || facts.input.kind == .choice
                        || run.has(facts.input.name)
                }
        }
    }

    /// How many priced choices users have: reachable combinations of everything that changes the price, the lengths
    /// that are offered as options included.
    package static func combinationCount(_ entry: ModelEntry) -> Int {
        guard let price = entry.price else { return 0 }
        let priced = Set(price.rows.flatMap(\.when.keys)).union(price.quantity)
        let names = priced.union(entry.impossible.filter { !priced.isDisjoint(with: $0.keys) }.flatMap(\.keys))
        let runs = combinations(of: names.sorted(), entry)
        return Set(
            runs.map { run in
                priced.sorted().map { "\($0)=\(state(of: $0, in: run))" }.joined(separator: " ")
            }
        ).count
    }
}

extension RunInputs {
    /// The same run with an input in a state.
    fileprivate func with(_ state: JSONValue, for input: ModelInput) -> RunInputs {
        var run = self
        switch input.kind {
        case .text where state == true: run.values[input.name] = "text"
        case .file where state == true, .files where state == true:
            let file = MediaReference(telegramFileID: "file", kind: input.media ?? .image, durationSeconds: 1)
            run.media[input.name] = [file]
        case .choice where state != false, .boolean: run.values[input.name] = state
        case .text, .file, .files, .choice, .integer, .number: break
        }
        return run
    }
}
