internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Money: the hold at the beginning, its charge or release at the end.
extension JobRunner {
    /// Reserves the price. The row with its frozen bytes exists already, so that a hold is never placed for a job that
    /// nobody knows, and a repeat asks for the same.
    ///
    /// - Returns: The job after billing's answer; nil if billing did not answer.
    func placeHold(_ job: JobRow) async throws -> JobRow? {
        do {
            let held = try await askForHold(job)
            guard held.state == .live else {
                // Billing ended the hold of a job that never began: nothing may run on it.
                return try await refuse(job, Problem(.holdExpired, "the hold ended before the job began"))
            }
        } catch let error as CallError {
            if let problem = error.problem, !problem.isRetryable { return try await refuse(job, problem) }
            tools.log.warning("hold not placed yet", fields(job).merging([.error: .describing(error)]) { $1 })
            try await tools.jobs.release(job, until: tools.clock.now + .seconds(2))
            return nil
        }
        Failpoint.reach("generation.hold_placed")
        return try await apply(.holdPlaced, to: job)
    }

    private func askForHold(_ job: JobRow) async throws(CallError) -> HoldState {
        try await tools.billing.call(
            PlaceHold.self,
            PlaceHold.Input(
                holdID: job.holdID,
                userID: job.userID,
                amountKopecks: job.holdKopecks ?? job.priceKopecks,
                expiresAt: job.holdExpiresAt,
                memo: job.modelTitle
            ),
            key: job.holdKey
        )
    }

    /// Keeps the hold for as long as a later stage may take, before anything is spent on it.
    ///
    /// - Returns: The job after billing's answer; nil if billing did not answer.
    func extendHold(_ job: JobRow) async throws -> JobRow? {
        do throws(CallError) {
            _ = try await tools.billing.call(
                ExtendHold.self,
                ExtendHold.Input(
                    userID: job.userID,
                    expiresAt: job.progress.hardLimitAt + GenerationConfiguration.holdGrace
                ),
                parameters: HoldParameters(holdID: job.holdID),
                key: job.extensionKey
            )
        } catch {
            if let problem = error.problem, problem.endsHold {
                tools.log.error(
                    "stage not begun, the hold had ended",
                    fields(job).merging([.reason: .string(problem.code.rawValue)]) { $1 }
                )
                return try await apply(.holdGone, to: job)
            }
            return try await askAgain(job, error, "hold not extended yet", since: job.beganAt)
        }
        Failpoint.reach("generation.hold_extended")
        return try await apply(.holdExtended, to: job)
    }

    /// Gives a job back whose hold billing said nothing final about.
    ///
    /// - Parameter since: When the step began.
    private func askAgain(_ job: JobRow, _ error: CallError, _ message: StaticString, since: Timestamp?) async throws
        -> JobRow?
    {
        let now = tools.clock.now
        let details = fields(job).merging([.error: .describing(error)]) { $1 }
        // What a repeat alone does not mend is for the operator.
        if error.isRetryable { tools.log.warning(message, details) } else { tools.log.error(message, details) }
        let pause = RetryPolicy.billingPause(waited: since.map { now - $0 } ?? .zero)
        try await tools.jobs.release(job, until: now + pause)
        return nil
    }

    private func refuse(_ job: JobRow, _ problem: Problem) async throws -> JobRow? {
        try await apply(.holdRefused, to: job) { $0.refusal = problem }
    }

    /// Ends the hold as the verdict says, and reports it. Charged means: the result is stored and can be had.
    func settle(_ job: JobRow) async throws -> JobRow? {
        let attempt = try await currentAttempt(of: job)
        let assets = try await tools.assets.results(of: [job.jobID])[job.jobID] ?? []
        let charged: Int64
        do throws(CallError) {
            charged =
                job.progress.verdict == .succeeded
                ? try await charge(job, attempt, delivered: assets.count) : try await release(job)
        } catch {
            return try await askAgain(job, error, "hold not ended yet", since: job.decidedAt)
        }
        Failpoint.reach("generation.charged")
        let ended = try await apply(.settled, to: job) { change in
            change.chargedKopecks = charged
            change.assets = assets
            change.alternatives = tools.alternatives(afterFailureOf: job)
        }
        if let ended { count(ended) }
        return ended
    }

    private func charge(_ job: JobRow, _ attempt: AttemptRow?, delivered: Int) async throws(CallError) -> Int64 {
        let taken = attempt?.millicredits.map { $0 * PriceTable.microdollarsPerMillicredit }
        let cost = taken ?? job.progress.providerMicrodollars
        // What the trial has paid belongs to the run's price, and is not paid again.
        let price =
            job.isBound
            ? tools.configuration.pricing.settled(job.fullKopecks, microdollars: taken) - job.creditKopecks : nil
        let made = max(delivered, attempt?.results.count ?? delivered)
        // What the provider reports is what it took for the results that it made.
        let expected = job.isBound && taken != nil ? made : max(made, ordered(job))
        let amount = Pricing.partial(max(0, price ?? job.priceKopecks), delivered: delivered, of: expected)
        await watchCost(job, microdollars: taken)
        do {
            let hold = try await tools.billing.call(
                ChargeHold.self,
                ChargeHold.Input(
                    userID: job.userID,
                    amountKopecks: amount,
                    jobID: job.jobID,
                    model: job.modelSlug,
                    variant: job.variant,
                    providerCostMicrodollars: cost,
                    providerCostKopecks: tools.configuration.pricing.costKopecks(cost),
                    part: job.holdPart
                ),
                parameters: HoldParameters(holdID: job.holdID),
                key: job.endKey
            )
            // A hold in parts answers with what all of them have been charged.
            return job.holdPart == nil ? hold.chargedKopecks : amount
        } catch {
            guard let problem = error.problem, problem.endsHold else { throw error }
            // The work is done and stored. Whatever ended the hold, the user is not punished for it.
            tools.metrics.givenAway.increment()
            tools.log.error(
                "result given away, the hold had ended",
                fields(job).merging([.reason: .string(problem.code.rawValue)]) { $1 }
            )
            return 0
        }
    }

    /// How many results the price is for, counted as it was quoted: the provider may make fewer without a word. 1 where a
    /// run has one price however many there are.
    private func ordered(_ job: JobRow) -> Int {
        guard let price = tools.catalogue.entry(job.modelNumber)?.price, price.unit == .image,
            let units = price.units(of: job.inputs), !units.isBound
        else { return 1 }
        return Int(clamping: units.count)
    }

    private func release(_ job: JobRow) async throws(CallError) -> Int64 {
        let reason = job.progress.verdict == .cancelled ? "cancelled" : job.progress.failure?.rawValue ?? "failed"
        do {
            _ = try await tools.billing.call(
                ReleaseHold.self,
                ReleaseHold.Input(userID: job.userID, reason: reason, part: job.holdPart),
                parameters: HoldParameters(holdID: job.holdID),
                key: job.endKey
            )
        } catch {
            guard let problem = error.problem, problem.endsHold else { throw error }
            // Expired or released means the money is back, which was the aim.
            if problem.code == .holdAlreadyCharged {
                tools.log.error("hold of a failed job was charged", fields(job))
            }
        }
        return 0
    }

    private func count(_ job: JobRow) {
        let end = job.progress.verdict == .failed ? job.progress.failure?.rawValue : job.progress.verdict?.rawValue
        tools.metrics.ended.increment(job.output.rawValue, end ?? "failed")
    }

    func currentAttempt(of job: JobRow) async throws -> AttemptRow? {
        guard let id = job.attemptID else { return nil }
        return try await tools.attempts.find(id)
    }
}
