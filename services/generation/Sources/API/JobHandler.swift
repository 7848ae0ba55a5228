internal import Contracts
internal import Cryptography
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// `CreateJob`, `GetJob`, `ListJobs`, `CancelJob`.
struct JobHandler: Sendable {
    let tools: Toolbox
    private let runner: JobRunner

    /// A worker leaves a new row to its caller for this long.
    private static let reservingPatience = Duration.seconds(5)

    init(tools: Toolbox) {
        self.tools = tools
        self.runner = JobRunner(tools: tools)
    }

    /// Writes the row, places the hold, accepts the job. What a crash interrupts, the caller's repeat or a worker
    /// completes: the hold's key and bytes are in the row.
    func create(_ input: CreateJob.Input, _ call: Call<CreateJob>) async throws -> Answer<Job> {
        let fingerprint = call.fingerprint
        if let known = try await find(input.jobID, call.idempotencyKey) { return try await goOn(known, fingerprint) }
        let job = try await newJob(input, call.idempotencyKey, fingerprint)
        let (configuration, clock) = (tools.configuration, tools.clock)
        let dayBegan = Timestamp(microseconds: clock.now.microseconds / 86_400_000_000 * 86_400_000_000)
        let isInserted = try await tools.jobs.insert(job, dayBegan: dayBegan) { usage in
            guard usage.openJobs < configuration.maximumOpenJobs else {
                throw Self.limit("open_jobs", configuration.maximumOpenJobs, retryAfter: .seconds(30))
            }
            guard !job.isFree || usage.freeRuns < configuration.freeRunsPerDay else {
                throw Self.limit(
                    "free_runs_per_day",
                    configuration.freeRunsPerDay,
                    retryAfter: dayBegan + .seconds(86_400) - clock.now
                )
            }
            let free = usage.freeMicrodollars + job.progress.providerMicrodollars
            guard !job.isFree || configuration.pricing.costKopecks(free) <= configuration.freeKopecksPerDay else {
                throw Self.limit(
                    "free_budget_per_day",
                    Int(configuration.freeKopecksPerDay / 100),
                    retryAfter: dayBegan + .seconds(86_400) - clock.now
                )
            }
        }
        guard isInserted else {
            guard let known = try await find(input.jobID, call.idempotencyKey) else {
                throw Problem(.inProgress, "the job is just being made", retryAfterSeconds: 1)
            }
            return try await goOn(known, fingerprint)
        }
        return .fresh(try await accepted(job))
    }

    private func find(_ id: JobID, _ key: String) async throws -> JobRow? {
        if let job = try await tools.jobs.find(key: key) { return job }
        return try await tools.jobs.find(id)
    }

    /// Answers for a job that exists, and takes up a hold that was left open.
    private func goOn(_ job: JobRow, _ fingerprint: [UInt8]) async throws -> Answer<Job> {
        guard constantTimeEquals(job.fingerprint, fingerprint) else {
            throw Problem(.idempotencyMismatch, "the key or job id was used for another job")
        }
        if job.progress.step == .reserving { return .replayed(try await accepted(job)) }
        return .replayed(try await answer(job))
    }

    private func accepted(_ job: JobRow) async throws -> Job {
        do {
            guard let next = try await runner.placeHold(job) else {
                throw Problem(.unavailable, "billing did not answer; the job is kept", retryAfterSeconds: 2)
            }
            tools.wake.set()
            return try await answer(next)
        } catch is LostLease {
            // A worker or another call was faster; whatever it found is the answer.
            guard let current = try await tools.jobs.find(job.jobID), current.progress.step != .reserving else {
                throw Problem(.inProgress, "the job is just being made", retryAfterSeconds: 1)
            }
            return try await answer(current)
        }
    }

    private func answer(_ job: JobRow) async throws -> Job {
        if let refusal = job.refusal { throw refusal }
        return job.published(try await tools.assets.results(of: [job.jobID])[job.jobID] ?? [])
    }

    private func newJob(_ input: CreateJob.Input, _ key: String, _ fingerprint: [UInt8]) async throws -> JobRow {
        guard let quoted = try await tools.quotes.find(input.quoteID), quoted.userID == input.userID else {
            throw Problem(.quoteNotFound, "there is no such quote of this user")
        }
        let priority = input.priority ?? 0
        guard (0...9).contains(priority) else { throw ParameterError(name: "priority", reason: "must be 0 to 9") }
        let now = tools.clock.now
        guard quoted.quote.expiresAt > now else { throw Problem(.quoteExpired, "the quote has expired") }
        let entry: ModelEntry
        do { entry = try tools.sellable(quoted.quote.modelNumber) } catch {
            throw Problem(.modelUnavailable, error.detail)
        }
        let hardLimitAt = now + .seconds(entry.hardLimitSeconds)
        var progress = JobProgress(hardLimitAt: hardLimitAt, providerMicrodollars: quoted.providerMicrodollars)
        progress.nextAt = now + Self.reservingPatience
        return JobRow(
            jobID: input.jobID,
            key: key,
            fingerprint: fingerprint,
            userID: input.userID,
            chatID: input.chatID,
            quoteID: input.quoteID,
            modelNumber: entry.number,
            modelSlug: entry.slug,
            modelTitle: entry.title.ru,
            output: entry.output,
            inputs: quoted.inputs,
            priceKopecks: quoted.quote.priceKopecks,
            variant: quoted.quote.variant,
            isBound: quoted.quote.isBound ?? false,
            isFree: entry.isFree,
            typicalSeconds: entry.typicalSeconds,
            holdExpiresAt: hardLimitAt + GenerationConfiguration.holdGrace,
            progress: progress,
            priority: priority,
            trace: TraceContext.current,
            createdAt: now
        )
    }

    private static func limit(_ name: String, _ value: Int, retryAfter: Duration) -> Problem {
        Problem(
            .limitExceeded,
            "the limit \(name) is reached",
            members: ["limit": .string(name), "limit_value": .integer(Int64(value))],
            retryAfterSeconds: Int(max(1, retryAfter.inSeconds.rounded(.up)))
        )
    }

    func get(_ call: Call<GetJob>) async throws -> Job {
        try await answer(try await visible(call.parameters.jobID))
    }

    private func visible(_ id: JobID) async throws -> JobRow {
        guard let job = try await tools.jobs.find(id), job.progress.step != .refused else {
            throw Problem(.jobNotFound, "there is no job \(id)")
        }
        return job
    }

    func list(_ call: Call<ListJobs>) async throws -> ListJobs.Output {
        let limit = call.parameters.limit ?? 20
        guard (1...100).contains(limit) else { throw ParameterError(name: "limit", reason: "must be 1 to 100") }
        let rows = try await tools.jobs.list(call.parameters.userID, limit: limit)
        let assets = try await tools.assets.results(of: rows.map(\.jobID))
        return ListJobs.Output(jobs: rows.map { $0.published(assets[$0.jobID] ?? []) })
    }

    /// Cancelling a cancelled job again answers the same.
    func cancel(_ call: Call<CancelJob>) async throws -> Job {
        let id = call.parameters.jobID
        _ = try await visible(id)
        guard let job = try await tools.jobs.cancel(id, now: tools.clock.now) else {
            throw Problem(.jobNotFound, "there is no job \(id)")
        }
        guard job.progress.step != .reserving else {
            throw Problem(.inProgress, "the job is just being made", retryAfterSeconds: 1)
        }
        guard job.progress.verdict == .cancelled else {
            throw Problem(.notCancellable, "the provider has the job already, or it is over")
        }
        tools.wake.set()
        return try await answer(job)
    }
}
