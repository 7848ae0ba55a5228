import Concurrency
import EventLoop
import Lifecycle
import Telemetry
import Testing

@Suite struct WorkerRestartTests {
    @Test func `pauses grow while a worker keeps ending and start over after a steady run`() {
        var restart = WorkerRestart()
        #expect(restart.missingReason(runningFor: .zero) == "not started")
        var attempts: [Int] = []
        for ran in [Duration.seconds(1), .seconds(2), .seconds(61), .zero] {
            restart.began()
            attempts.append(restart.ended(after: ran))
        }
        #expect(attempts == [1, 2, 1, 2])
    }

    @Test func `a worker that fails now and then leaves its service ready`() {
        var restart = WorkerRestart()
        for _ in 1..<WorkerRestart.failingAfter {
            restart.began()
            _ = restart.ended(after: .zero)
            #expect(restart.missingReason(runningFor: .zero) == nil)
        }
        restart.began()
        _ = restart.ended(after: .zero)
        #expect(restart.missingReason(runningFor: .zero) == "ended 5 times in a row")
        restart.began()
        #expect(restart.missingReason(runningFor: .milliseconds(4_999)) != nil)
        #expect(restart.missingReason(runningFor: .seconds(5)) == nil)
    }

    @Test func `a stopped worker is missing`() {
        var restart = WorkerRestart()
        restart.began()
        restart.stopped()
        #expect(restart.missingReason(runningFor: .zero) == "not started")
    }
}

/// Ends by itself a number of times, then runs until it is cancelled.
private final class Shaky: Worker {
    struct Fault: Error {}
    let name = "shaky"
    let runs = Locked(0)
    let failures: Int
    let loop: EventLoop
    let steady: AsyncStream<Void>
    private let tellSteady: AsyncStream<Void>.Continuation

    init(failures: Int, loop: EventLoop) {
        self.failures = failures
        self.loop = loop
        (steady, tellSteady) = AsyncStream.makeStream()
    }

    func run() async throws {
        let run = runs.withLock { runs in
            runs += 1
            return runs
        }
        if run <= failures {
            if run % 2 == 0 { return }
            throw Fault()
        }
        tellSteady.yield()
        try await loop.sleep(for: .seconds(3_600))
    }
}

@Suite struct WorkerGroupTests {
    private let loop = EventLoop(name: "test")
    private let metrics = Metrics(service: "test")
    private let readiness = ReadinessChecks()

    private func group(_ worker: any Worker) -> WorkerGroup {
        WorkerGroup(
            [worker],
            loop: loop,
            readiness: readiness,
            metrics: metrics,
            log: Log(service: "test", sink: NoLog()),
            backoff: Backoff(first: .milliseconds(1), cap: .milliseconds(2))
        )
    }

    @Test func `a worker that throws or returns is started again and counted`() async {
        let worker = Shaky(failures: 3, loop: loop)
        let group = group(worker)
        #expect(await readiness.missing().map(\.check) == ["worker.shaky"])
        group.start()
        for await _ in worker.steady { break }
        #expect(metrics.counter("atelier_worker_restarts_total", "", labels: ["worker"]).value("shaky") == 3)
        #expect(await readiness.missing().isEmpty)
        await group.stop()
        #expect(worker.runs.withLock { $0 } == 4)
        #expect(await readiness.missing() == [.init(check: "worker.shaky", reason: "not started")])
    }

    @Test func `stopping before the start and stopping twice are harmless`() async {
        let group = group(Shaky(failures: 0, loop: loop))
        await group.stop()
        group.start()
        group.start()
        await group.stop()
        await group.stop()
    }

    @Test func `a worker that keeps failing makes the service not ready`() async {
        let worker = Shaky(failures: 7, loop: loop)
        let group = group(worker)
        group.start()
        for await _ in worker.steady { break }
        #expect(await readiness.missing() == [.init(check: "worker.shaky", reason: "ended 7 times in a row")])
        await group.stop()
    }
}

struct NoLog: LogSink {
    func write(_ line: [UInt8]) {}
    func flush() {}
}
