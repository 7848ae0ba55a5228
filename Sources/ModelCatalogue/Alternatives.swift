package import Contracts

extension Catalogue {
    /// Models that do the same as one that is in trouble, with their price for the same words and files; the cheapest first.
    ///
    /// The same: the first task and the kind of output are equal, and the model takes what was given. Words go to the input
    /// that takes words, files to inputs of their kind, settings only where the other model has them under that name.
    ///
    /// - Parameters:
    ///   - isAiling: Whether a model is in trouble too; such a one is not offered.
    ///   - limit: How many at most.
    package func alternatives(
        to entry: ModelEntry,
        inputs: [String: JSONValue],
        media: [String: [MediaReference]],
        _ pricing: Pricing,
        _ control: SalesControl,
        atMost limit: Int = 3,
        isAiling: (String) -> Bool
    ) -> [ModelAlternative] {
        let words = (inputs["prompt"] ?? inputs["text"])?.string
        let files = media.sorted { $0.key < $1.key }.flatMap(\.value)
        let offers = entries.compactMap { other -> ModelAlternative? in
            guard other.slug != entry.slug, other.output == entry.output, other.tasks.first == entry.tasks.first,
                obstacle(to: other, control) == nil, !isAiling(other.slug),
                let run = other.run(like: inputs, words: words, files: files),
                let price = pricing.price(of: run, other),
                !other.isRowStopped(run, control)
            else { return nil }
            return ModelAlternative(modelNumber: other.number, priceKopecks: price)
        }
        return Array(
            offers.sorted { ($0.priceKopecks, $0.modelNumber) < ($1.priceKopecks, $1.modelNumber) }.prefix(limit)
        )
    }
}

extension ModelEntry {
    fileprivate func isRowStopped(_ run: RunInputs, _ control: SalesControl) -> Bool {
        price?.row(for: run).map { control.stopped[SalesControl.key(slug, row: $0.name)] != nil } ?? true
    }

    /// A run of this model with what was given to another one; nil if it can't be.
    fileprivate func run(like given: [String: JSONValue], words: String?, files: [MediaReference]) -> RunInputs? {
        var values: [String: JSONValue] = [:]
        var media: [String: [MediaReference]] = [:]
        var left = files
        for facts in inputs {
            let input = facts.input
            switch input.kind {
            case .file, .files:
                let most = input.kind == .file ? 1 : input.maximumItems ?? 1
                let fitting = left.filter { $0.kind == input.media }.prefix(most)
                guard facts.sends == .address, !fitting.isEmpty else { continue }
                media[input.name] = Array(fitting)
                left.removeAll { fitting.contains($0) }
            case .text where input.name == "prompt" || input.name == "text":
                values[input.name] = words.map { .string($0) }
            default:
                guard let value = given[input.name], InputValidation.problem(with: value, for: facts) == nil else {
                    continue
                }
                values[input.name] = value
            }
        }
        // What was given and has no place here would be lost without a word.
        guard left.isEmpty, words == nil || values["prompt"] != nil || values["text"] != nil else { return nil }
        guard case .success(let run) = InputValidation.check(self, inputs: values, media: media) else { return nil }
        return run
    }
}
