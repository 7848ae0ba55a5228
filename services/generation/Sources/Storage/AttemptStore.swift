internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import Time

/// The SQL of attempts.
struct AttemptStore: Sendable {
    let database: Database
    let keys: KeyStore
    /// How many jobs of a user may be at the provider at once.
    let maximumRunningJobs: Int

    func find(_ id: UUID) async throws -> AttemptRow? {
        try await database.query("select \(unsafe: AttemptRow.columns) from attempt where attempt_id = \(id)").first
            .map { try AttemptRow(row: $0) }
    }

    /// There was no free slot after all, until the time given.
    struct SlotTaken: Error {
        var until: Timestamp
    }

    /// How long a job waits that found its user's other jobs at the limit.
    private static let turnPause = Duration.seconds(1)

    /// Commits an attempt before its call: the job's step, the slot and the attempt's row.
    ///
    /// - Throws: `LostLease`, or `SlotTaken`; then nothing was written.
    func begin(
        _ id: UUID,
        of job: JobRow,
        _ change: JobChange,
        by choice: ProviderPool.Choice,
        waitUntil: Timestamp
    ) async throws -> JobRow {
        try await database.transaction { transaction in
            let rows = try await transaction.query(try JobStore.update(change, of: job, keepsLease: true))
            guard let row = rows.first else { throw LostLease() }
            try await checkTurn(of: job, in: transaction)
            let cost = job.progress.providerMicrodollars
            if let slot = try await keys.take(choice, microdollars: cost, in: transaction) {
                throw SlotTaken(until: slot)
            }
            let number = change.progress.attempt
            _ = try await transaction.commit(after: [
                """
                insert into attempt (attempt_id, job_id, number, provider_key, state, submitted_at, wait_until)
                values (\(id), \(job.jobID), \(number), \(choice.key), 'submitted', now(), \(waitUntil))
                """,
                "update job set attempt_id = \(id) where job_id = \(job.jobID)",
            ])
            var begun = try JobRow(row: row)
            begun.attemptID = id
            return begun
        }
    }

    /// The claim looks at the limit too, but two instances may look at the same moment.
    private func checkTurn(of job: JobRow, in transaction: Transaction) async throws {
        _ = try await transaction.query(
            "select pg_advisory_xact_lock(hashtextextended('generation.turn', \(job.userID)))"
        )
        let rows = try await transaction.query(
            """
            select count(*) from job where user_id = \(job.userID) and job_id <> \(job.jobID)
                and step in ('running', 'storing') and not is_waiting_for_slot
            """
        )
        guard try rows[0].decode(Int.self) < maximumRunningJobs else {
            throw SlotTaken(until: WallClock.system.now + Self.turnPause)
        }
    }

    // What becomes of an attempt; run in the transaction of the job's step.

    /// - Throws (when run): A unique violation of `attempt_task` if the task belongs to another attempt.
    static func known(_ id: UUID, taskID: String) -> SQL {
        """
        update attempt set state = 'known', task_id = \(taskID), hinted_task_id = null
        where attempt_id = \(id) and state in ('submitted', 'unknown', 'forgotten', 'known')
        """
    }

    static func unknown(_ id: UUID, waitUntil: Timestamp) -> SQL {
        "update attempt set state = 'unknown', wait_until = \(waitUntil) where attempt_id = \(id) and state = 'submitted'"
    }

    static func forgotten(_ id: UUID) -> SQL {
        "update attempt set state = 'forgotten', ended_at = now() where attempt_id = \(id) and state in ('submitted', 'unknown')"
    }

    /// The key gets back what the submission was booked with: the provider returns the credits of a failure.
    static func failed(_ id: UUID, _ failure: ProviderFailure, _ errorClass: ErrorClass) -> [SQL] {
        [
            """
            update provider_key set spent_microdollars = greatest(0, spent_microdollars - job.provider_microdollars)
            from attempt join job using (job_id)
            where attempt.attempt_id = \(id) and attempt.state <> 'failed' and provider_key.name = attempt.provider_key
                and spent_on = (now() at time zone 'utc')::date
            """,
            """
            update attempt set state = 'failed', outcome = \(errorClass.rawValue), failure_code = \(failure.code),
                failure_text = left(\(failure.text), 1000), ended_at = now()
            where attempt_id = \(id)
            """,
        ]
    }

    static func succeeded(_ id: UUID, results: String, millicredits: Int64?) -> SQL {
        """
        update attempt set state = 'succeeded', outcome = 'succeeded', results = \(results),
            millicredits = \(millicredits), ended_at = now()
        where attempt_id = \(id)
        """
    }

    /// Counts a poll that found no end.
    ///
    /// - Parameter isEmpty: Whether it found a success without files.
    static func polled(_ id: UUID, isEmpty: Bool = false) -> SQL {
        """
        update attempt set polls = polls + 1, empty_readings = empty_readings + \(isEmpty ? 1 : 0)::int,
            polls_after_callback = polls_after_callback + (callback_at is not null)::int
        where attempt_id = \(id)
        """
    }

    /// Forgets what a callback claimed and recordInfo did not confirm.
    static func distrusted(_ id: UUID) -> SQL {
        "update attempt set hinted_task_id = null, callback_at = null where attempt_id = \(id)"
    }

    static func storing(_ id: UUID, results: String) -> SQL {
        "update attempt set results = \(results), store_tries = store_tries + 1 where attempt_id = \(id)"
    }

    /// What a callback was about.
    enum CallbackMatch: String, Sendable {
        /// The job's current attempt waits for it.
        case matched
        /// The job is over, or another attempt is under way.
        case late
        /// No attempt has this id.
        case orphan
    }

    /// Notes callbacks and makes their jobs due.
    ///
    /// Locks jobs before attempts, in the order of their ids, as workers do.
    ///
    /// - Returns: What each callback was about, in the same order.
    func called(back callbacks: [(attempt: UUID, taskID: String?)]) async throws -> [CallbackMatch] {
        let ids = callbacks.map(\.attempt)
        let tasks = callbacks.map(\.taskID)
        let results = try await database.pipeline([
            """
            select 1 from job where job_id in (select job_id from attempt where attempt_id = any(\(ids)))
            order by job_id for no key update
            """,
            """
            update attempt set callback_at = clock_timestamp(), hinted_task_id =
                case when attempt.task_id is null then coalesce(called.task_id, attempt.hinted_task_id) end
            from (select distinct on (id) id, task_id from unnest(\(ids), \(tasks)) as each(id, task_id) order by id)
                as called
            where attempt.attempt_id = called.id
            """,
            """
            update job set next_at = least(next_at, now())
            where attempt_id = any(\(ids)) and step = 'running' and not is_waiting_for_slot
            """,
            // A job that failed may still get its result, as a present. Only failures that left a task behind. One whose
            // hold has not ended yet is looked at when it has: its settlement's commit reads `callback_at`.
            """
            update job set step = 'late', next_at = now()
            where attempt_id = any(\(ids)) and step = 'ended' and verdict = 'failed'
                and failure in ('timeout', 'unknown') and erased_at is null
            """,
            """
            select attempt.attempt_id, job.attempt_id = attempt.attempt_id and job.next_at is not null
            from attempt join job using (job_id) where attempt.attempt_id = any(\(ids))
            """,
        ])
        var matches: [UUID: CallbackMatch] = [:]
        for row in results[4] {
            let (id, isWaiting) = try row.decode(UUID.self, Bool.self)
            matches[id] = isWaiting ? .matched : .late
        }
        return ids.map { matches[$0] ?? .orphan }
    }
}
