internal import Contracts
internal import Time

/// Something that happened to a job.
enum JobEvent: Sendable, Equatable {
    case holdPlaced
    case holdRefused
    /// The hold is there; the stage waits for the one before it.
    case planned
    /// The stage before has a result, which is among the inputs now.
    case previousSucceeded(hardLimitAt: Timestamp)
    /// The stage before gave no result.
    case previousEnded(JobVerdict)
    /// Billing keeps the hold until the stage must have ended.
    case holdExtended
    /// The hold had ended before the stage began.
    case holdGone
    case cancelAsked
    /// The attempt and its token are committed; createTask is called next and must have answered by the time given.
    case submitting(until: Timestamp)
    /// The provider named its task.
    case taskKnown(pollAt: Timestamp)
    /// createTask gave no readable answer: the task may exist.
    case submissionUnknown(waitUntil: Timestamp)
    /// Nobody called back until the time that was waited.
    case submissionForgotten
    /// createTask was refused, or the task ended badly.
    case failed(ErrorClass)
    /// An input file does not exist or can't be used.
    case inputUnavailable
    /// An input file could not be brought to the provider just now.
    case inputDelayed
    /// The catalogue no longer has the model.
    case modelGone
    case stillRunning(pollAt: Timestamp)
    /// The provider has a result.
    case succeeded
    case hardLimitPassed
    /// All that could be copied was copied.
    case stored(count: Int)
    /// Billing has answered for the end of the hold.
    case settled
    /// The provider called back for a job that had ended as failed.
    case calledBackLate
}

/// Decides what an event means for a job. Pure: no clock, no database, no provider.
enum JobMachine {
    /// The job after the event and the facts to report, in the same transaction; nil if the event does not apply to
    /// the step any more, as with doubles and latecomers.
    static func apply(_ event: JobEvent, to job: JobProgress, now: Timestamp) -> (JobProgress, [FactKind])? {
        switch (job.step, event) {
        case (.reserving, .holdPlaced):
            return (job.waiting(.accepted, at: now), [.jobAccepted])
        case (.reserving, .holdRefused):
            return (job.moved(to: .refused, at: nil), [])
        case (.reserving, .planned):
            return (job.moved(to: .planned, at: nil), [])
        case (.planned, .previousSucceeded(let hardLimitAt)):
            var next = job.moved(to: .extending, at: now)
            next.hardLimitAt = hardLimitAt
            return (next, [])
        case (.planned, .previousEnded(let verdict)):
            return (verdict == .cancelled ? job.ending(.cancelled, at: now) : job.failing(.previousStage, at: now), [])
        case (.extending, .holdExtended):
            return (job.waiting(.accepted, at: now), [])
        case (.extending, .holdGone):
            return (job.failing(.unknown, at: now), [])
        case (.planned, .cancelAsked), (.extending, .cancelAsked):
            return (job.ending(.cancelled, at: now), [])
        case (.accepted, .cancelAsked), (.running, .cancelAsked):
            return job.isWaitingForSlot ? (job.ending(.cancelled, at: now), []) : nil
        case (.accepted, .hardLimitPassed), (.running, .hardLimitPassed):
            return (job.failing(.timeout, at: now), [])
        case (.accepted, .inputUnavailable), (.running, .inputUnavailable):
            return (job.failing(.inputUnavailable, at: now), [])
        case (.accepted, .modelGone), (.running, .modelGone):
            return (job.failing(.provider, at: now), [])
        case (.accepted, .inputDelayed), (.running, .inputDelayed):
            return delayed(job, now)
        case (.accepted, .submitting(let until)), (.running, .submitting(let until)):
            return job.isWaitingForSlot ? (job.moved(to: .running, at: until), []) : nil
        case (.running, _):
            return running(event, job, now)
        case (.storing, .stored(let count)):
            return stored(count, job, now)
        case (.settling, .settled):
            return (job.moved(to: .ended, at: nil), [fact(for: job.verdict)])
        case (.ended, .calledBackLate):
            return job.verdict == .failed ? (job.moved(to: .late, at: now), []) : nil
        case (.late, _):
            return late(event, job, now)
        default:
            return nil
        }
    }

    private static func running(_ event: JobEvent, _ job: JobProgress, _ now: Timestamp) -> (JobProgress, [FactKind])? {
        guard !job.isWaitingForSlot else { return nil }
        switch event {
        case .taskKnown(let pollAt):
            return (job.moved(to: .running, at: pollAt), [.jobRunning])
        case .submissionUnknown(let waitUntil):
            return (job.moved(to: .running, at: waitUntil), [])
        case .stillRunning(let pollAt):
            return (job.moved(to: .running, at: min(pollAt, max(now, job.hardLimitAt))), [])
        case .succeeded:
            return (job.moved(to: .storing, at: now), [])
        case .failed(let errorClass):
            return failed(errorClass, job, now)
        case .submissionForgotten:
            guard job.providerMicrodollars == 0, !job.isResubmitted else { return (job.failing(.unknown, at: now), []) }
            var next = job.waiting(.running, at: now)
            next.isResubmitted = true
            return (next, [])
        default:
            return nil
        }
    }

    private static func failed(_ errorClass: ErrorClass, _ job: JobProgress, _ now: Timestamp) -> (
        JobProgress, [FactKind]
    ) {
        let decision = RetryPolicy.decide(errorClass, attempt: job.attempt, postponements: job.postponements)
        switch decision {
        case .fail(let failure):
            return (job.failing(failure, at: now), [])
        case .retry(let pause) where now + pause < job.hardLimitAt:
            var next = job.waiting(.running, at: now + pause)
            next.attempt += 1
            return (next, [.jobRetrying])
        case .postpone(let pause) where now + pause < job.hardLimitAt:
            var next = job.waiting(.running, at: now + pause)
            next.postponements += 1
            return (next, [])
        case .retry, .postpone:
            return (job.failing(.provider, at: now), [])
        }
    }

    private static func delayed(_ job: JobProgress, _ now: Timestamp) -> (JobProgress, [FactKind])? {
        guard job.isWaitingForSlot else { return nil }
        guard job.postponements < RetryPolicy.inputPostponements else {
            return (job.failing(.inputUnavailable, at: now), [])
        }
        var next = job
        next.postponements += 1
        next.nextAt = now + .seconds(min(15, 1 << job.postponements))
        return (next, [])
    }

    private static func stored(_ count: Int, _ job: JobProgress, _ now: Timestamp) -> (JobProgress, [FactKind])? {
        if job.isLate {
            // The hold has ended: a late result is a present, or nothing at all.
            guard count > 0 else { return (job.moved(to: .ended, at: nil), []) }
            var next = job.moved(to: .ended, at: nil)
            next.verdict = .succeeded
            next.failure = nil
            return (next, [.jobSucceeded])
        }
        return (count > 0 ? job.ending(.succeeded, at: now) : job.failing(.provider, at: now), [])
    }

    private static func late(_ event: JobEvent, _ job: JobProgress, _ now: Timestamp) -> (JobProgress, [FactKind])? {
        switch event {
        case .succeeded:
            var next = job.moved(to: .storing, at: now)
            next.isLate = true
            return (next, [])
        case .failed, .stillRunning, .hardLimitPassed:
            return (job.moved(to: .ended, at: nil), [])
        default:
            return nil
        }
    }

    private static func fact(for verdict: JobVerdict?) -> FactKind {
        switch verdict {
        case .succeeded: .jobSucceeded
        case .cancelled: .jobCancelled
        case .failed, nil: .jobFailed
        }
    }
}

extension JobProgress {
    fileprivate func moved(to step: JobStep, at nextAt: Timestamp?) -> JobProgress {
        var next = self
        next.step = step
        next.nextAt = nextAt
        next.isWaitingForSlot = false
        return next
    }

    fileprivate func waiting(_ step: JobStep, at nextAt: Timestamp) -> JobProgress {
        var next = moved(to: step, at: nextAt)
        next.isWaitingForSlot = true
        return next
    }

    fileprivate func ending(_ verdict: JobVerdict, at now: Timestamp) -> JobProgress {
        var next = moved(to: .settling, at: now)
        next.verdict = verdict
        return next
    }

    fileprivate func failing(_ failure: JobFailure, at now: Timestamp) -> JobProgress {
        var next = ending(.failed, at: now)
        next.failure = failure
        return next
    }
}
