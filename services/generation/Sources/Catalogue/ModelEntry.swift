internal import Contracts

/// One model of the catalogue: what users are told about it, what the provider is sent and what it costs.
struct ModelEntry: Sendable, Equatable {
    /// 1 and up; never reused.
    var number: Int
    var slug: String
    var title: String
    var output: MediaKind
    var tasks: [ModelTask]
    var summary: LocalizedText
    var isFree: Bool
    var typicalSeconds: Int
    /// How long a job may take in all, waiting and tries included.
    var hardLimitSeconds: Int
    /// The provider's name for the model.
    var providerModel: String
    /// The path of the provider's create call.
    var createPath: String
    /// In the order in which users are asked.
    var inputs: [InputFacts]
    /// Members of the provider's `input` that are always sent and never asked.
    var fixed: [String: JSONValue]
    var price: PriceTable

    func input(_ name: String) -> InputFacts? { inputs.first { $0.input.name == name } }
}

/// An input with the facts that only generation needs.
struct InputFacts: Sendable, Equatable {
    var input: ModelInput
    /// For text, in Unicode scalars.
    var minimumLength: Int?
    /// File name endings that the provider takes; empty for any.
    var accepts: [String]
}

extension ModelEntry {
    /// The model as other services see it.
    func published(_ pricing: Pricing) -> Model {
        Model(
            number: number,
            slug: slug,
            title: title,
            tasks: tasks,
            output: output,
            summary: summary,
            isFree: isFree,
            fromKopecks: isFree ? 0 : price.cheapestMicrodollars(inputs).map(pricing.kopecks) ?? 0,
            priceUnit: price.unit.published,
            typicalSeconds: typicalSeconds,
            inputs: inputs.map(\.input)
        )
    }
}
