internal import Contracts
internal import Cryptography
internal import ModelCatalogue
internal import Time

/// What our own runs of the last days say about models and their variants. Pure.
struct ModelStatistics: Sendable, Equatable {
    /// Counts of one model, or of one of its variants.
    struct Row: Sendable, Equatable {
        var slug: String
        /// nil for all variants together.
        var variant: String?
        var succeeded: Int
        /// Failures that were the provider's or ours, not the user's.
        var failed: Int
        /// Of the runs that went well; 0 without one.
        var p50Seconds: Double
        var p90Seconds: Double

        var measure: ModelMeasure {
            let runs = succeeded + failed
            return ModelMeasure(
                runs: runs,
                successPercent: runs == 0 ? 0 : succeeded * 100 / runs,
                p50Seconds: Int(p50Seconds.rounded(.up)),
                p90Seconds: Int(p90Seconds.rounded(.up))
            )
        }
    }

    /// Fewer runs say nothing to a user.
    static let minimumRuns = 20
    /// Below this share of runs that went well, or with this many failures in a row, another model is offered too.
    static let soundPercent = 80
    static let soundFailures = 2

    var computedAt: Timestamp?
    var rows: [Row] = []
    /// What the provider says of its own runs, in percent, by slug.
    var provider: [String: Int] = [:]
    /// Failures in a row, by slug.
    var failures: [String: Int] = [:]

    /// The figures of a variant if there are enough runs of it, else those of the model; nil if these are too few too.
    func measure(_ slug: String, variant: String? = nil) -> ModelMeasure? {
        let fitting = rows.filter { $0.slug == slug && $0.succeeded + $0.failed >= Self.minimumRuns }
        let row = variant.flatMap { wanted in fitting.first { $0.variant == wanted } }
        return (row ?? fitting.first { $0.variant == nil })?.measure
    }

    /// Whether a model has been failing lately, by our own runs or the provider's.
    func isAiling(_ slug: String) -> Bool {
        if failures[slug, default: 0] >= Self.soundFailures { return true }
        if let percent = measure(slug)?.successPercent, percent < Self.soundPercent { return true }
        return provider[slug].map { $0 < Self.soundPercent } ?? false
    }

    /// What `ListModelStatistics` answers.
    func published(_ catalogue: Catalogue) -> ListModelStatistics.Output {
        let bySlug = Dictionary(grouping: rows) { $0.slug }
        return ListModelStatistics.Output(
            computedAt: computedAt,
            models: catalogue.entries.flatMap { entry in
                (bySlug[entry.slug] ?? []).sorted { ($0.variant ?? "") < ($1.variant ?? "") }.map { row in
                    ModelStatistic(
                        modelNumber: entry.number,
                        modelSlug: entry.slug,
                        variant: row.variant,
                        measure: row.measure,
                        providerSuccessPercent: provider[entry.slug]
                    )
                }
            }
        )
    }

    /// The list with what was measured: the usual time is what half of our own runs took.
    func measured(_ list: ListModels.Output) -> ListModels.Output {
        var list = list
        var figures = ""
        for index in list.models.indices {
            guard let measure = measure(list.models[index].slug) else { continue }
            list.models[index].measured = measure
            if measure.p50Seconds > 0 { list.models[index].typicalSeconds = measure.p50Seconds }
            figures += "\(index)=\(measure.p50Seconds),\(measure.p90Seconds),\(measure.successPercent),\(measure.runs);"
        }
        // The list is another one with other figures.
        if !figures.isEmpty { list.revision += "-" + Hex.encode(SHA256.hash(figures).prefix(4)) }
        return list
    }
}
