internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// Does the steps of one claimed job, one after the other, until it has to wait.
///
/// Each step has an effect outside the database at most once between two commits, and every effect is keyed or
/// repeatable: a crash anywhere repeats one step.
struct JobRunner: Sendable {
    let tools: Toolbox

    /// Pauses after trouble with our own neighbours or database.
    private static let troublePause = Duration.seconds(2)

    /// Never throws: trouble is logged and the job looked at again later.
    func work(_ job: JobRow) async {
        var job = job
        do {
            while !Task.isCancelled, let next = try await step(job) {
                job = next
                guard job.progress.isDue(tools.clock.now) else { return }
            }
        } catch is LostLease {
            tools.metrics.lostLeases.increment()
        } catch is CancellationError {
            return
        } catch {
            tools.log.warning("job step failed", fields(job).merging([.error: .describing(error)]) { $1 })
            // If this fails too, the lease runs out.
            try? await tools.jobs.release(job, until: tools.clock.now + Self.troublePause)
        }
    }

    /// - Returns: The job after the step; nil if there is nothing (more) to do now.
    private func step(_ job: JobRow) async throws -> JobRow? {
        switch job.progress.step {
        case .reserving:
            return try await placeHold(job)
        case .extending:
            return try await extendHold(job)
        case .accepted, .running:
            return job.progress.isWaitingForSlot ? try await submit(job) : try await observe(job)
        case .late:
            return try await observe(job)
        case .storing:
            return try await store(job)
        case .settling:
            return try await settle(job)
        case .refused, .planned, .ended:
            try await tools.jobs.release(job, until: nil)
            return nil
        }
    }

    /// Applies an event and commits it.
    ///
    /// - Parameter build: Adds what goes with the new progress.
    /// - Returns: The job after it; nil if the event does not apply any more, and then the job is given back.
    func apply(
        _ event: JobEvent,
        to job: JobRow,
        _ build: (inout JobChange) -> Void = { _ in }
    ) async throws -> JobRow? {
        let now = tools.clock.now
        guard let (progress, facts) = JobMachine.apply(event, to: job.progress, now: now) else {
            try await tools.jobs.release(job, until: nil)
            return nil
        }
        var change = JobChange(progress: progress, facts: facts)
        build(&change)
        let updated = try await tools.jobs.commit(change, of: job, now: now)
        if !facts.isEmpty { tools.wakeOutbox() }
        return updated
    }

    func fields(_ job: JobRow) -> [LogKey: LogValue] {
        [.jobID: .describing(job.jobID), .model: .string(job.modelSlug)]
    }
}
