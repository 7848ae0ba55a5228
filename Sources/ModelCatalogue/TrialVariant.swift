package import Contracts

/// A much cheaper run of the same model, to see what the dear one would be like.
package enum TrialVariant {
    /// Inputs that only say how fine the result is. What differs in these alone is the same wish.
    package static let qualityInputs: Set<String> = [
        "resolution", "quality", "rendering_speed", "mode", "model", "enable_pro",
    ]

    /// The values that turn a run into its cheapest trial; nil if none costs at most half, or the model works on what is
    /// there already (enlarging in small is no preview).
    ///
    /// One quality input is changed. Where the model takes a seed and the user chose none, the trial gets one, so that the
    /// full run starts from the same.
    ///
    /// - Parameter seed: Any number.
    package static func values(of entry: ModelEntry, chosen run: RunInputs, _ pricing: Pricing, seed: UInt32)
        -> [String: JSONValue]?
    {
        guard !entry.isFree, Set(entry.tasks).isDisjoint(with: [.upscale, .cleanUp, .utility, .transcription]),
            let full = pricing.price(of: run, entry)
        else { return nil }
        var best: (price: Int64, name: String, value: JSONValue)?
        for input in entry.inputs.map(\.input) where qualityInputs.contains(input.name) {
            for option in input.alternatives where option != run.values[input.name] {
                var other = run
                other.values[input.name] = option
                guard InputValidation.problemsTogether(other, entry).isEmpty,
                    let price = pricing.price(of: other, entry),
                    price * 2 <= full, price > 0, price < best?.price ?? .max
                else { continue }
                best = (price, input.name, option)
            }
        }
        guard let best else { return nil }
        var values = [best.name: best.value]
        if let facts = entry.input("seed"), facts.input.kind == .integer, run.values["seed"] == nil {
            let least = Int64(facts.input.minimum ?? 1)
            let most = min(Int64(facts.input.maximum ?? 2_147_483_647), 2_147_483_647)
            if least <= most { values["seed"] = .integer(least + Int64(seed) % (most - least + 1)) }
        }
        return values
    }

    /// Whether two runs are the same wish, one of them finer.
    package static func isSameWish(_ one: RunInputs, _ other: RunInputs) -> Bool {
        one.media == other.media
            && one.values.filter { !qualityInputs.contains($0.key) }
                == other.values.filter { !qualityInputs.contains($0.key) }
    }
}

extension Pricing {
    /// How much of a trial's charge is taken off the full run: all of it, as far as both together still earn the floor
    /// margin.
    ///
    /// - Parameters:
    ///   - charged: What the trial's user paid, in kopecks.
    ///   - full: The full run's price without a trial.
    ///   - microdollars: What both runs cost us together.
    package func credit(charged: Int64, full: Int64, microdollars: Int64) -> Int64 {
        max(0, min(charged, full, charged + full - leastKopecks(microdollars)))
    }
}
