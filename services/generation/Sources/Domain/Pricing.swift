internal import Contracts

/// Turns the provider's dollars into the user's kopecks. Whole numbers only; every step rounds up.
struct Pricing: Sendable, Equatable {
    /// Kopecks that one US dollar costs.
    var kopecksPerDollar: Int64
    /// The price as thousandths of the cost: 2,000 doubles it.
    var markupThousandths: Int64
    /// What a paid run earns at least, however cheap it is.
    var minimumMarginKopecks: Int64

    /// The user's price of a run.
    ///
    /// Above one rouble it is rounded up to whole roubles, because nobody wants to pay 7.37.
    ///
    /// - Parameter microdollars: What the provider takes, in millionths of a US dollar.
    func kopecks(_ microdollars: Int64) -> Int64 {
        let cost = Int128(microdollars) * Int128(kopecksPerDollar)
        let marked = Self.dividedUp(cost * Int128(markupThousandths), by: 1_000_000_000)
        let floor = Self.dividedUp(cost, by: 1_000_000) + Int128(minimumMarginKopecks)
        let price = max(marked, floor)
        return Int64(clamping: price > 100 ? Self.dividedUp(price, by: 100) * 100 : price)
    }

    private static func dividedUp(_ value: Int128, by divisor: Int128) -> Int128 {
        (value + divisor - 1) / divisor
    }

    /// What of a quoted price is taken when only some of the expected results exist; rounded down, for the user.
    static func partial(_ kopecks: Int64, delivered: Int, of expected: Int) -> Int64 {
        guard delivered < expected, expected > 0 else { return kopecks }
        return Int64(Int128(kopecks) * Int128(max(0, delivered)) / Int128(expected))
    }

    /// How many kopecks more or less each other option would cost, by input and option text. Only inputs that change
    /// the price appear.
    func deltas(of entry: ModelEntry, chosen inputs: [String: JSONValue]) -> [String: [String: Int64]] {
        guard !entry.isFree, let base = entry.price.cost(of: inputs).map({ kopecks($0.microdollars) }) else {
            return [:]
        }
        var deltas: [String: [String: Int64]] = [:]
        for input in entry.inputs.map(\.input) {
            let options: [JSONValue] =
                input.kind == .boolean ? [false, true] : input.kind == .choice ? input.options : []
            var differences: [String: Int64] = [:]
            for option in options {
                guard let cost = entry.price.cost(of: inputs.merging([input.name: option]) { $1 }) else { continue }
                differences[InputValidation.optionText(option)] = kopecks(cost.microdollars) - base
            }
            if differences.values.contains(where: { $0 != 0 }) { deltas[input.name] = differences }
        }
        return deltas
    }
}
