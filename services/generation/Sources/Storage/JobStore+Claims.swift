internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import Time

/// Which worker works on which job.
extension JobStore {
    /// Takes jobs that are due: leases them and gives each a new fencing number.
    ///
    /// Submissions go by turns: a user's first waiting job has turn 1, or one more for each that the user has at the
    /// provider, the second one turn 2, and so on; lower turns go first, so that fifty jobs of one user delay another
    /// user's first by one slot at most. Among equal turns the higher priority goes first, and a minute of waiting is
    /// worth one priority, so that nobody starves. Turns beyond `runningPerUser` wait.
    ///
    /// - Parameter submissions: No more than the provider's limits have room for.
    func claim(
        owner: String,
        lease: Duration,
        atMost limit: Int,
        submissions: Int,
        runningPerUser: Int
    ) async throws -> [JobRow] {
        let seconds = lease.inSeconds
        let rows = try await database.query(
            """
            with waiting_for_time as (
                select job_id from job
                where next_at <= now() and not is_waiting_for_slot and (lease_until is null or lease_until < now())
                order by next_at limit \(limit) for no key update skip locked
            ), out_of_time as (
                -- Whether there is a slot or not: the user's money must come back.
                select job_id from job
                where next_at is not null and is_waiting_for_slot and hard_limit_at <= now()
                    and (lease_until is null or lease_until < now())
                limit \(limit) for no key update skip locked
            ), busy as (
                select user_id, count(*) as jobs from job
                where step in ('running', 'storing') and not is_waiting_for_slot
                    or is_waiting_for_slot and next_at is not null and lease_until >= now()
                group by user_id
            ), turns as (
                select job_id, next_at, priority + floor(extract(epoch from now() - next_at) / 60) as rank,
                    coalesce(busy.jobs, 0)
                        + row_number() over (partition by user_id order by priority desc, next_at, job_id) as turn
                from job left join busy using (user_id)
                where next_at <= now() and is_waiting_for_slot and (lease_until is null or lease_until < now())
            ), waiting_for_slot as (
                select job_id from job
                where job_id in (
                    select job_id from turns where turn <= \(runningPerUser)
                    order by turn, rank desc, next_at limit \(min(limit, submissions))
                ) and (lease_until is null or lease_until < now())
                for no key update skip locked
            )
            update job set owner = \(owner), fence = fence + 1, lease_until = now() + \(seconds) * interval '1 second'
            where job_id in (
                select job_id from waiting_for_time union select job_id from out_of_time
                union select job_id from waiting_for_slot)
            returning \(unsafe: JobRow.columns)
            """
        )
        return try rows.map { try JobRow(row: $0) }.sorted {
            ($0.progress.nextAt ?? $0.createdAt) < ($1.progress.nextAt ?? $1.createdAt)
        }
    }

    /// Keeps jobs for longer.
    func renew(_ jobs: [JobID: Int64], lease: Duration) async throws {
        let seconds = lease.inSeconds
        let ids = Array(jobs.keys)
        let fences = ids.compactMap { jobs[$0] }
        try await database.execute(
            """
            update job set lease_until = now() + \(seconds) * interval '1 second'
            from unnest(\(ids), \(fences)) as held(job_id, fence)
            where job.job_id = held.job_id and job.fence = held.fence and job.lease_until is not null
            """
        )
    }

    /// Gives a job back without a step, to be looked at later; one that went on meanwhile stays as it is.
    ///
    /// A job with nothing left to do rests, whatever it was given: one that stayed due would be claimed over and over.
    func release(_ job: JobRow, until nextAt: Timestamp?) async throws {
        try await database.execute(
            """
            update job set lease_until = null, next_at =
                case when step not in ('refused', 'planned', 'ended') then coalesce(\(nextAt), next_at) end
            where job_id = \(job.jobID) and fence = \(job.fence) and step = \(job.progress.step)
            """
        )
    }

    /// What waits, for metrics and the health report.
    struct Backlog: Sendable {
        /// Jobs with something left to do, by step.
        var counts: [(step: JobStep, output: String, count: Int)]
        /// How many jobs are due and nobody works on them.
        var due: Int
        /// For how long the oldest of them has been due.
        var lag: Duration
        /// How long the oldest verdict has been waiting for its settlement.
        var settleLag: Duration
        var unreported: Int
    }

    /// What `backlog` asks, every few seconds: each condition is one that a partial index has, because a read of all jobs
    /// that ever were would grow with them. A stage whose turn has not come has no time to be looked at.
    static let backlogQueries: [StaticString] = [
        """
        select step, output, count(*) from (
            select step, output from job where next_at is not null and not is_waiting_for_slot
            union all select step, output from job where next_at is not null and is_waiting_for_slot
            union all select step, output from job where step in ('reserving', 'planned') and next_at is null
        ) as open group by step, output
        """,
        """
        select count(*), coalesce(extract(epoch from now() - min(next_at)), 0)::float8 from (
            select next_at, lease_until from job where next_at <= now() and not is_waiting_for_slot
            union all select next_at, lease_until from job where next_at <= now() and is_waiting_for_slot
        ) as due where lease_until is null or lease_until < now()
        """,
        """
        select coalesce(extract(epoch from now() - min(decided_at)), 0)::float8 from job
        where next_at is not null and not is_waiting_for_slot and step = 'settling'
        """,
        "select count(*) from job where step = 'ended' and reported_at is null",
    ]

    func backlog() async throws -> Backlog {
        let rows = try await database.pipeline(Self.backlogQueries.map { "\(unsafe: $0)" })
        let (due, lag) = try rows[1][0].decode(Int.self, Double.self)
        return Backlog(
            counts: try rows[0].map { row in
                let (step, output, count) = try row.decode(JobStep.self, String.self, Int.self)
                return (step, output, count)
            },
            due: due,
            lag: .seconds(max(0, lag)),
            settleLag: .seconds(max(0, try rows[2][0].decode(Double.self))),
            unreported: try rows[3][0].decode(Int.self)
        )
    }
}
