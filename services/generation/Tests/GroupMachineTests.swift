import Contracts
import Testing
import Time

@testable import GenerationService

/// What happens to the other jobs of a group, as a table and as random walks of whole groups.
struct GroupMachineTests {
    private let now = Timestamp(seconds: 1_000)

    private func orders(_ event: GroupEvent, copies: Int = 2, stages: Int = 3) -> [String] {
        GroupMachine.orders(after: event, copies: copies, stages: stages) { .seconds(Int64($0.stage)) }
            .map { "\($0.member.copy).\($0.member.stage) \($0.order)" }
    }

    private func member(_ copy: Int, _ stage: Int) -> GroupMember { GroupMember(copy: copy, stage: stage) }

    @Test func `one hold lets every first stage go and leaves the others waiting`() {
        #expect(
            orders(.held) == [
                "1.2 event(GenerationService.JobEvent.planned)", "1.3 event(GenerationService.JobEvent.planned)",
                "2.1 event(GenerationService.JobEvent.holdPlaced)", "2.2 event(GenerationService.JobEvent.planned)",
                "2.3 event(GenerationService.JobEvent.planned)",
            ]
        )
        #expect(orders(.refused, stages: 1) == ["2.1 event(GenerationService.JobEvent.holdRefused)"])
    }

    @Test func `a result starts the next stage of its own copy, a failure ends the rest of it`() {
        let started = GroupMachine.orders(after: .ended(member(2, 1), .succeeded), copies: 2, stages: 3) {
            .seconds(Int64($0.stage))
        }
        #expect(started.map(\.member) == [member(2, 2)] && started[0].order == .start(within: .seconds(2)))
        #expect(orders(.ended(member(2, 3), .succeeded)).isEmpty)
        let ended = GroupMachine.orders(after: .ended(member(1, 1), .failed), copies: 2, stages: 3) { _ in .zero }
        #expect(ended.map(\.member) == [member(1, 2), member(1, 3)])
        #expect(ended.allSatisfy { $0.order == .event(.previousEnded(.failed)) })
    }

    @Test func `only the leader speaks for the hold, and a late present moves nobody`() {
        let accepted = progress(.accepted)
        #expect(GroupMachine.event(of: member(1, 1), from: .reserving, to: accepted) == .held)
        #expect(GroupMachine.event(of: member(2, 1), from: .reserving, to: accepted) == nil)
        #expect(GroupMachine.event(of: member(1, 1), from: .reserving, to: progress(.refused)) == .refused)
        let ended = progress(.ended, .succeeded)
        #expect(GroupMachine.event(of: member(2, 2), from: .settling, to: ended) == .ended(member(2, 2), .succeeded))
        #expect(GroupMachine.event(of: member(2, 2), from: .storing, to: ended) == nil)
    }

    private func progress(_ step: JobStep, _ verdict: JobVerdict? = nil) -> JobProgress {
        var progress = JobProgress(hardLimitAt: now, providerMicrodollars: 0)
        (progress.step, progress.verdict) = (step, verdict)
        return progress
    }

    /// Plays a group with the job machine: whatever its jobs meet, each ends once, a stage runs only on a result, and
    /// nothing is left waiting.
    @Test(arguments: 1...60)
    func `every job of a group ends once, whatever happens`(seed: Int) {
        var walk = GroupWalk(seed: UInt64(seed))
        walk.play()
        #expect(walk.problems.isEmpty, "seed \(seed): \(walk.problems)")
    }
}

/// One random life of a group.
private struct GroupWalk {
    private var random: Walker
    private let copies: Int
    private let stages: Int
    private var jobs: [GroupMember: JobProgress] = [:]
    private var ends: [GroupMember: Int] = [:]
    private var started: Set<GroupMember> = []
    private var now = Timestamp(seconds: 1_000)
    var problems: [String] = []

    private struct Walker: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    init(seed: UInt64) {
        random = Walker(state: seed &* 0x9E37_79B9_7F4A_7C15)
        copies = Int.random(in: 1...5, using: &random)
        stages = Int.random(in: 1...4, using: &random)
        for copy in 1...copies {
            for stage in 1...stages {
                jobs[GroupMember(copy: copy, stage: stage)] = JobProgress(
                    hardLimitAt: now + .seconds(900),
                    providerMicrodollars: 4_000
                )
            }
        }
    }

    mutating func play() {
        apply(
            Int.random(in: 0..<10, using: &random) == 0 ? .holdRefused : .holdPlaced,
            to: GroupMember(copy: 1, stage: 1)
        )
        for _ in 0..<4_000 {
            let live = jobs.filter { $0.value.nextAt != nil }.keys.sorted { ($0.copy, $0.stage) < ($1.copy, $1.stage) }
            guard let member = live.randomElement(using: &random), let job = jobs[member] else { break }
            if Int.random(in: 0..<40, using: &random) == 0 { tellAll(.cancelAsked) }
            apply(event(for: job), to: member)
            now = now + .seconds(1)
        }
        for (member, job) in jobs where job.step != .ended && job.step != .refused {
            problems.append("\(member) is left at \(job.step)")
        }
        for (member, count) in ends where count != 1 { problems.append("\(member) ended \(count) times") }
    }

    private mutating func event(for job: JobProgress) -> JobEvent {
        let later = now + .seconds(5)
        let choices: [JobEvent] =
            switch job.step {
            case .reserving: [.holdPlaced]
            case .extending: [.holdExtended, .holdExtended, .holdExtended, .holdGone]
            case .accepted, .running:
                job.isWaitingForSlot
                    ? [.submitting(until: later), .submitting(until: later), .inputUnavailable]
                    : [
                        .succeeded, .succeeded, .succeeded, .taskKnown(pollAt: later), .failed(.temporary),
                        .hardLimitPassed,
                    ]
            case .storing: [.stored(count: 1), .stored(count: 1), .stored(count: 0)]
            case .settling: [.settled]
            case .planned, .refused, .ended, .late: [.settled]
            }
        return choices.randomElement(using: &random) ?? .settled
    }

    private mutating func apply(_ event: JobEvent, to member: GroupMember) {
        guard let old = jobs[member], let (new, _) = JobMachine.apply(event, to: old, now: now) else { return }
        if case .submitting = event, member.stage > 1 {
            let previous = jobs[GroupMember(copy: member.copy, stage: member.stage - 1)]
            if previous?.verdict != .succeeded || previous?.step != .ended {
                problems.append("\(member) ran too early")
            }
        }
        jobs[member] = new
        if new.step == .ended || new.step == .refused { ends[member, default: 0] += 1 }
        if let told = GroupMachine.event(of: member, from: old.step, to: new) { tellAll(told) }
    }

    private mutating func tellAll(_ event: GroupEvent) {
        for (member, order) in GroupMachine.orders(
            after: event,
            copies: copies,
            stages: stages,
            hardLimit: { _ in .seconds(900) }
        ) {
            guard let job = jobs[member] else { continue }
            let told: JobEvent =
                switch order {
                case .event(let plain): plain
                case .start(let limit): .previousSucceeded(hardLimitAt: now + limit)
                }
            guard let (next, _) = JobMachine.apply(told, to: job, now: now) else { continue }
            jobs[member] = next
            if next.step == .refused { ends[member, default: 0] += 1 }
        }
    }
}
