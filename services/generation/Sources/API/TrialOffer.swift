internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import ServiceKit
internal import Time

/// Cheap first, then in full: what a trial would cost, and what it takes off its full run.
struct TrialOffer: Sendable {
    let tools: Toolbox

    /// For how long a trial is credited.
    static let lifetime = Duration.seconds(86_400)

    /// The trial of a run by itself, if there is one that is worth it.
    func trial(of stage: RunPlan.Stage, _ entry: ModelEntry) -> QuotedTrial? {
        let pricing = tools.configuration.pricing
        guard
            let values = TrialVariant.values(
                of: entry,
                chosen: stage.inputs,
                pricing,
                seed: .random(in: 0...(.max))
            )
        else { return nil }
        var run = stage.inputs
        run.values.merge(values) { $1 }
        guard let row = entry.price?.row(for: run), let price = pricing.price(of: run, entry),
            tools.models.current.control.stopped[SalesControl.key(entry.slug, row: row.name)] == nil
        else { return nil }
        return QuotedTrial(inputs: values, priceKopecks: price)
    }

    /// What a trial takes off the price of a run; nil if it is no trial of this run, or has been credited.
    ///
    /// The trial is a charged run by itself of the same user, model and wish, cheaper, and ended less than a day ago. Its
    /// charge is credited as far as both runs together earn the floor margin.
    func credit(for trial: JobID, _ stage: RunPlan.Stage, of userID: UserID) async throws -> TrialCredit? {
        guard let job = try await tools.credits.trial(trial, of: userID, notOlderThan: Self.lifetime),
            let charged = job.chargedKopecks, job.modelNumber == stage.modelNumber,
            TrialVariant.isSameWish(job.inputs, stage.inputs), job.fullKopecks < stage.priceKopecks
        else { return nil }
        let kopecks = tools.configuration.pricing.credit(
            charged: charged,
            full: stage.priceKopecks,
            microdollars: job.progress.providerMicrodollars + stage.providerMicrodollars
        )
        return kopecks > 0 ? TrialCredit(trialJobID: trial, kopecks: kopecks) : nil
    }
}
