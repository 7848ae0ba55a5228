package import Contracts

/// One model of the catalogue: what users are told about it, what the provider is sent and what it costs.
package struct ModelEntry: Sendable, Equatable {
    /// 1 and up; never reused.
    package var number: Int
    package var slug: String
    /// Earlier and other names: the seeds', the provider's old ones.
    package var aliases: [String]
    package var title: LocalizedText
    package var output: MediaKind
    package var tasks: [ModelTask]
    package var summary: LocalizedText
    package var isFree: Bool
    package var typicalSeconds: Int
    /// What is promised: a run that takes longer is counted as late.
    package var promisedSeconds: Int
    /// How long a job may take in all, waiting and tries included.
    package var hardLimitSeconds: Int
    package var route: ProviderRoute
    /// In the order in which users are asked.
    package var inputs: [InputFacts]
    /// Combinations of values that the provider refuses.
    package var impossible: [[String: JSONValue]]
    /// Members of the provider's request that are always sent and never asked.
    package var fixed: [String: JSONValue]
    /// nil if no price is known.
    package var price: PriceTable?
    /// Why the operator does not sell it although everything else would allow it, and what to use instead.
    package var withheld: Withheld?
    /// The slug of the model that this one stands in for: sold only while that one is not.
    package var spareOf: String?
    /// Slugs of models that take the output as an input.
    package var followUps: [String]
    package var sample: Sample
    /// A hash of everything that decides the request; a smoke run counts for one of these.
    package var requestFingerprint: String

    /// A reason not to sell.
    package struct Withheld: Sendable, Equatable {
        package var reason: LocalizedText
        /// The slug of the model to use instead.
        package var successor: String?
    }

    /// Inputs that work: the smoke run's, and an example for users.
    package struct Sample: Sendable, Equatable {
        package var inputs: [String: JSONValue]
        /// Optional files that are given too; required ones always are.
        package var media: [String]
    }

    package func input(_ name: String) -> InputFacts? { inputs.first { $0.input.name == name } }

    /// The first combination that a run has and the provider refuses.
    package func impossible(_ run: RunInputs) -> [String: JSONValue]? {
        impossible.first { $0.allSatisfy { run.meets($0.key, $0.value) } }
    }
}

/// An input with the facts that only generation needs.
package struct InputFacts: Sendable, Equatable {
    package var input: ModelInput
    /// For text, in Unicode scalars.
    package var minimumLength: Int?
    /// File name endings that the provider takes; empty for any.
    package var accepts: [String]
    /// Length of a clip, where it is limited.
    package var minimumSeconds: Int?
    package var maximumSeconds: Int?
    /// What of a file the provider is sent.
    package var sends: Sending

    /// What the provider is sent for a file.
    package enum Sending: String, CaseIterable, Sendable {
        /// The address of its copy at the provider.
        case address
        /// The id of the provider's task that made it: the file must be a result of a model of `from`.
        case task
    }

    /// Slugs of the models whose results are taken; empty for any file.
    package var from: [String]

    /// The input as other services see it.
    fileprivate func published(makers: [String: Int]) -> ModelInput {
        guard sends == .task else { return input }
        var input = input
        input.madeBy = from.compactMap { makers[$0] }.sorted()
        return input
    }
}

extension ModelEntry {
    /// The model as other services see it.
    ///
    /// - Parameters:
    ///   - numbers: Numbers of the models that are sold, by slug.
    ///   - makers: Numbers of all models, by slug: what one made is still there when it is not sold any more.
    package func published(
        _ pricing: Pricing,
        followUps numbers: [String: Int] = [:],
        makers: [String: Int] = [:]
    ) -> Model {
        Model(
            number: number,
            slug: slug,
            title: title.ru,
            titles: title,
            tasks: tasks,
            output: output,
            summary: summary,
            isFree: isFree,
            fromKopecks: isFree ? 0 : price?.cheapestMicrodollars(inputs).map(pricing.kopecks) ?? 0,
            priceUnit: price?.publishedUnit(inputs) ?? PriceUnit.request.published,
            typicalSeconds: typicalSeconds,
            promisedSeconds: promisedSeconds,
            inputs: inputs.map { $0.published(makers: makers) },
            followUps: followUps.compactMap { numbers[$0] },
            sample: sample.inputs["prompt"]?.string ?? sample.inputs["text"]?.string
        )
    }
}
