/// Which of its jobs a group speaks of.
struct GroupMember: Sendable, Hashable {
    /// From 1.
    var copy: Int
    /// From 1.
    var stage: Int

    /// The job that places the hold for all.
    var isLeader: Bool { copy == 1 && stage == 1 }
}

/// Something that happened in a group and concerns jobs other than its own.
enum GroupEvent: Sendable, Equatable {
    /// The leader's hold covers all jobs.
    case held
    /// Billing refused it.
    case refused
    /// A job's money is settled.
    case ended(GroupMember, JobVerdict)
    case cancelAsked
}

/// Decides what follows for the other jobs of a group: copies run beside each other, the stages of a copy one after the
/// other. Pure; what an order does to a job is the job machine's.
enum GroupMachine {
    /// What a step of one job means for its group; nil if nothing.
    static func event(of member: GroupMember, from old: JobStep, to new: JobProgress) -> GroupEvent? {
        switch (old, new.step) {
        case (.reserving, .accepted) where member.isLeader: .held
        case (.reserving, .refused) where member.isLeader: .refused
        case (.settling, .ended): .ended(member, new.verdict ?? .failed)
        // A late present comes when its later stages have been given up.
        default: nil
        }
    }

    /// What the other jobs are told; an order that does not apply to a job any more changes nothing.
    ///
    /// - Parameter hardLimit: By when a job that starts now must have ended.
    static func orders(
        after event: GroupEvent,
        copies: Int,
        stages: Int,
        hardLimit: (GroupMember) -> Duration
    ) -> [(member: GroupMember, order: GroupOrder)] {
        let all = (1...max(1, copies)).flatMap { copy in
            (1...max(1, stages)).map { GroupMember(copy: copy, stage: $0) }
        }
        switch event {
        case .held:
            return all.filter { !$0.isLeader }.map { ($0, $0.stage == 1 ? .event(.holdPlaced) : .event(.planned)) }
        case .refused:
            return all.filter { !$0.isLeader }.map { ($0, .event(.holdRefused)) }
        case .ended(let member, .succeeded):
            let next = GroupMember(copy: member.copy, stage: member.stage + 1)
            return next.stage <= stages ? [(next, .start(within: hardLimit(next)))] : []
        case .ended(let member, let verdict):
            return all.filter { $0.copy == member.copy && $0.stage > member.stage }
                .map { ($0, .event(.previousEnded(verdict))) }
        case .cancelAsked:
            return all.map { ($0, .event(.cancelAsked)) }
        }
    }
}

/// What a group tells one of its jobs.
enum GroupOrder: Sendable, Equatable {
    case event(JobEvent)
    /// The stage before has a result: begin with it.
    case start(within: Duration)
}
