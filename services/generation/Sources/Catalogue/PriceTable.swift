internal import Contracts

/// What one price of the table is for.
enum PriceUnit: String, CaseIterable, Sendable {
    /// The output, whatever its size.
    case image, request
    /// A second of output; the quantity input says how many.
    case second
    /// Each started thousand characters of the quantity input.
    case thousandCharacters = "1000_characters"
    /// A million pixels of output. How many there will be is not known before the run: for free models only.
    case megapixel

    /// The unit as the contract names it.
    var published: String { self == .megapixel ? PriceUnit.image.rawValue : rawValue }
    /// Whether an input says how many units a run takes.
    var isMultiplied: Bool { self == .second || self == .thousandCharacters }
}

/// The provider's price for inputs that have these values.
struct PriceRow: Sendable, Equatable {
    /// For people: `720p/sound`.
    var name: String
    /// Values of choice and boolean inputs.
    var when: [String: JSONValue]
    /// For one unit. A thousandth of a credit is five millionths of a dollar, so every published price is whole.
    var millicredits: Int64
}

/// What a run costs at the provider: the one table that quotes and bills.
struct PriceTable: Sendable, Equatable {
    var unit: PriceUnit
    /// The input that says how many units a run takes.
    var quantityInput: String?
    var rows: [PriceRow]
    /// Where the rows come from and when they were read, e.g. `2026-09`.
    var source: String
    var date: String

    /// One credit is 0.005 US dollars.
    static let microdollarsPerMillicredit: Int64 = 5

    /// The price of a run.
    struct Cost: Sendable, Equatable {
        /// The row and, where there is one, the quantity: `720p/sound/5s`.
        var variant: String
        /// Millionths of a US dollar.
        var microdollars: Int64
    }

    /// What a run with these inputs costs; nil if no row fits, which the catalogue's check rules out for valid inputs.
    func cost(of inputs: [String: JSONValue]) -> Cost? {
        guard let row = row(for: inputs), let quantity = quantity(of: inputs) else { return nil }
        let microdollars = row.millicredits * Self.microdollarsPerMillicredit * quantity
        switch unit {
        case .second: return Cost(variant: "\(row.name)/\(quantity)s", microdollars: microdollars)
        case .thousandCharacters: return Cost(variant: "\(row.name)/\(quantity)k", microdollars: microdollars)
        default: return Cost(variant: row.name, microdollars: microdollars)
        }
    }

    /// The row whose conditions all hold; of several the one with the most conditions.
    func row(for inputs: [String: JSONValue]) -> PriceRow? {
        rows.filter { row in row.when.allSatisfy { inputs[$0.key] == $0.value } }
            .max { $0.when.count < $1.when.count }
    }

    /// Units of a run; nil if the quantity input is absent or no number.
    func quantity(of inputs: [String: JSONValue]) -> Int64? {
        guard unit.isMultiplied else { return 1 }
        guard let value = quantityInput.flatMap({ inputs[$0] }) else { return nil }
        if unit == .thousandCharacters {
            return value.string.map { max(1, (Int64($0.unicodeScalars.count) + 999) / 1_000) }
        }
        return value.integer ?? value.string.flatMap { Int64($0) }
    }

    /// The least that a run can cost.
    func cheapestMicrodollars(_ inputs: [InputFacts]) -> Int64? {
        guard let cheapest = rows.map(\.millicredits).min() else { return nil }
        return cheapest * Self.microdollarsPerMillicredit * leastQuantity(inputs)
    }

    private func leastQuantity(_ inputs: [InputFacts]) -> Int64 {
        // A price per second is shown for the shortest clip: a from-price that no run can have would be a lie.
        guard unit == .second, let input = inputs.first(where: { $0.input.name == quantityInput })?.input else {
            return 1
        }
        let options = input.options.compactMap { $0.integer ?? $0.string.flatMap { Int64($0) } }
        return options.min() ?? input.minimum.flatMap { Int64(exactly: $0) } ?? 1
    }
}
