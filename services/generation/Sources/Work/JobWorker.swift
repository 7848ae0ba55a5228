internal import Concurrency
internal import Contracts
internal import Jobs
internal import Lifecycle
internal import Telemetry
internal import Time

/// Claims jobs that are due and works on each in a task of its own, until it has to wait for something.
///
/// Every instance runs one. A job is leased by a fencing number while it is worked on; when the process dies, another
/// instance takes over once the lease has run out, and goes on with the step that the row names.
final class JobWorker: Worker {
    let name = "job.work"
    private let tools: Toolbox
    private let runner: JobRunner
    private let instance: String
    /// How often the table is looked at without a wake: covers jobs that other instances accepted and died with.
    private let tick: Duration
    private let held = Locked<[JobID: Int64]>([:])

    init(_ tools: Toolbox, instance: String, tick: Duration = .milliseconds(500)) {
        self.tools = tools
        self.runner = JobRunner(tools: tools)
        self.instance = instance
        self.tick = tick
    }

    func run() async throws {
        held.withLock { $0 = [:] }
        await withDiscardingTaskGroup { group in
            var lastRenewal = Deadline.monotonicNow()
            let renewal = UInt64(max(0, (tools.configuration.lease / 3).wholeMicroseconds)) * 1_000
            while !Task.isCancelled {
                var pause = tick
                do {
                    if Deadline.monotonicNow() - lastRenewal >= renewal {
                        lastRenewal = Deadline.monotonicNow()
                        try await renew()
                    }
                    pause = try await startDueJobs(&group)
                } catch  where !Task.isCancelled {
                    // Not rethrown: the jobs under way must not be cancelled because the database hiccups.
                    tools.log.warning("jobs not claimed", [.error: .describing(error)])
                } catch { break }
                await tools.wake.wait(upTo: min(tick, pause, tools.configuration.lease / 4))
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    /// - Returns: How long until there is a slot for a submission again.
    private func startDueJobs(_ group: inout DiscardingTaskGroup) async throws -> Duration {
        let free = tools.configuration.concurrency - held.withLock { $0.count }
        guard free > 0 else { return tick }
        let (pool, now) = try await tools.keys.pool()
        let slots = pool.free(now: now)
        let claimed = try await tools.jobs.claim(
            owner: instance,
            lease: tools.configuration.lease,
            atMost: free,
            submissions: slots,
            runningPerUser: tools.configuration.maximumRunningJobs
        )
        for job in claimed {
            held.withLock { $0[job.jobID] = job.fence }
            group.addTask { await self.work(job) }
        }
        tools.metrics.workingJobs.set(Double(held.withLock { $0.count }))
        guard slots == 0, let next = pool.best(now: now)?.slot else { return tick }
        return max(.milliseconds(10), next - now)
    }

    private func renew() async throws {
        let jobs = held.withLock { $0 }
        guard !jobs.isEmpty else { return }
        try await tools.jobs.renew(jobs, lease: tools.configuration.lease)
    }

    private func work(_ job: JobRow) async {
        await TraceContext.$current.withValue(job.trace?.child()) {
            await runner.work(job)
        }
        held.withLock { held in
            if held[job.jobID] == job.fence { held[job.jobID] = nil }
        }
        // What the job waits for may have happened while it was held.
        tools.wake.set()
    }
}
