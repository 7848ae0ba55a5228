/// What a user has under way, as the limit of open jobs counts it: the whole rule.
///
/// A job by itself takes a place from its confirm until its money is settled. A copy of a group takes one place too, from
/// the confirm until its last stage has ended: the stages of a copy follow each other, so that of 3 copies in 2 stages
/// never more than 3 jobs are open, and a stage that waits takes nothing that another job could have had. A place that is
/// taken once is not given away between two stages, so that a later stage never finds the limit reached.
enum OpenPlaces {
    /// The steps in which a job keeps its place, or that of its copy. A present that comes late takes none.
    static let steps: [JobStep] = JobStep.allCases.filter { step in
        switch step {
        case .reserving, .planned, .extending, .accepted, .running, .storing, .settling: true
        case .refused, .ended, .late: false
        }
    }

    /// How many places a confirm takes.
    ///
    /// - Parameter stages: The stage of each of its jobs, from 1; nil for a job by itself.
    static func wanted(by stages: [Int?]) -> Int { stages.count { ($0 ?? 1) == 1 } }
}
