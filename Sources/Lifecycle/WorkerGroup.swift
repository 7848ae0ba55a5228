package import Concurrency
package import EventLoop
package import Telemetry
internal import Time

/// Keeps workers running: each one in a task of its own on the loop, started again when it ends by itself.
///
/// Metrics: `atelier_worker_restarts_total{worker}`, `atelier_worker_running{worker}`.
package final class WorkerGroup: Sendable {
    private struct Slot {
        var restart = WorkerRestart()
        var began = Deadline(nanoseconds: 0)
        var ran: Duration { .nanoseconds(Int64(clamping: Deadline.monotonicNow() - began.nanoseconds)) }
    }

    private let workers: [any Worker]
    private let loop: EventLoop
    private let log: Log
    private let backoff: Backoff
    private let restarts: Counter
    private let running: Gauge
    private let slots: Locked<[String: Slot]>
    private let task = Locked<Task<Void, Never>?>(nil)

    /// Adds a check `worker.<name>` for every worker to `readiness`.
    package init(
        _ workers: [any Worker],
        loop: EventLoop,
        readiness: ReadinessChecks,
        metrics: Metrics,
        log: Log,
        backoff: Backoff = Backoff(first: .milliseconds(200), cap: .seconds(5))
    ) {
        self.workers = workers
        self.loop = loop
        self.log = log
        self.backoff = backoff
        self.restarts = metrics.counter(
            "atelier_worker_restarts_total",
            "Workers started again after they ended by themselves.",
            labels: ["worker"]
        )
        self.running = metrics.gauge("atelier_worker_running", "Whether a worker runs now.", labels: ["worker"])
        let slots = Locked<[String: Slot]>([:])
        self.slots = slots
        for worker in workers {
            let name = worker.name
            slots.withLock { $0[name] = Slot() }
            restarts.add(0, name)
            readiness.ask("worker.\(name)") {
                slots.withLock { slots in slots[name].flatMap { $0.restart.missingReason(runningFor: $0.ran) } }
            }
        }
    }

    /// Starts all workers and returns at once. A second call does nothing.
    package func start() {
        task.withLock { task in
            guard task == nil else { return }
            // Unstructured because workers live from start to stop, which are two calls; `stop` cancels and awaits it.
            task = Task(executorPreference: loop) { await self.runAll() }
        }
    }

    /// Cancels all workers and waits until they have returned. May be called more than once, or without `start`.
    package func stop() async {
        guard let task = task.withLock({ $0 }) else { return }
        task.cancel()
        await task.value
    }

    private func runAll() async {
        await withTaskGroup(of: Void.self) { group in
            for worker in workers {
                group.addTask { await self.keepRunning(worker) }
            }
        }
    }

    private func keepRunning(_ worker: any Worker) async {
        let name = worker.name
        while !Task.isCancelled {
            change(name) { slot in
                slot.restart.began()
                slot.began = Deadline(nanoseconds: Deadline.monotonicNow())
            }
            running.set(1, name)
            let reason = await reasonForEnd(of: worker)
            running.set(0, name)
            if Task.isCancelled { break }

            let attempt = change(name) { $0.restart.ended(after: $0.ran) } ?? 1
            restarts.increment(name)
            log.error(
                "worker ended by itself",
                [.worker: .string(name), .reason: .string(reason), .attempt: .int(attempt)]
            )
            do { try await loop.sleep(for: backoff.delay(attempt: attempt)) } catch { break }  // Cancelled: stopping.
        }
        change(name) { $0.restart.stopped() }
    }

    private func reasonForEnd(of worker: any Worker) async -> String {
        do {
            try await worker.run()
            return "returned"
        } catch {
            return String(describing: error)
        }
    }

    @discardableResult
    private func change<Result: Sendable>(_ name: String, _ body: (inout Slot) -> Result) -> Result? {
        slots.withLock { slots in
            guard var slot = slots[name] else { return nil }
            let result = body(&slot)
            slots[name] = slot
            return result
        }
    }
}
