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
    private let admission: JobAdmission

    init(tools: Toolbox) {
        self.tools = tools
        self.runner = JobRunner(tools: tools)
        self.admission = JobAdmission(tools: tools)
    }

    /// Writes the row, places the hold, accepts the job. What a crash interrupts, the caller's repeat or a worker
    /// completes: the hold's key and bytes are in the row.
    func create(_ input: CreateJob.Input, _ call: Call<CreateJob>) async throws -> Answer<Job> {
        let fingerprint = call.fingerprint
        if let known = try await find(input.jobID, call.idempotencyKey) { return try await goOn(known, fingerprint) }
        let (job, credit) = try await newJob(input, call.idempotencyKey, fingerprint)
        guard try await admission.insert([job], credit: credit) else {
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

    /// Answers for a job that exists, and takes up a hold that was left open, unless a worker is at it.
    private func goOn(_ job: JobRow, _ fingerprint: [UInt8]) async throws -> Answer<Job> {
        guard constantTimeEquals(job.fingerprint, fingerprint) else {
            throw Problem(.idempotencyMismatch, "the key or job id was used for another job")
        }
        guard job.progress.step == .reserving else { return .replayed(try await answer(job)) }
        // Two that work under one fencing number could both go on from here.
        guard !job.isLeased else { throw Problem(.inProgress, "the job is just being made", retryAfterSeconds: 1) }
        return .replayed(try await accepted(job))
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

    private func newJob(
        _ input: CreateJob.Input,
        _ key: String,
        _ fingerprint: [UInt8]
    ) async throws -> (job: JobRow, credit: TrialCredit?) {
        let quoted = try await admission.quote(input.quoteID, of: input.userID)
        guard quoted.plan == nil else {
            throw Problem(.quoteNotFound, "the quote is for a group")
        }
        let row = try admission.row(
            quoted.single.stages[0],
            JobAdmission.Order(
                jobID: input.jobID,
                key: key,
                fingerprint: fingerprint,
                quoteID: input.quoteID,
                userID: input.userID,
                chatID: input.chatID,
                priority: input.priority,
                createdAt: tools.clock.now
            ),
            credit: quoted.credit
        )
        return (row, quoted.credit)
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
