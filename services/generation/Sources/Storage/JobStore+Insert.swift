internal import Contracts
internal import Foundation
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Telemetry
internal import Time

/// Letting new jobs in.
extension JobStore {
    /// What a user has under way and has used up.
    struct Usage: Sendable, Equatable {
        /// See `OpenPlaces`.
        var openPlaces: Int
        /// Runs of free models since the day began that did not fail.
        var freeRuns: Int
        /// What the free runs of all users since the day began cost, in millionths of a dollar; 0 for a paid job.
        var freeMicrodollars: Int64 = 0
    }

    /// Inserts a job, or all jobs of a group, if `admit` agrees, with the user's other inserts kept out meanwhile, so that
    /// twenty taps at once can't pass a limit of one.
    ///
    /// - Returns: false if the key or id is taken already; then nothing was inserted.
    /// - Throws: What `admit` throws; then nothing was inserted.
    func insert(
        _ jobs: [JobRow],
        of group: GroupRow? = nil,
        credit: TrialCredit? = nil,
        dayBegan: Timestamp,
        admit: @Sendable (Usage) throws -> Void
    ) async throws -> Bool {
        guard let userID = jobs.first?.userID else { return false }
        let isFree = jobs.contains(where: \.isFree)
        let insertions = try jobs.map { Self.insertion($0, try StoredJSON.encode($0.inputs)) }
        return try await database.transaction(.repeatable) { transaction in
            // A statement of its own: the count below must see what the lock was waiting for.
            _ = try await transaction.query(
                "select pg_advisory_xact_lock(hashtextextended('generation.user', \(userID)))"
            )
            var usage = try await Self.usage(userID, dayBegan, in: transaction)
            if isFree { usage.freeMicrodollars = try await Self.freeCost(dayBegan, in: transaction) }
            try admit(usage)
            if let group {
                guard try await transaction.execute(Self.insertion(group)) == 1 else { return false }
            }
            var inserted = 0
            for insertion in insertions { inserted += try await transaction.execute(insertion) }
            guard inserted == insertions.count else { return false }
            if let credit, let job = jobs.first {
                try await transaction.execute(TrialCreditStore.use(credit, for: job.jobID))
            }
            return true
        }
    }

    /// `OpenPlaces.steps` as the index `job_open_places` names them.
    static let openSteps: StaticString = """
        ('reserving', 'planned', 'extending', 'accepted', 'running', 'storing', 'settling')
        """

    private static func usage(_ userID: UserID, _ dayBegan: Timestamp, in transaction: Transaction) async throws
        -> Usage
    {
        let rows = try await transaction.query(
            """
            select count(distinct (coalesce(group_id, job_id), coalesce(copy, 1)))
                    filter (where step in \(unsafe: openSteps)),
                count(*) filter (where is_free and created_at >= \(dayBegan) and step <> 'refused'
                    and coalesce(verdict, 'succeeded') = 'succeeded')
            from job where user_id = \(userID)
                and (created_at >= \(dayBegan) or step in \(unsafe: openSteps))
            """
        )
        let (open, free) = try rows[0].decode(Int.self, Int.self)
        return Usage(openPlaces: open, freeRuns: free)
    }

    /// What free runs cost today; the lock lets one free job in at a time, so that the budget holds exactly.
    private static func freeCost(_ dayBegan: Timestamp, in transaction: Transaction) async throws -> Int64 {
        _ = try await transaction.query("select pg_advisory_xact_lock(hashtextextended('generation.free', 0))")
        return try await transaction.query(
            """
            select coalesce(sum(provider_microdollars), 0)::int8 from job
            where is_free and created_at >= \(dayBegan) and step <> 'refused'
                and coalesce(verdict, 'succeeded') = 'succeeded'
            """
        )[0].decode(Int64.self)
    }

    private static func insertion(_ job: JobRow, _ inputs: String) -> SQL {
        """
        insert into job (job_id, key, fingerprint, user_id, chat_id, quote_id, model_number, model_slug, model_title,
            output, inputs, prompt, price_kopecks, variant, provider_microdollars, is_bound, is_free, typical_seconds,
            hold_expires_at, hard_limit_at, step, next_at, traceparent, created_at, priority, group_id, copy, copies,
            stage, stages, feeds, hold_kopecks, credit_kopecks)
        values (\(job.jobID), \(job.key), \(job.fingerprint), \(job.userID), \(job.chatID), \(job.quoteID),
            \(job.modelNumber), \(job.modelSlug), \(job.modelTitle), \(job.output.rawValue), \(inputs),
            \(job.inputs.prompt), \(job.priceKopecks), \(job.variant), \(job.progress.providerMicrodollars),
            \(job.isBound), \(job.isFree), \(job.typicalSeconds), \(job.holdExpiresAt), \(job.progress.hardLimitAt),
            \(job.progress.step), \(job.progress.nextAt), \(job.trace?.traceparent), \(job.createdAt),
            \(job.priority), \(job.seat?.groupID), \(job.seat?.copy)::int8, \(job.seat?.copies)::int8,
            \(job.seat?.stage)::int8, \(job.seat?.stages)::int8, \(job.seat?.feeds), \(job.holdKopecks),
            \(job.creditKopecks))
        on conflict do nothing
        """
    }
}
