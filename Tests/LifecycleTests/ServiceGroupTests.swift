import Concurrency
import EventLoop
import Lifecycle
import Telemetry
import Testing
import Time

@Suite struct ServiceGroupTests {
    private struct Fault: Error {}
    private let loop = EventLoop(name: "test")
    private let events = Locked<[String]>([])

    private func stage(_ name: String, fails: Bool = false) -> Stage {
        Stage(
            name,
            start: { [events] in
                if fails { throw Fault() }
                events.withLock { $0.append("start \(name)") }
            },
            stop: { [events] _ in events.withLock { $0.append("stop \(name)") } }
        )
    }

    private func group(_ stages: [Stage], within: Duration = .seconds(5)) -> ServiceGroup {
        ServiceGroup(stages, stopWithin: within, loop: loop, log: Log(service: "test", sink: NoLog()))
    }

    @Test func `stages start in order and stop in reverse`() async throws {
        let group = group([stage("a"), stage("b"), stage("c")])
        try await group.start()
        await group.stop()
        #expect(events.withLock { $0 } == ["start a", "start b", "start c", "stop c", "stop b", "stop a"])
    }

    @Test func `when a stage fails, only those before it are stopped`() async {
        let group = group([stage("a"), stage("b", fails: true), stage("c")])
        await #expect(throws: Fault.self) { try await group.start() }
        #expect(events.withLock { $0 } == ["start a", "stop a"])
    }

    @Test func `stopping twice stops once`() async throws {
        let group = group([stage("a")])
        try await group.start()
        await group.stop()
        await group.stop()
        #expect(events.withLock { $0 } == ["start a", "stop a"])
    }

    @Test func `a stage that does not stop holds up nobody for longer than the bound`() async throws {
        let loop = loop
        let stuck = Stage("stuck", stop: { _ in try? await loop.sleep(for: .seconds(3_600)) })
        let group = group([stage("a"), stuck], within: .milliseconds(50))
        try await group.start()
        let started = Deadline.monotonicNow()
        await group.stop()
        // An hour if it were held up; generous, because test machines are busy.
        #expect(Deadline.monotonicNow() - started < 30_000_000_000)
        #expect(events.withLock { $0 } == ["start a", "stop a"])
    }
}

@Suite struct StopDecisionTests {
    @Test func `the first signal stops, every further one exits at once`() {
        var decision = StopDecision()
        #expect(decision.signalled() == .stop)
        #expect(decision.signalled() == .exitAtOnce)
        #expect(decision.signalled() == .exitAtOnce)
    }
}

@Suite struct ReadinessTests {
    @Test func `everything that is missing is named, in order`() async {
        let readiness = ReadinessChecks()
        readiness.set("migrations", missing: "2 pending")
        readiness.set("database", missing: nil)
        readiness.ask("worker.sweep") { "not started" }
        readiness.ask("database") { nil }
        #expect(
            await readiness.missing() == [
                .init(check: "migrations", reason: "2 pending"), .init(check: "worker.sweep", reason: "not started"),
            ]
        )
        readiness.set("migrations", missing: nil)
        readiness.ask("worker.sweep") { nil }
        #expect(await readiness.missing().isEmpty)
    }

    @Test func `a check that is set as missing is not asked as well`() async {
        let readiness = ReadinessChecks()
        readiness.set("database", missing: "stopping")
        readiness.ask("database") {
            Issue.record("asked although the answer is known")
            return nil
        }
        #expect(await readiness.missing() == [.init(check: "database", reason: "stopping")])
    }
}
