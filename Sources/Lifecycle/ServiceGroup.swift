internal import Concurrency
package import EventLoop
package import Telemetry
internal import Time

/// One part of a process that is started and stopped: a listener, the workers, a pool.
package struct Stage: Sendable {
    package let name: String
    let start: @Sendable () async throws -> Void
    let stop: @Sendable (Duration) async -> Void

    /// - Parameters:
    ///   - start: Returns when the stage works.
    ///   - stop: Gives the stage up, within the time it is told; called only after `start` has returned.
    package init(
        _ name: String,
        start: @escaping @Sendable () async throws -> Void = {},
        stop: @escaping @Sendable (Duration) async -> Void = { _ in }
    ) {
        self.name = name
        self.start = start
        self.stop = stop
    }
}

/// Starts stages in order and stops them in reverse, within a bound.
package final class ServiceGroup: Sendable {
    /// What every stage gets to stop even if those above it used up the bound.
    private static let leastTime = Duration.milliseconds(200)

    private let stages: [Stage]
    private let stopWithin: Duration
    private let loop: EventLoop
    private let log: Log
    private let started = Locked<[Stage]>([])

    /// - Parameters:
    ///   - stages: In the order of dependency: what others need comes first.
    ///   - stopWithin: For all stages together; what takes longer is left behind and logged.
    package init(_ stages: [Stage], stopWithin: Duration = .seconds(10), loop: EventLoop, log: Log) {
        self.stages = stages
        self.stopWithin = stopWithin
        self.loop = loop
        self.log = log
    }

    /// Starts all stages. If one fails, those before it are stopped again.
    ///
    /// - Throws: What the stage threw.
    package func start() async throws {
        for stage in stages {
            do {
                try await stage.start()
            } catch {
                log.error("stage did not start", [.operation: .string(stage.name), .error: .describing(error)])
                await stop()
                throw error
            }
            started.withLock { $0.append(stage) }
        }
    }

    /// Stops what was started, last first. May be called more than once; later calls find nothing to do.
    package func stop() async {
        let deadline = Deadline.after(stopWithin)
        let toStop = started.withLock { started in
            defer { started = [] }
            return started
        }
        for stage in toStop.reversed() {
            // One that is stuck must not keep the pools below it from closing in order.
            let deadline = max(deadline, .after(Self.leastTime))
            do {
                try await loop.withDeadline(deadline) { await stage.stop(deadline.remaining) }
            } catch {
                log.warning("stage did not stop in time", [.operation: .string(stage.name)])
            }
        }
    }
}
