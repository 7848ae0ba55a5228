internal import Contracts
internal import Jobs
internal import Postgres
internal import Time

/// A trial that a run is credited with.
struct TrialCredit: Sendable, Equatable {
    var trialJobID: JobID
    var kopecks: Int64
}

/// The SQL of trial credits.
struct TrialCreditStore: Sendable {
    let database: Database

    /// A trial that may be credited: charged by its user less than a day ago, by itself, and not credited to another run.
    func trial(_ id: JobID, of userID: UserID, notOlderThan age: Duration) async throws -> JobRow? {
        try await database.query(
            """
            select \(unsafe: JobRow.columns) from job
            where job_id = \(id) and user_id = \(userID) and group_id is null and step = 'ended'
                and verdict = 'succeeded' and charged_kopecks > 0
                and ended_at > now() - \(age.inSeconds) * interval '1 second'
                and not exists (select from trial_credit where trial_job_id = job.job_id)
            """
        ).first.map { try JobRow(row: $0) }
    }

    /// Uses a trial for a job that is being made.
    ///
    /// - Throws (when run): A unique violation of `trial_credit_pkey` if another run has it.
    static func use(_ credit: TrialCredit, for job: JobID) -> SQL {
        """
        insert into trial_credit (trial_job_id, job_id, kopecks)
        values (\(credit.trialJobID), \(job), \(credit.kopecks))
        """
    }

    /// A run that gave no result has not used its trial.
    static func giveBack(_ job: JobID) -> SQL {
        "delete from trial_credit where job_id = \(job)"
    }
}
