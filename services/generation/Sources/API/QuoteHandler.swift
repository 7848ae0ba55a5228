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
    private var pricing: StagePricing { StagePricing(tools: tools) }

    func create(_ input: CreateQuote.Input, _ call: Call<CreateQuote>) async throws -> Answer<Quote> {
        let fingerprint = call.fingerprint
        if let known = try await tools.quotes.find(key: call.idempotencyKey) { return try replay(known, fingerprint) }
        let plan = try await plan(input)
        let credit = try await credit(for: input, plan)
        let quote = try quote(for: plan, credit, input)
        let row = QuoteRow(
            quote: quote,
            key: call.idempotencyKey,
            fingerprint: fingerprint,
            userID: input.userID,
            inputs: plan.stages[0].inputs,
            providerMicrodollars: plan.stages[0].providerMicrodollars,
            plan: plan.isSingle ? nil : plan,
            credit: credit
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

    /// Only a run by itself is credited with its trial.
    private func credit(for input: CreateQuote.Input, _ plan: RunPlan) async throws -> TrialCredit? {
        guard let trial = input.trialJobID, plan.isSingle else { return nil }
        return try await TrialOffer(tools: tools).credit(for: trial, plan.stages[0], of: input.userID)
    }

    private func quote(
        for plan: RunPlan,
        _ credit: TrialCredit?,
        _ input: CreateQuote.Input
    ) throws(Problem) -> Quote {
        let first = plan.stages[0]
        let entry = try tools.sellable(first.modelNumber)
        var stages: [QuotedStage]?
        if plan.stages.count > 1 {
            var list: [QuotedStage] = []
            for stage in plan.stages { list.append(try quoted(stage)) }
            stages = list
        }
        let deltas = tools.configuration.pricing.deltas(of: entry, chosen: first.inputs)
        let statistics = tools.models.statistics
        return Quote(
            quoteID: QuoteID(now: tools.clock.now),
            modelNumber: first.modelNumber,
            priceKopecks: plan.priceKopecks - (credit?.kopecks ?? 0),
            variant: first.variant,
            isBound: plan.stages.contains(where: \.isBound) ? true : nil,
            expiresAt: tools.clock.now + GenerationConfiguration.quoteLifetime,
            deltas: deltas.mapValues { $0.mapValues { $0 * Int64(plan.copies) } },
            measured: statistics.measure(entry.slug, variant: first.variant),
            alternatives: statistics.isAiling(entry.slug) ? tools.alternatives(to: entry, for: input) : nil,
            copies: plan.copies > 1 ? plan.copies : nil,
            stages: stages,
            trial: plan.isSingle ? TrialOffer(tools: tools).trial(of: first, entry) : nil,
            creditKopecks: credit?.kopecks
        )
    }

    private func quoted(_ stage: RunPlan.Stage) throws(Problem) -> QuotedStage {
        QuotedStage(
            modelNumber: stage.modelNumber,
            modelTitle: try tools.sellable(stage.modelNumber).title.ru,
            priceKopecks: stage.priceKopecks,
            variant: stage.variant,
            isBound: stage.isBound ? true : nil
        )
    }

    // MARK: Stages

    private func plan(_ input: CreateQuote.Input) async throws -> RunPlan {
        let copies = input.copies ?? 1
        guard (1...RunPlan.maximumCopies).contains(copies) else {
            throw ParameterError(name: "copies", reason: "must be 1 to \(RunPlan.maximumCopies)")
        }
        let later = input.then ?? []
        guard later.count < RunPlan.maximumStages else {
            throw ParameterError(name: "then", reason: "must have at most \(RunPlan.maximumStages - 1) stages")
        }
        var entry = try tools.sellable(input.modelNumber, for: input)
        var stages = [try await first(entry, input)]
        for next in later {
            let following = try tools.sellable(next.modelNumber)
            stages.append(try await stage(following, next, after: entry, of: input.userID))
            entry = following
        }
        return RunPlan(copies: copies, stages: stages)
    }

    private func first(_ entry: ModelEntry, _ input: CreateQuote.Input) async throws -> RunPlan.Stage {
        let run = try pricing.validated(entry, input.inputs, input.media)
        try await checkAssets(run, entry, of: input.userID)
        return try pricing.priced(entry, run, for: input)
    }

    private func stage(
        _ entry: ModelEntry,
        _ next: NextStage,
        after previous: ModelEntry,
        of userID: UserID
    ) async throws -> RunPlan.Stage {
        let stage = try pricing.later(entry, next, after: previous)
        try await checkAssets(RunInputs(media: next.media ?? [:]), entry, of: userID)
        return stage
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
