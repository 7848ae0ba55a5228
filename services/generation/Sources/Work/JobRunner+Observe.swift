internal import Contracts
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Looking after a task: by callback, which is only a hint, and by polling.
extension JobRunner {
    /// A task that is said to have succeeded without any file is read this often before it counts as failed.
    private static let maximumEmptyReadings = 3

    func observe(_ job: JobRow) async throws -> JobRow? {
        guard let attempt = try await currentAttempt(of: job) else { return try await apply(.hardLimitPassed, to: job) }
        if let taskID = attempt.taskID {
            return try await poll(job, attempt, taskID, since: tools.clock.now)
        }
        if let hint = attempt.hintedTaskID { return try await adopt(hint, job, attempt) }
        return try await waitOrForget(job, attempt)
    }

    /// Takes a task whose id only a callback has told: its record must echo our token, or at least fit the attempt.
    private func adopt(_ taskID: String, _ job: JobRow, _ attempt: AttemptRow) async throws -> JobRow? {
        let since = tools.clock.now
        let reading = await tools.kie.record(taskID, of: route(of: job).family, key: attempt.providerKey)
        if case .unreadable(let reason) = reading.record {
            tools.log.info("record not readable", fields(job).merging([.reason: .string(reason)]) { $1 })
            return try await keepWaiting(job, attempt, since)
        }
        let echo = TaskEcho(reading.body)
        guard
            echo.fits(
                token: tools.token(for: attempt.attemptID),
                model: route(of: job).model,
                submittedAt: attempt.submittedAt
            )
        else {
            tools.metrics.callbacks.increment("foreign")
            tools.log.warning("callback named a task that is not ours", fields(job))
            return try await keepWaiting(job, attempt, since, AttemptStore.distrusted(attempt.attemptID))
        }
        do {
            return try await conclude(
                reading.record,
                job,
                attempt,
                since,
                AttemptStore.known(attempt.attemptID, taskID: taskID)
            )
        } catch let error as PostgresError where error.code == .uniqueViolation(constraint: "attempt_task") {
            tools.metrics.callbacks.increment("foreign")
            return try await keepWaiting(job, attempt, since, AttemptStore.distrusted(attempt.attemptID))
        }
    }

    /// How the job's model is reached; a model whose file is gone since a restart was on the common call most likely.
    private func route(of job: JobRow) -> ProviderRoute {
        tools.catalogue.entry(job.modelNumber)?.route
            ?? ProviderRoute(family: .market, model: job.modelSlug, create: "")
    }

    private func poll(_ job: JobRow, _ attempt: AttemptRow, _ taskID: String, since: Timestamp) async throws -> JobRow?
    {
        let reading = await tools.kie.record(taskID, of: route(of: job).family, key: attempt.providerKey)
        if case .unreadable(let reason) = reading.record {
            tools.log.info("record not readable", fields(job).merging([.reason: .string(reason)]) { $1 })
        }
        return try await conclude(reading.record, job, attempt, since, nil)
    }

    /// Draws the conclusion from a task's record.
    ///
    /// - Parameter adoption: Makes the task the attempt's own, if it is not yet.
    private func conclude(
        _ record: TaskRecord,
        _ job: JobRow,
        _ attempt: AttemptRow,
        _ since: Timestamp,
        _ adoption: SQL?
    ) async throws -> JobRow? {
        let id = attempt.attemptID
        switch record {
        case .failed(let failure):
            if let adoption { _ = try await tools.jobs.database.execute(adoption) }
            return try await fail(job, id, failure, as: failure.errorClass, key: nil)
        case .succeeded(let result) where result.urls.isEmpty && attempt.emptyReadings >= Self.maximumEmptyReadings:
            tools.log.error("task succeeded without a file", fields(job))
            return try await fail(
                job,
                id,
                ProviderFailure(code: nil, text: "success without files"),
                as: .unknown,
                key: nil
            )
        case .succeeded(let result) where !result.urls.isEmpty:
            tools.metrics.attempts.increment(job.output.rawValue, "succeeded")
            // Only ends a rest sooner: not worth failing a job that went well.
            try? await tools.health.succeeded(job.modelSlug)
            let files = result.urls.map { ResultFile(url: $0, assetID: AssetID(now: tools.clock.now)) }
            let results = try StoredJSON.encode(files)
            return try await apply(.succeeded, to: job) { change in
                change.attempt =
                    [adoption].compactMap { $0 }
                    + [AttemptStore.succeeded(id, results: results, millicredits: result.millicredits)]
            }
        // A success here is one without files.
        case .succeeded, .running, .notVisible, .unreadable:
            guard tools.clock.now < job.progress.hardLimitAt || job.progress.step == .late else {
                return try await apply(.hardLimitPassed, to: job)
            }
            return try await keepPolling(job, attempt, since, adoption, isEmpty: record.isSuccess)
        }
    }

    private func keepPolling(
        _ job: JobRow,
        _ attempt: AttemptRow,
        _ since: Timestamp,
        _ adoption: SQL?,
        isEmpty: Bool
    ) async throws -> JobRow? {
        let now = tools.clock.now
        let wait = tools.configuration.polls.nextWait(
            elapsed: now - attempt.submittedAt,
            pollsAfterCallback: attempt.callbackAt == nil ? nil : attempt.pollsAfterCallback,
            random: .random(in: 0..<1)
        )
        return try await apply(.stillRunning(pollAt: now + wait), to: job) { change in
            change.attempt = [adoption].compactMap { $0 } + [AttemptStore.polled(attempt.attemptID, isEmpty: isEmpty)]
            change.observedSince = since
        }
    }

    /// Waits on for the callback of a submission whose outcome is unknown.
    private func keepWaiting(_ job: JobRow, _ attempt: AttemptRow, _ since: Timestamp, _ note: SQL? = nil) async throws
        -> JobRow?
    {
        let now = tools.clock.now
        guard now < attempt.waitUntil || job.progress.step == .late else { return try await forget(job, attempt) }
        // A hint that can't be checked now is checked again soon; without one only the callback or the end counts.
        let pollAt = note == nil ? now + .seconds(2) : attempt.waitUntil
        return try await apply(.stillRunning(pollAt: min(pollAt, attempt.waitUntil)), to: job) { change in
            change.attempt = [note ?? AttemptStore.polled(attempt.attemptID)]
            change.observedSince = since
        }
    }

    private func waitOrForget(_ job: JobRow, _ attempt: AttemptRow) async throws -> JobRow? {
        let now = tools.clock.now
        if job.progress.step == .late { return try await apply(.stillRunning(pollAt: now), to: job) }
        if attempt.state == .submitted {
            // Only a process that died leaves an attempt like this.
            let until = min(job.progress.hardLimitAt, attempt.submittedAt + unknownWait(job))
            return try await apply(.submissionUnknown(waitUntil: until), to: job) { change in
                change.attempt = [AttemptStore.unknown(attempt.attemptID, waitUntil: until)]
                change.observedSince = attempt.submittedAt
            }
        }
        guard now >= attempt.waitUntil else {
            try await tools.jobs.release(job, until: attempt.waitUntil)
            return nil
        }
        return try await forget(job, attempt)
    }

    private func forget(_ job: JobRow, _ attempt: AttemptRow) async throws -> JobRow? {
        tools.metrics.attempts.increment(job.output.rawValue, "forgotten")
        tools.log.error("submission without answer and callback", fields(job))
        return try await apply(.submissionForgotten, to: job) {
            $0.attempt = [AttemptStore.forgotten(attempt.attemptID)]
        }
    }
}
