internal import Contracts
internal import Cryptography
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Time

/// `CreateQuote`.
struct QuoteHandler: Sendable {
    let tools: Toolbox

    func create(_ input: CreateQuote.Input, _ call: Call<CreateQuote>) async throws -> Answer<Quote> {
        let fingerprint = call.fingerprint
        if let known = try await tools.quotes.find(key: call.idempotencyKey) { return try replay(known, fingerprint) }
        let entry = try tools.sellable(input.modelNumber, for: input)
        let run = try validated(entry, input)
        try await checkAssets(run, entry, of: input.userID)
        guard let cost = entry.price?.cost(of: run), let priced = entry.price?.row(for: run) else {
            throw Problem(.internalError, "\(entry.slug) has no price for these inputs")
        }
        if tools.models.current.control.stopped[SalesControl.key(entry.slug, row: priced.name)] != nil {
            let detail = "\(entry.slug) is not sold as \(priced.name) now"
            throw tools.unavailable(entry, reason: "stopped", detail, for: input)
        }
        let pricing = tools.configuration.pricing
        let statistics = tools.models.statistics
        let quote = Quote(
            quoteID: QuoteID(now: tools.clock.now),
            modelNumber: entry.number,
            priceKopecks: entry.isFree ? 0 : pricing.kopecks(cost.microdollars),
            variant: cost.variant,
            isBound: cost.isBound ? true : nil,
            expiresAt: tools.clock.now + GenerationConfiguration.quoteLifetime,
            deltas: pricing.deltas(of: entry, chosen: run),
            measured: statistics.measure(entry.slug, variant: cost.variant),
            alternatives: statistics.isAiling(entry.slug) ? tools.alternatives(to: entry, for: input) : nil
        )
        let row = QuoteRow(
            quote: quote,
            key: call.idempotencyKey,
            fingerprint: fingerprint,
            userID: input.userID,
            inputs: run,
            providerMicrodollars: cost.microdollars
        )
        if try await tools.quotes.insert(row) { return .fresh(quote) }
        guard let winner = try await tools.quotes.find(key: call.idempotencyKey) else {
            throw Problem(.inProgress, "the quote is just being made", retryAfterSeconds: 1)
        }
        return try replay(winner, fingerprint)
    }

    private func replay(_ row: QuoteRow, _ fingerprint: [UInt8]) throws(Problem) -> Answer<Quote> {
        guard constantTimeEquals(row.fingerprint, fingerprint) else {
            throw Problem(.idempotencyMismatch, "the key was used for another quote")
        }
        return .replayed(row.quote)
    }

    private func validated(_ entry: ModelEntry, _ input: CreateQuote.Input) throws(Problem) -> RunInputs {
        switch InputValidation.check(entry, inputs: input.inputs, media: input.media) {
        case .success(let run): return run
        case .failure(let problems): throw problems.problem
        }
    }

    /// A result may be used as an input by its own user only, as what it is, and where its maker counts only if a
    /// fitting model made it.
    private func checkAssets(_ run: RunInputs, _ entry: ModelEntry, of userID: UserID) async throws {
        var problems: [InputProblem] = []
        for (name, files) in run.media.sorted(by: { $0.key < $1.key }) {
            let facts = entry.input(name)
            for file in files {
                guard let id = file.assetID else { continue }
                let row = try await tools.assets.find(id)
                var isRight = row?.userID == userID && row?.asset.kind == file.kind
                if isRight, let facts, facts.sends == .task {
                    isRight = try await tools.assets.origin(of: id).map { facts.from.contains($0.modelSlug) } ?? false
                }
                if !isRight { problems.append(InputProblem(name: name, reason: .wrongMedia)) }
            }
        }
        if !problems.isEmpty { throw InputProblems(list: problems).problem }
    }
}
