package import Contracts

/// Turns the provider's dollars into the user's kopecks. Whole numbers only; every step rounds up.
package struct Pricing: Sendable, Equatable {
    /// Kopecks that one US dollar costs.
    package var kopecksPerDollar: Int64
    /// The price as thousandths of the cost: 2,000 doubles it.
    package var markupThousandths: Int64
    /// What a paid run earns at least, however cheap it is.
    package var minimumMarginKopecks: Int64
    /// The share of the price that is earned at least, in percent; 0...90.
    package var minimumMarginPercent: Int64

    package init(
        kopecksPerDollar: Int64,
        markupThousandths: Int64,
        minimumMarginKopecks: Int64,
        minimumMarginPercent: Int64 = 20
    ) {
        self.kopecksPerDollar = kopecksPerDollar
        self.markupThousandths = markupThousandths
        self.minimumMarginKopecks = minimumMarginKopecks
        self.minimumMarginPercent = minimumMarginPercent
    }

    /// The user's price of a run.
    ///
    /// The dearest of three: cost times markup, cost that leaves the least share, cost plus the least sum. Above one
    /// rouble it is rounded up to whole roubles, because nobody wants to pay 7.37.
    ///
    /// - Parameter microdollars: What the provider takes, in millionths of a US dollar.
    package func kopecks(_ microdollars: Int64) -> Int64 {
        let cost = Int128(microdollars) * Int128(kopecksPerDollar)
        let marked = Self.dividedUp(cost * Int128(markupThousandths), by: 1_000_000_000)
        let share = Self.dividedUp(cost * 100, by: 1_000_000 * Int128(100 - minimumMarginPercent))
        let sum = Self.dividedUp(cost, by: 1_000_000) + Int128(minimumMarginKopecks)
        let price = max(marked, share, sum)
        return Int64(clamping: price > 100 ? Self.dividedUp(price, by: 100) * 100 : price)
    }

    /// The least that runs of this cost must bring in together: the cost with the floor margin.
    package func leastKopecks(_ microdollars: Int64) -> Int64 {
        let cost = Int128(microdollars) * Int128(kopecksPerDollar)
        let share = Self.dividedUp(cost * 100, by: 1_000_000 * Int128(100 - minimumMarginPercent))
        return Int64(clamping: max(share, Self.dividedUp(cost, by: 1_000_000) + Int128(minimumMarginKopecks)))
    }

    /// What a run costs us, in kopecks.
    package func costKopecks(_ microdollars: Int64) -> Int64 {
        Int64(clamping: Self.dividedUp(Int128(microdollars) * Int128(kopecksPerDollar), by: 1_000_000))
    }

    private static func dividedUp(_ value: Int128, by divisor: Int128) -> Int128 {
        (value + divisor - 1) / divisor
    }

    /// What of a quoted price is taken when only some of the expected results exist; rounded down, for the user.
    package static func partial(_ kopecks: Int64, delivered: Int, of expected: Int) -> Int64 {
        guard delivered < expected, expected > 0 else { return kopecks }
        return Int64(Int128(kopecks) * Int128(max(0, delivered)) / Int128(expected))
    }

    /// What is taken for a run whose quote was a bound: the price of what the provider reports, never above the quote.
    package func settled(_ quoted: Int64, microdollars: Int64?) -> Int64 {
        microdollars.map { min(quoted, kopecks($0)) } ?? quoted
    }

    /// The user's price of a run of this model; nil if it has none.
    package func price(of run: RunInputs, _ entry: ModelEntry) -> Int64? {
        guard let cost = entry.price?.cost(of: run) else { return nil }
        return entry.isFree ? 0 : kopecks(cost.microdollars)
    }

    /// How many kopecks more or less each other option would cost, by input and option text. Only inputs that change
    /// the price appear, and only options that go with the rest of the choice.
    package func deltas(of entry: ModelEntry, chosen run: RunInputs) -> [String: [String: Int64]] {
        guard !entry.isFree, let base = price(of: run, entry) else { return [:] }
        var deltas: [String: [String: Int64]] = [:]
        for input in entry.inputs.map(\.input) {
            var differences: [String: Int64] = [:]
            for option in input.alternatives {
                var other = run
                other.values[input.name] = option
                guard InputValidation.problemsTogether(other, entry).isEmpty, let price = price(of: other, entry) else {
                    continue
                }
                differences[InputValidation.optionText(option)] = price - base
            }
            if differences.values.contains(where: { $0 != 0 }) { deltas[input.name] = differences }
        }
        return deltas
    }
}

extension ModelInput {
    /// The values that are offered as buttons.
    package var alternatives: [JSONValue] {
        switch kind {
        case .boolean: [false, true]
        case .choice: options
        case .text, .integer, .number, .file, .files: []
        }
    }
}
