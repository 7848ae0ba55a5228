internal import Contracts
internal import ModelCatalogue
internal import Telemetry

/// Watching what runs really cost.
extension JobRunner {
    /// Stops selling the row of a run that cost us more than its user was quoted. The run itself is charged as quoted.
    ///
    /// - Parameter microdollars: What the provider reported; nil if it did not say.
    func watchCost(_ job: JobRow, microdollars: Int64?) async {
        guard let microdollars, !job.isFree else { return }
        if microdollars != job.progress.providerMicrodollars, !job.isBound {
            tools.metrics.costDifferences.increment(job.modelSlug)
        }
        let cost = tools.configuration.pricing.costKopecks(microdollars)
        guard cost > job.fullKopecks, let entry = tools.catalogue.entry(job.modelNumber),
            let row = entry.price?.row(for: job.inputs)
        else { return }
        let stop = SalesStop(
            slug: entry.slug,
            row: row.name,
            millicredits: row.millicredits,
            reason: "A run of \(job.variant) cost \(cost) kopecks and was sold for \(job.fullKopecks)."
        )
        do {
            guard try await tools.stops.add(stop) else { return }
            tools.metrics.salesStops.increment()
            tools.log.error(
                "sales stopped, a run cost more than its price",
                fields(job).merging([.reason: .string(stop.reason)]) { $1 }
            )
        } catch {
            // The next run that costs too much stops it as well.
            tools.log.error("sales not stopped", fields(job).merging([.error: .describing(error)]) { $1 })
        }
    }
}
