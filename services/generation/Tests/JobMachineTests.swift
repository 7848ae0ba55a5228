import Contracts
import ProofKit
import Testing
import Time

@testable import GenerationService

struct JobMachineTests {
    private let now = Timestamp(seconds: 1_000)

    private func job(_ step: JobStep, _ change: (inout JobProgress) -> Void = { _ in }) -> JobProgress {
        var job = JobProgress(hardLimitAt: now + .seconds(900), providerMicrodollars: 4_000)
        job.step = step
        change(&job)
        return job
    }

    private func waiting(_ step: JobStep, attempt: Int = 1, postponements: Int = 0) -> JobProgress {
        job(step) {
            ($0.isWaitingForSlot, $0.attempt, $0.postponements, $0.nextAt) = (true, attempt, postponements, now)
        }
    }

    private func apply(_ event: JobEvent, _ job: JobProgress) -> (job: JobProgress, facts: [FactKind])? {
        JobMachine.apply(event, to: job, now: now).map { ($0.0, $0.1) }
    }

    @Test func `the straight way reports acceptance, running and success, each once`() throws {
        var job = job(.reserving)
        var facts: [FactKind] = []
        let later = now + .seconds(10)
        let events: [(JobEvent, JobStep, Timestamp?)] = [
            (.holdPlaced, .accepted, now), (.submitting(until: later), .running, later),
            (.taskKnown(pollAt: later), .running, later), (.stillRunning(pollAt: later), .running, later),
            (.succeeded, .storing, now), (.stored(count: 1), .settling, now), (.settled, .ended, nil),
        ]
        for (event, step, nextAt) in events {
            let result = try #require(apply(event, job))
            #expect(result.job.step == step && result.job.nextAt == nextAt, "\(event)")
            job = result.job
            facts += result.facts
        }
        #expect(job.verdict == .succeeded && facts == [.jobAccepted, .jobRunning, .jobSucceeded])
    }

    @Test func `an event that does not fit the step changes nothing, whatever the pair`() {
        let fitting: [JobStep: Set<Int>] = [
            .reserving: [0, 1, 17], .refused: [], .accepted: [2, 3, 9, 11, 12, 16], .running: [2, 3, 9, 11, 12, 16],
            .storing: [13], .settling: [14], .ended: [15], .late: [7, 8, 9, 10], .planned: [2, 18, 19],
            .extending: [2, 20, 21],
        ]
        let events: [JobEvent] = [
            .holdPlaced, .holdRefused, .cancelAsked, .submitting(until: now), .taskKnown(pollAt: now),
            .submissionUnknown(waitUntil: now), .submissionForgotten, .failed(.temporary), .stillRunning(pollAt: now),
            .hardLimitPassed, .succeeded, .inputUnavailable, .inputDelayed, .stored(count: 1), .settled,
            .calledBackLate,
            .modelGone, .planned, .previousSucceeded(hardLimitAt: now), .previousEnded(.failed), .holdExtended,
            .holdGone,
        ]
        for step in JobStep.allCases {
            let job = job(step) { ($0.isWaitingForSlot, $0.verdict) = (true, .failed) }
            for (index, event) in events.enumerated() {
                #expect((apply(event, job) != nil) == fitting[step]?.contains(index), "\(step) \(event)")
            }
        }
    }

    @Test func `only a job without a live task can be cancelled`() {
        #expect(apply(.cancelAsked, waiting(.accepted))?.job.verdict == .cancelled)
        #expect(apply(.cancelAsked, waiting(.running, attempt: 2))?.job.verdict == .cancelled)
        #expect(apply(.cancelAsked, job(.running)) == nil)
        #expect(apply(.cancelAsked, job(.storing)) == nil)
        #expect(apply(.cancelAsked, job(.reserving)) == nil)
    }

    @Test func `a later stage waits, begins with a limit of its own, and is never begun after a failure`() throws {
        let planned = try #require(apply(.planned, job(.reserving)))
        #expect(planned.job.step == .planned && planned.job.nextAt == nil && planned.facts.isEmpty)
        #expect(planned.job.published == .accepted)
        let limit = now + .seconds(60)
        let begun = try #require(apply(.previousSucceeded(hardLimitAt: limit), planned.job))
        #expect(begun.job.step == .extending && begun.job.nextAt == now && begun.job.hardLimitAt == limit)
        let ready = try #require(apply(.holdExtended, begun.job))
        #expect(ready.job.step == .accepted && ready.job.isWaitingForSlot)
        #expect(apply(.holdGone, begun.job)?.job.failure == .unknown)
        let skipped = try #require(apply(.previousEnded(.failed), planned.job))
        #expect(skipped.job.step == .settling && skipped.job.failure == .previousStage)
        #expect(apply(.previousEnded(.cancelled), planned.job)?.job.verdict == .cancelled)
        #expect(apply(.cancelAsked, begun.job)?.job.verdict == .cancelled)
    }

    @Test func `a second submission of the same job is refused`() {
        #expect(apply(.submitting(until: now), job(.running)) == nil)
    }

    @Test func `a temporary failure counts as a try, a limit does not`() throws {
        let retried = try #require(apply(.failed(.temporary), job(.running)))
        #expect(retried.job.attempt == 2 && retried.job.isWaitingForSlot && retried.facts == [.jobRetrying])
        #expect(retried.job.published == .retrying && retried.job.nextAt == now + .seconds(2))
        let limited = try #require(apply(.failed(.rateLimit), job(.running)))
        #expect(limited.job.attempt == 1 && limited.job.postponements == 1 && limited.facts == [])
        #expect(limited.job.published == .accepted)
    }

    @Test(
        "a failure that is final releases with its reason",
        arguments: [
            (.refused, .refused), (.invalidInput, .invalidInput), (.notFound, .provider), (.unknown, .unknown),
        ] as [(ErrorClass, JobFailure)]
    )
    func final(_ errorClass: ErrorClass, _ failure: JobFailure) throws {
        let result = try #require(apply(.failed(errorClass), job(.running)))
        #expect(result.job.step == .settling && result.job.verdict == .failed && result.job.failure == failure)
        let ended = try #require(apply(.settled, result.job))
        #expect(ended.facts == [.jobFailed] && ended.job.nextAt == nil)
    }

    @Test func `the third failed try and a retry beyond the hard limit end the job`() {
        #expect(apply(.failed(.temporary), job(.running) { $0.attempt = 3 })?.job.failure == .provider)
        let late = job(.running) { $0.hardLimitAt = now + .seconds(1) }
        #expect(apply(.failed(.temporary), late)?.job.failure == .provider)
        #expect(apply(.failed(.rateLimit), late)?.job.failure == .provider)
    }

    @Test func `an unanswered submission is repeated once, and only if it costs nothing`() throws {
        #expect(apply(.submissionForgotten, job(.running))?.job.failure == .unknown)
        let costless = job(.running) { $0.providerMicrodollars = 0 }
        let repeated = try #require(apply(.submissionForgotten, costless))
        #expect(repeated.job.isWaitingForSlot && repeated.job.isResubmitted && repeated.job.attempt == 1)
        let again = job(.running) { ($0.providerMicrodollars, $0.isResubmitted) = (0, true) }
        #expect(apply(.submissionForgotten, again)?.job.failure == .unknown)
    }

    @Test func `polling never waits beyond the hard limit`() {
        let far = now + .seconds(10_000)
        #expect(apply(.stillRunning(pollAt: far), job(.running))?.job.nextAt == now + .seconds(900))
    }

    @Test func `a job past its hard limit is released, with or without a task`() {
        #expect(apply(.hardLimitPassed, waiting(.accepted))?.job.failure == .timeout)
        #expect(apply(.hardLimitPassed, job(.running))?.job.failure == .timeout)
        #expect(apply(.modelGone, waiting(.accepted))?.job.failure == .provider)
        #expect(apply(.hardLimitPassed, job(.storing)) == nil, "a result that exists is kept")
    }

    @Test func `nothing stored is a failure of the provider`() {
        #expect(apply(.stored(count: 0), job(.storing))?.job.failure == .provider)
    }

    @Test func `an input that stays unreachable ends the job after some tries`() {
        var current = waiting(.accepted)
        var rounds = 0
        while let next = apply(.inputDelayed, current), next.job.step == .accepted {
            current = next.job
            rounds += 1
        }
        #expect(rounds == RetryPolicy.inputPostponements)
        #expect(apply(.inputDelayed, current)?.job.failure == .inputUnavailable)
    }

    @Test func `a success after the end is given away, once`() throws {
        let ended = job(.ended) { ($0.verdict, $0.failure) = (.failed, .timeout) }
        let late = try #require(apply(.calledBackLate, ended))
        #expect(late.job.step == .late && late.facts == [] && late.job.published == .failed)
        let storing = try #require(apply(.succeeded, late.job))
        #expect(storing.job.isLate && storing.job.step == .storing)
        let done = try #require(apply(.stored(count: 1), storing.job))
        #expect(done.job.step == .ended && done.job.verdict == .succeeded && done.facts == [.jobSucceeded])
        #expect(apply(.calledBackLate, done.job) == nil)
    }

    @Test func `a late callback without a result leaves the failure as it was`() throws {
        let late = job(.late) { ($0.verdict, $0.failure) = (.failed, .timeout) }
        for event in [JobEvent.failed(.refused), .stillRunning(pollAt: now)] {
            let result = try #require(apply(event, late))
            #expect(result.job.step == .ended && result.job.failure == .timeout && result.facts == [])
        }
    }

    /// Random walks: whatever happens in whatever order, a job ends once, says so once, and is then left alone.
    @Test func `every walk ends with exactly one last word`() {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<2_000 {
            var job = job(.reserving)
            var time = now
            var facts: [FactKind] = []
            for _ in 0..<200 where job.step != .ended && job.step != .refused {
                time = time + .seconds(Int.random(in: 0...20, using: &generator))
                let event = Self.events(time).randomElement(using: &generator) ?? .settled
                guard let (next, told) = JobMachine.apply(event, to: job, now: time) else { continue }
                #expect((next.nextAt == nil) == (next.step == .ended || next.step == .refused))
                #expect(!next.isWaitingForSlot || next.step == .accepted || next.step == .running)
                job = next
                facts += told
            }
            let last = facts.filter { [.jobSucceeded, .jobFailed, .jobCancelled].contains($0) }
            #expect(last.count == (job.step == .ended ? 1 : 0))
            #expect(job.step == .ended || job.step == .refused || facts.last != .jobSucceeded)
        }
    }

    private static func events(_ time: Timestamp) -> [JobEvent] {
        [
            .holdPlaced, .holdPlaced, .holdRefused, .cancelAsked, .submitting(until: time + .seconds(60)),
            .taskKnown(pollAt: time), .submissionUnknown(waitUntil: time), .submissionForgotten,
            .failed(ErrorClass.allCases[Int(time.microseconds / 1_000_000) % ErrorClass.allCases.count]),
            .inputUnavailable, .inputDelayed, .stillRunning(pollAt: time), .succeeded, .hardLimitPassed,
            .stored(count: Int(time.microseconds / 1_000_000) % 2), .settled,
        ]
    }
}
