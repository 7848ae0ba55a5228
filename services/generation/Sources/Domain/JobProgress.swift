internal import Contracts
internal import Postgres
internal import Time

/// Which step of a job is next. Stored as text.
enum JobStep: String, Sendable, CaseIterable, PostgresScalar {
    /// The row exists, the hold is being placed.
    case reserving
    /// Billing refused the hold; the end, and nobody but the caller was told.
    case refused
    /// A later stage: money is held, the stage before it has not ended.
    case planned
    /// The stage before has a result; the hold is being extended, then it is this one's turn.
    case extending
    /// Money is held; the first submission waits for a slot.
    case accepted
    /// The provider has been asked at least once.
    case running
    /// The provider succeeded; the result's bytes are being copied to the asset store.
    case storing
    /// The verdict stands; the hold is being charged or released.
    case settling
    /// Money is settled and the fact about it is stored.
    case ended
    /// Ended as a failure, but the provider called back: a success that comes now is given away.
    case late
}

/// How a job ended. Stored as text.
enum JobVerdict: String, Sendable, CaseIterable, PostgresScalar {
    case succeeded, failed, cancelled
}

/// Where a job stands: the part of its row that the state machine changes.
struct JobProgress: Sendable, Equatable {
    var step: JobStep = .reserving
    var verdict: JobVerdict?
    var failure: JobFailure?
    /// The number of the current try, from 1.
    var attempt = 1
    /// How often a submission was put off because of limits.
    var postponements = 0
    /// Whether an unanswered createTask was repeated; allowed once, and only where the provider takes nothing.
    var isResubmitted = false
    /// Whether the next thing to do is a submission, which needs a slot of the provider's limit. Exactly then the
    /// provider has no live task, so that cancelling is possible.
    var isWaitingForSlot = false
    /// Whether the result came after the hold had ended.
    var isLate = false
    /// When a worker should look at the job; nil when nothing is left to do.
    var nextAt: Timestamp?
    /// After this no further try begins, and waiting for a result ends.
    var hardLimitAt: Timestamp
    /// What one try costs us, in millionths of a dollar.
    var providerMicrodollars: Int64

    /// The state as other services see it.
    var published: JobState {
        switch step {
        case .reserving, .planned, .extending, .accepted: .accepted
        case .running: isWaitingForSlot ? (attempt > 1 ? .retrying : .accepted) : .running
        case .storing: .running
        case .settling: verdict == .cancelled ? .cancelled : .running
        case .refused: .failed
        case .ended, .late:
            switch verdict {
            case .succeeded: .succeeded
            case .cancelled: .cancelled
            case .failed, nil: .failed
            }
        }
    }
}
