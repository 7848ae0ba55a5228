internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Submitting a job to the provider.
extension JobRunner {
    /// Uploads the inputs, commits an attempt with its token and a slot, and only then calls createTask.
    func submit(_ job: JobRow) async throws -> JobRow? {
        let now = tools.clock.now
        guard now < job.progress.hardLimitAt else { return try await apply(.hardLimitPassed, to: job) }
        guard let entry = tools.catalogue.entry(job.modelNumber) else {
            tools.log.error("model of a job left the catalogue", fields(job))
            return try await apply(.modelGone, to: job)
        }
        var (pool, databaseNow) = try await tools.keys.pool()
        // The id of an earlier task means something to its own account only.
        if let key = try await keyOfEarlierTask(job, entry) {
            let account = pool.keys.first { $0.key == key }?.account
            pool.keys.removeAll { $0.account != account }
            guard !pool.keys.isEmpty else { return try await apply(.inputUnavailable, to: job) }
        }
        guard let choice = pool.best(now: databaseNow) else {
            throw PostgresError(.configuration, operation: "choose a provider key", detail: "no key is registered")
        }
        guard choice.slot <= databaseNow else {
            try await tools.jobs.release(job, until: min(choice.slot, job.progress.hardLimitAt))
            return nil
        }
        let input: [String: JSONValue]
        do {
            input = try await providerInput(of: job, entry, key: choice.key)
        } catch let trouble as InputTrouble {
            return try await handle(trouble, of: job, key: choice.key)
        }
        do {
            return try await call(job, entry, input, by: choice)
        } catch let error as AttemptStore.SlotTaken {
            try await tools.jobs.release(job, until: min(error.until, job.progress.hardLimitAt))
            return nil
        }
    }

    /// The key that made a result whose task is an input of the job.
    private func keyOfEarlierTask(_ job: JobRow, _ entry: ModelEntry) async throws -> String? {
        for facts in entry.inputs where facts.sends == .task {
            guard let id = job.inputs.media[facts.input.name]?.first?.assetID else { continue }
            return try await tools.assets.origin(of: id)?.providerKey
        }
        return nil
    }

    private func handle(_ trouble: InputTrouble, of job: JobRow, key: String) async throws -> JobRow? {
        tools.log.warning("input not usable", fields(job).merging([.reason: .string(trouble.reason)]) { $1 })
        if let failure = trouble.keyFailure, let rest = ProviderRest(after: failure) {
            try await tools.keys.rest(key, rest, reason: failure.rawValue)
        }
        return try await apply(trouble.isFinal ? .inputUnavailable : .inputDelayed, to: job)
    }

    private func call(
        _ job: JobRow,
        _ entry: ModelEntry,
        _ input: [String: JSONValue],
        by choice: ProviderPool.Choice
    ) async throws -> JobRow? {
        let now = tools.clock.now
        // Should this process die, nobody knows the outcome; another instance looks at the job then.
        let until = now + tools.configuration.submitTimeout + .seconds(5)
        guard let (progress, _) = JobMachine.apply(.submitting(until: until), to: job.progress, now: now) else {
            try await tools.jobs.release(job, until: nil)
            return nil
        }
        let id = UUID.v7(at: now)
        let begun = try await tools.attempts.begin(
            id,
            of: job,
            JobChange(progress: progress),
            by: choice,
            waitUntil: until
        )
        return try await tools.finishing {
            let submission = await answer(for: id) {
                await tools.kie.createTask(
                    entry.route,
                    input: input,
                    callbackURL: tools.callbackURL(for: id),
                    key: choice.key
                )
            }
            Failpoint.reach("generation.task_created")
            return try await record(submission, of: begun, id, key: choice.key, since: now)
        }
    }

    /// The answer of createTask; unknown as soon as the provider has called back, because then the task exists and its
    /// id is told: an answer that hangs must not keep a finished picture from its user.
    private func answer(for attempt: UUID, _ create: @escaping @Sendable () async -> Submission) async -> Submission {
        await withTaskGroup(of: Submission?.self) { group in
            group.addTask { await create() }
            group.addTask {
                // Cancelled when the answer is there. Trouble with the database leaves the answer to decide.
                while (try? await tools.loop.sleep(for: Self.callbackCheck)) != nil {
                    if (try? await tools.attempts.find(attempt))?.hintedTaskID != nil { return .unknown("called back") }
                }
                return nil
            }
            for await submission in group {
                guard let submission else { continue }
                group.cancelAll()
                return submission
            }
            return .unknown("cancelled")
        }
    }

    private static let callbackCheck = Duration.seconds(3)

    private static let maximumWrites = 7
    private static let writeBackoff = Backoff(first: .milliseconds(50), cap: .seconds(2))

    /// Repeats a write through a short outage of the database: a task's id is told once, and without it only a callback
    /// brings the result. The job's fencing number keeps what another worker has done since; a repeat after a commit
    /// that was not heard of writes the same and reports it again.
    private func persist(_ write: () async throws -> JobRow?) async throws -> JobRow? {
        var attempt = 1
        while true {
            do {
                return try await write()
            } catch let error as PostgresError where error.isRetryable && attempt < Self.maximumWrites {
                try await tools.loop.sleep(for: Self.writeBackoff.delay(attempt: attempt))
                attempt += 1
            }
        }
    }

    private func record(
        _ submission: Submission,
        of job: JobRow,
        _ id: UUID,
        key: String,
        since: Timestamp
    ) async throws -> JobRow? {
        let now = tools.clock.now
        switch submission {
        case .accepted(let taskID):
            // Only shortens a later rest: not worth failing a submission that went well.
            try? await tools.keys.thrive(key)
            let pollAt = now + tools.configuration.polls.firstWait(typicalSeconds: job.typicalSeconds)
            return try await persist {
                try await apply(.taskKnown(pollAt: pollAt), to: job) { change in
                    change.attempt = [AttemptStore.known(id, taskID: taskID)]
                    change.observedSince = since
                }
            }
        case .refused(let failure):
            return try await fail(job, id, failure, as: failure.errorClass, key: key)
        case .notSent(let reason):
            // Nothing left this machine, so the same try may go on.
            tools.log.warning("provider not reachable", fields(job).merging([.reason: .string(reason)]) { $1 })
            return try await fail(job, id, ProviderFailure(code: nil, text: reason), as: .unreachable, key: nil)
        case .unknown(let reason):
            tools.log.warning("outcome of submission unknown", fields(job).merging([.reason: .string(reason)]) { $1 })
            tools.metrics.attempts.increment(job.output.rawValue, "unknown")
            let until = min(job.progress.hardLimitAt, now + unknownWait(job))
            return try await apply(.submissionUnknown(waitUntil: until), to: job) { change in
                change.attempt = [AttemptStore.unknown(id, waitUntil: until)]
                change.observedSince = since
            }
        }
    }

    func unknownWait(_ job: JobRow) -> Duration {
        PollSchedule.unknownWait(typicalSeconds: job.typicalSeconds, grace: tools.configuration.unknownGrace)
    }

    /// Ends an attempt that failed and decides what is next.
    ///
    /// - Parameter key: The key to let rest if it is to blame; nil if it is not.
    func fail(
        _ job: JobRow,
        _ id: UUID,
        _ failure: ProviderFailure,
        as errorClass: ErrorClass,
        key: String?
    ) async throws -> JobRow? {
        tools.metrics.attempts.increment(job.output.rawValue, errorClass.rawValue)
        tools.log.info(
            "attempt failed",
            fields(job).merging([
                .attemptID: .describing(id), .failureClass: .string(errorClass.rawValue),
                .failureCode: .int(failure.code ?? 0),
            ]) { $1 }
        )
        if let key, let rest = ProviderRest(after: errorClass) {
            if errorClass != .rateLimit {
                tools.log.error(
                    "provider key rests, the operator must look",
                    [.providerKey: .string(key), .failureClass: .string(errorClass.rawValue)]
                )
            }
            try await tools.keys.rest(key, rest, reason: errorClass.rawValue)
        }
        if ModelHealth.blames(errorClass) { await noteFailure(job) }
        if errorClass == .fetchFailed {
            try await tools.assets.forgetUploads(of: try await inputAssets(of: job))
        }
        return try await persist {
            try await apply(.failed(errorClass), to: job) { $0.attempt = AttemptStore.failed(id, failure, errorClass) }
        }
    }

    /// Counts a failure of the model. Not counting one only hides a failing model later.
    private func noteFailure(_ job: JobRow) async {
        guard let health = try? await tools.health.failed(job.modelSlug), health.isHidden(now: tools.clock.now) else {
            return
        }
        tools.log.warning(
            "model hidden after repeated failures",
            fields(job).merging([.count: .int(health.failures)]) { $1 }
        )
    }
}
