internal import Contracts
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Telemetry
internal import Time

/// Another instance works on the job, or it was cancelled: what this worker wanted to write no longer counts.
struct LostLease: Error {}

/// One step of a job, committed as a whole: the row, its attempt and the facts about it.
struct JobChange: Sendable {
    var progress: JobProgress
    var facts: [FactKind] = []
    /// What becomes of the attempt, in the same transaction.
    var attempt: [SQL] = []
    var chargedKopecks: Int64?
    var refusal: Problem?
    /// With facts about results.
    var assets: [Asset] = []
    /// With the fact about a failure.
    var alternatives: [ModelAlternative]?
    /// Set where the change puts off a look at the provider: a callback that came since then makes it due at once.
    var observedSince: Timestamp?
}

/// The SQL of jobs.
struct JobStore: Sendable {
    let database: Database

    func find(_ id: JobID) async throws -> JobRow? {
        try await database.query("select \(unsafe: JobRow.columns) from job where job_id = \(id)").first
            .map { try JobRow(row: $0) }
    }

    func find(key: String) async throws -> JobRow? {
        try await database.query("select \(unsafe: JobRow.columns) from job where key = \(key)").first
            .map { try JobRow(row: $0) }
    }

    /// A user's jobs, newest first, without those that were refused or erased.
    func list(_ userID: UserID, limit: Int) async throws -> [JobRow] {
        try await database.query(
            """
            select \(unsafe: JobRow.columns) from job
            where user_id = \(userID) and step not in ('reserving', 'refused') and erased_at is null
            order by created_at desc, job_id desc limit \(limit)
            """
        ).map { try JobRow(row: $0) }
    }

    /// Commits a step under the job's fencing number.
    ///
    /// The step that was read must still be the row's: a caller's repeat places a hold without a number of its own, and
    /// must not take a job back that went on meanwhile.
    ///
    /// The lease is given back when nothing more is to be done now. What the step means for the other jobs of a group is
    /// part of it.
    ///
    /// - Returns: The job after the step.
    /// - Throws: `LostLease` if number or step are not the job's any more; then nothing was written.
    func commit(_ change: JobChange, of job: JobRow, now: Timestamp) async throws -> JobRow {
        try await database.transaction { transaction in
            let isReported = !change.facts.isEmpty || change.progress.step == .refused
            if isReported, let seat = job.seat { try await Self.lock(seat.groupID, in: transaction) }
            let rows = try await transaction.query(Self.update(change, of: job, keepsLease: change.progress.isDue(now)))
            guard let row = rows.first else { throw LostLease() }
            let updated = try JobRow(row: row)
            let group =
                isReported
                ? try await Self.move(
                    updated,
                    from: job.progress.step,
                    assets: change.assets,
                    now: now,
                    in: transaction
                )
                : nil
            var statements = change.attempt
            if updated.creditKopecks > 0, updated.isOverWithoutResult {
                statements.append(TrialCreditStore.giveBack(updated.jobID))
            }
            if updated.progress.mayComeLate { statements.append(Self.lookOnceMore(updated)) }
            if let since = change.observedSince { statements.append(Self.hurry(updated, since: since)) }
            if !change.facts.isEmpty {
                statements.append(Outbox.insert(try Self.commands(change, updated, group, now)))
            }
            _ = try await transaction.commit(after: statements)
            return updated
        }
    }

    /// The update of a step; shared with the submission, which does more in its transaction.
    static func update(_ change: JobChange, of job: JobRow, keepsLease: Bool) throws -> SQL {
        let next = change.progress
        let refusal = try change.refusal.map { try StoredJSON.encode($0) }
        return """
            update job set step = \(next.step), verdict = \(next.verdict), failure = \(next.failure?.rawValue),
                attempt = \(next.attempt), postponements = \(next.postponements),
                is_resubmitted = \(next.isResubmitted), is_waiting_for_slot = \(next.isWaitingForSlot),
                is_late = \(next.isLate), next_at = \(next.nextAt), hard_limit_at = \(next.hardLimitAt),
                charged_kopecks = coalesce(\(change.chargedKopecks), charged_kopecks),
                refusal = coalesce(\(refusal), refusal),
                lease_until = case when \(keepsLease) then lease_until end,
                decided_at = case when \(next.verdict)::text is not null then coalesce(decided_at, now()) end,
                ended_at = case when \(next.step) = 'ended' then coalesce(ended_at, now()) else ended_at end
            where job_id = \(job.jobID) and fence = \(job.fence) and step = \(job.progress.step)
            returning \(unsafe: JobRow.columns)
            """
    }

    /// Makes a job due at once if the provider called back while it was being looked at.
    private static func hurry(_ job: JobRow, since: Timestamp) -> SQL {
        """
        update job set next_at = now() where job_id = \(job.jobID) and next_at > now() and exists (
            select from attempt where attempt_id = \(job.attemptID) and callback_at >= \(since))
        """
    }

    /// Has an ended job looked at once more if the provider called back before the hold had ended: then there was nothing
    /// yet to make a present of. The callback's own look finds jobs that have ended, see `AttemptStore.called`.
    private static func lookOnceMore(_ job: JobRow) -> SQL {
        """
        update job set step = 'late', next_at = now() where job_id = \(job.jobID) and erased_at is null and exists (
            select from attempt where attempt_id = \(job.attemptID) and callback_at is not null
                and (state <> 'failed' or callback_at >= job.decided_at))
        """
    }

    private static func commands(
        _ change: JobChange,
        _ job: JobRow,
        _ group: JobGroup?,
        _ now: Timestamp
    ) throws -> [OutboxCommand] {
        var reported = job.published(change.assets)
        reported.alternatives = change.alternatives
        return try change.facts.map { kind in
            let fact = Fact(
                factID: FactID(now: now),
                kind: kind,
                at: now,
                userID: job.userID,
                chatID: job.chatID,
                job: reported,
                group: group
            )
            return try OutboxCommand(ReportFact.self, input: fact, lane: job.lane, key: fact.factID.description)
        }
    }

    /// Notes that conversation knows how the job ended.
    static func reported(_ id: JobID) -> SQL {
        "update job set reported_at = now() where job_id = \(id) and step in ('ended', 'late')"
    }

    /// Cancels a job that waits for its submission; nil if there is none of that id.
    ///
    /// The new fencing number makes a worker that is just preparing the submission fail.
    func cancel(_ id: JobID, now: Timestamp) async throws -> JobRow? {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                "select \(unsafe: JobRow.columns) from job where job_id = \(id) for update"
            )
            guard let row = rows.first else { return nil }
            let job = try JobRow(row: row)
            guard let (progress, _) = JobMachine.apply(.cancelAsked, to: job.progress, now: now) else { return job }
            let updated = try await transaction.query(
                """
                update job set step = \(progress.step), verdict = \(progress.verdict), is_waiting_for_slot = false,
                    next_at = \(progress.nextAt), decided_at = now(), fence = fence + 1, lease_until = null
                where job_id = \(id) returning \(unsafe: JobRow.columns)
                """
            )
            return try updated.first.map { try JobRow(row: $0) }
        }
    }
}

extension JobRow {
    /// Whether nothing comes of the job any more, apart from a late present.
    fileprivate var isOverWithoutResult: Bool {
        progress.step == .refused || progress.step == .ended && progress.verdict != .succeeded
    }
}

extension JobProgress {
    /// Whether the job ended in a way that may have left a task behind which succeeds later.
    fileprivate var mayComeLate: Bool {
        step == .ended && verdict == .failed && (failure == .timeout || failure == .unknown)
    }

    /// Whether the job can go on at once.
    func isDue(_ now: Timestamp) -> Bool { nextAt.map { $0 <= now } ?? false }
}
