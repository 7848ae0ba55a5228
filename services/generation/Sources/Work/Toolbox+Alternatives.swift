internal import Contracts
internal import ModelCatalogue

/// Others that do the same, offered where a model is not sold, ails or has failed. The user chooses; nothing is switched.
extension Toolbox {
    /// The refusal of a model or one of its rows, with others that can do the same and what they would cost.
    func unavailable(_ entry: ModelEntry, reason: String, _ detail: String, for wish: CreateQuote.Input?) -> Problem {
        var members: [String: JSONValue] = ["reason": .string(reason)]
        if let wish {
            members["alternatives"] = .array(
                alternatives(to: entry, for: wish).map {
                    ["model_number": .integer(Int64($0.modelNumber)), "price_kopecks": .integer($0.priceKopecks)]
                }
            )
        }
        return Problem(.modelUnavailable, detail, members: members)
    }

    /// Healthy models for the same task, the cheapest first, each with the price of the whole confirm.
    func alternatives(to entry: ModelEntry, for wish: CreateQuote.Input) -> [ModelAlternative] {
        let (catalogue, control) = models.current
        let statistics = models.statistics
        let others = catalogue.alternatives(
            to: entry,
            inputs: wish.inputs,
            media: wish.media,
            configuration.pricing,
            control,
            isAiling: statistics.isAiling
        )
        return others.compactMap { whole($0, wish) }
    }

    /// Others for a run by itself that failed and not because of what the user gave; nil if there are none.
    func alternatives(afterFailureOf job: JobRow) -> [ModelAlternative]? {
        guard job.seat == nil, job.progress.verdict == .failed,
            [.provider, .timeout, .unknown, nil].contains(job.progress.failure),
            let entry = catalogue.entry(named: job.modelSlug)
        else { return nil }
        // Defaults are this model's own, no wish.
        let wishes = job.inputs.values.filter { name, value in value != entry.input(name)?.input.defaultValue }
        let offers = alternatives(
            to: entry,
            for: CreateQuote.Input(
                userID: job.userID,
                modelNumber: job.modelNumber,
                inputs: wishes,
                media: job.inputs.media
            )
        )
        return offers.isEmpty ? nil : offers
    }

    /// The offer with all copies and later stages; nil if these can't go on from it.
    private func whole(_ offer: ModelAlternative, _ wish: CreateQuote.Input) -> ModelAlternative? {
        guard var previous = catalogue.entry(offer.modelNumber) else { return nil }
        var kopecks = offer.priceKopecks
        for next in wish.then ?? [] {
            guard let entry = try? sellable(next.modelNumber),
                let stage = try? StagePricing(tools: self).later(entry, next, after: previous)
            else { return nil }
            kopecks += stage.priceKopecks
            previous = entry
        }
        return ModelAlternative(modelNumber: offer.modelNumber, priceKopecks: kopecks * Int64(wish.copies ?? 1))
    }
}
