package import Contracts

/// What one price of the table is for.
package enum PriceUnit: String, CaseIterable, Sendable {
    /// The output, whatever its size; times the quantity input where there is one.
    case image, request
    /// A second of what the quantity inputs name: seconds themselves, or the length of a clip.
    case second
    /// A started minute of it.
    case minute
    /// Each started thousand characters of the quantity input.
    case thousandCharacters = "1000_characters"
    /// A million pixels of output. How many there will be is not known before the run: for free models only.
    case megapixel

    /// The unit as the contract names it.
    package var published: String { self == .megapixel ? PriceUnit.image.rawValue : rawValue }
    /// Whether an input must say how many units a run takes.
    package var needsQuantity: Bool { self == .second || self == .minute || self == .thousandCharacters }
}

/// The provider's price for inputs that meet its conditions.
package struct PriceRow: Sendable, Equatable {
    /// For people: `720p/sound`.
    package var name: String
    /// Values of choice and boolean inputs; true or false for a text or file means that it is given or not.
    package var when: [String: JSONValue]
    /// For one unit. A thousandth of a credit is five millionths of a dollar, so every published price is whole.
    package var millicredits: Int64
    /// Why the row is the most that a run can cost and not its exact price; nil for an exact price.
    package var bound: String?
}

/// What each file beyond a number costs on top.
package struct Surcharge: Sendable, Equatable {
    package var input: String
    /// How many are included.
    package var beyond: Int
    package var millicredits: Int64
}

/// What a run costs at the provider: the one table that quotes and bills.
package struct PriceTable: Sendable, Equatable {
    package var unit: PriceUnit
    /// The inputs that say how many units a run takes; their sum counts.
    package var quantity: [String]
    /// The most units of a run: what is quoted where an input leaves the number to the provider, or a clip's length
    /// is not known.
    package var bound: Int64?
    package var rows: [PriceRow]
    package var surcharges: [Surcharge]
    /// Where the rows come from and when they were read, e.g. `2026-09`.
    package var source: String
    package var date: String

    /// One credit is 0.005 US dollars.
    package static let microdollarsPerMillicredit: Int64 = 5

    /// The price of a run.
    package struct Cost: Sendable, Equatable {
        /// The row and, where there is one, the quantity: `720p/sound/5s`.
        package var variant: String
        /// Millionths of a US dollar.
        package var microdollars: Int64
        /// Whether this is the most that the run can cost, to be settled by what the provider reports.
        package var isBound: Bool
    }

    /// What a run with these inputs costs; nil if no row fits, which the catalogue's check rules out for valid inputs.
    package func cost(of run: RunInputs) -> Cost? {
        guard let row = row(for: run), let quantity = units(of: run) else { return nil }
        let millicredits = Int128(row.millicredits) * Int128(quantity.count) + Int128(surcharge(of: run))
        return Cost(
            variant: row.name + suffix(quantity),
            microdollars: Int64(clamping: millicredits * Int128(Self.microdollarsPerMillicredit)),
            isBound: quantity.isBound || row.bound != nil
        )
    }

    /// The row whose conditions all hold; of several the one with the most conditions.
    package func row(for run: RunInputs) -> PriceRow? {
        rows.filter { $0.when.allSatisfy { run.meets($0.key, $0.value) } }.max { $0.when.count < $1.when.count }
    }

    /// How many units a run takes.
    package struct Units: Sendable, Equatable {
        package var count: Int64
        package var isBound: Bool
    }

    /// Units of a run; nil if an input that must tell them does not, and there is no bound.
    package func units(of run: RunInputs) -> Units? {
        guard !quantity.isEmpty else { return Units(count: 1, isBound: false) }
        var total = 0.0
        for name in quantity {
            guard let part = amount(of: name, in: run) else { return bound.map { Units(count: $0, isBound: true) } }
            total += part
        }
        let divisor: Double = unit == .minute ? 60 : unit == .thousandCharacters ? 1_000 : 1
        let units = max(1, (total / divisor).rounded(.up))
        return units <= 1_000_000 ? Units(count: Int64(units), isBound: false) : nil
    }

    /// Seconds, characters or pieces that one input names; nil if that is not known before the run.
    private func amount(of name: String, in run: RunInputs) -> Double? {
        if let files = run.media[name] {
            let lengths = files.map(\.durationSeconds)
            return lengths.contains(nil) ? nil : lengths.compactMap { $0?.rounded(.up) }.reduce(0, +)
        }
        guard let value = run.values[name] else { return 0 }
        if unit == .thousandCharacters { return value.string.map { Double($0.unicodeScalars.count) } }
        let number = value.integer ?? value.string.flatMap { Int64($0) }
        // Zero and less leave the length to the provider.
        return number.flatMap { $0 > 0 ? Double($0) : nil }
    }

    private func suffix(_ units: Units) -> String {
        guard !quantity.isEmpty else { return "" }
        let most = units.isBound ? "≤" : ""
        switch unit {
        case .second: return "/\(most)\(units.count)s"
        case .minute: return "/\(most)\(units.count)min"
        case .thousandCharacters: return "/\(units.count)k"
        case .image, .request, .megapixel: return "/×\(units.count)"
        }
    }

    private func surcharge(of run: RunInputs) -> Int64 {
        surcharges.reduce(0) { sum, extra in
            let count = run.media[extra.input]?.count ?? 0
            return sum + extra.millicredits * Int64(max(0, count - extra.beyond))
        }
    }

    /// The least that a run can cost.
    func cheapestMicrodollars(_ inputs: [InputFacts]) -> Int64? {
        guard let cheapest = rows.map(\.millicredits).min() else { return nil }
        return cheapest * Self.microdollarsPerMillicredit * leastQuantity(inputs)
    }

    /// The unit that the least price is for: a second if a run may take one, else the run.
    func publishedUnit(_ inputs: [InputFacts]) -> String {
        (unit == .second && leastQuantity(inputs) > 1 ? PriceUnit.request : unit).published
    }

    /// A price per second is shown for the shortest clip: a from-price that no run can have would be a lie.
    private func leastQuantity(_ inputs: [InputFacts]) -> Int64 {
        let least = inputs.filter { quantity.contains($0.input.name) }.compactMap { facts -> Int64? in
            let options = facts.input.options.compactMap { $0.integer ?? $0.string.flatMap { Int64($0) } }
            return options.filter { $0 > 0 }.min() ?? facts.input.minimum.flatMap { Int64(exactly: $0) }
        }
        return max(1, least.reduce(0, +))
    }
}
