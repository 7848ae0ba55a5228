internal import Contracts
internal import ModelCatalogue

/// Checks the runs of a confirm and prices them; reads nothing but the catalogue.
struct StagePricing: Sendable {
    let tools: Toolbox

    /// A stage whose file does not exist yet: it is checked and priced with one in its place that nothing is known of but
    /// its kind, so that what depends on a clip's length is quoted at its bound.
    ///
    /// - Throws: `invalid_inputs`, or `model_unavailable` where its price row is stopped.
    func later(
        _ entry: ModelEntry,
        _ next: NextStage,
        after previous: ModelEntry
    ) throws(Problem) -> RunPlan.Stage {
        let own = next.media ?? [:]
        guard let feeds = entry.inputFed(with: previous.output, from: previous.slug, beside: own) else {
            let name = entry.inputs.first { $0.input.kind == .file || $0.input.kind == .files }?.input.name
            throw InputProblems(list: [InputProblem(name: name ?? "media", reason: .wrongMedia)]).problem
        }
        var media = own
        media[feeds] = [MediaReference(assetID: AssetID(), kind: previous.output)] + (own[feeds] ?? [])
        var stage = try priced(entry, try validated(entry, next.inputs, media))
        stage.inputs.media[feeds] = own[feeds]
        stage.feeds = feeds
        return stage
    }

    /// - Parameter wish: What others can be offered for, where this is the first stage.
    func priced(
        _ entry: ModelEntry,
        _ run: RunInputs,
        for wish: CreateQuote.Input? = nil
    ) throws(Problem) -> RunPlan.Stage {
        guard let cost = entry.price?.cost(of: run), let row = entry.price?.row(for: run) else {
            throw Problem(.internalError, "\(entry.slug) has no price for these inputs")
        }
        if tools.models.current.control.stopped[SalesControl.key(entry.slug, row: row.name)] != nil {
            let detail = "\(entry.slug) is not sold as \(row.name) now"
            guard let wish else { throw Problem(.modelUnavailable, detail) }
            throw tools.unavailable(entry, reason: "stopped", detail, for: wish)
        }
        return RunPlan.Stage(
            modelNumber: entry.number,
            inputs: run,
            priceKopecks: entry.isFree ? 0 : tools.configuration.pricing.kopecks(cost.microdollars),
            variant: cost.variant,
            isBound: cost.isBound,
            providerMicrodollars: cost.microdollars
        )
    }

    func validated(
        _ entry: ModelEntry,
        _ inputs: [String: JSONValue],
        _ media: [String: [MediaReference]]
    ) throws(Problem) -> RunInputs {
        switch InputValidation.check(entry, inputs: inputs, media: media) {
        case .success(let run): return run
        case .failure(let problems): throw problems.problem
        }
    }
}
