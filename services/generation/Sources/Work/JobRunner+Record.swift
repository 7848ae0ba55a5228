internal import Contracts
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// What becomes of an attempt when the provider has answered.
extension JobRunner {
    /// A task's id is told once, and without it only a callback brings the result. The job's fencing number keeps what
    /// another worker has done since; a repeat after a commit that was not heard of writes the same and reports it again.
    private func persist(_ write: () async throws -> JobRow?) async throws -> JobRow? {
        try await PersistentWrite.run(on: tools.loop, write)
    }

    /// Stores what createTask answered, with what follows from it.
    func record(
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
