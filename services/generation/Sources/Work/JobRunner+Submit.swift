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
}
