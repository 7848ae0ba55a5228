internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Time

/// How long files live, and their end.
///
/// A row and its bytes can't go at once. The row goes first, and the same transaction notes the path; whoever is up then
/// removes the bytes and only afterwards the note, so that a crash leaves nothing behind that nobody knows of.
extension AssetStore {
    /// Notes that an input is used, which prolongs its life.
    func touch(_ id: AssetID) async throws {
        try await database.execute(
            "update asset set used_at = now() where asset_id = \(id) and used_at < now() - interval '1 hour'"
        )
    }

    /// Lets go of files that have lived long enough, some at a time.
    ///
    /// - Returns: How many.
    func expire(results: Duration, inputs: Duration, atMost limit: Int) async throws -> Int {
        try await database.execute(
            """
            with old as (
                (select asset_id from asset where job_id is not null
                    and used_at < now() - \(results.inSeconds) * interval '1 second' order by used_at limit \(limit))
                union all
                (select asset_id from asset where job_id is null
                    and used_at < now() - \(inputs.inSeconds) * interval '1 second' order by used_at limit \(limit))
            ), gone as (delete from asset where asset_id in (select asset_id from old) returning path)
            insert into asset_removal (path) select path from gone on conflict do nothing
            """
        )
    }

    /// Notes bytes that no row names.
    func discard(_ path: String) async throws {
        try await database.execute("insert into asset_removal (path) values (\(path)) on conflict do nothing")
    }

    /// Paths whose bytes are to be removed, the oldest first.
    func removals(atMost limit: Int) async throws -> [String] {
        try await database.query("select path from asset_removal order by asked_at limit \(limit)").map {
            try $0.decode(String.self)
        }
    }

    /// Forgets notes whose bytes are removed.
    func removed(_ paths: [String]) async throws {
        guard !paths.isEmpty else { return }
        try await database.execute("delete from asset_removal where path = any(\(paths))")
    }

    /// Bytes that wait for their removal.
    func waitingRemovals() async throws -> Int {
        try await database.query("select count(*) from asset_removal")[0].decode(Int.self)
    }

    /// Removes what a user has given and made until now, except what jobs under way need; that goes later.
    ///
    /// Keeps the user's new jobs out meanwhile. Repeats find less and do the same.
    func erase(_ userID: UserID) async throws -> EraseUser.Output {
        try await database.transaction(.repeatable) { transaction in
            _ = try await transaction.query(
                "select pg_advisory_xact_lock(hashtextextended('generation.user', \(userID)))"
            )
            let rows = try await transaction.query(
                """
                insert into erasure (user_id) values (\(userID))
                on conflict (user_id) do update set asked_at = now() returning asked_at
                """
            )
            return try await Self.erase(userID, until: try rows[0].decode(Timestamp.self), in: transaction)
        }
    }

    /// Goes on with erasures that waited for jobs.
    ///
    /// - Returns: Files that were taken out.
    func goOnErasing() async throws -> Int {
        var count = 0
        for row in try await database.query("select user_id from erasure order by asked_at limit 100") {
            let userID = try row.decode(UserID.self)
            count += try await database.transaction(.repeatable) { transaction in
                let rows = try await transaction.query(
                    "select asked_at from erasure where user_id = \(userID) for update skip locked"
                )
                guard let row = rows.first else { return 0 }
                return try await Self.erase(userID, until: try row.decode(Timestamp.self), in: transaction).erasedAssets
            }
        }
        return count
    }

    private static func erase(_ userID: UserID, until time: Timestamp, in transaction: Transaction) async throws
        -> EraseUser.Output
    {
        let open = try await transaction.query(
            """
            select \(unsafe: JobRow.columns) from job
            where user_id = \(userID) and step in \(unsafe: JobStore.openSteps)
            """
        ).map { try JobRow(row: $0) }
        let needed = open.flatMap { $0.inputs.media.values.joined() }
        let (assets, files) = (needed.compactMap(\.assetID), needed.compactMap(\.telegramFileID))
        let erased = try await transaction.execute(
            """
            with gone as (
                delete from asset using (
                    select asset_id from asset left join job using (job_id)
                    where asset.user_id = \(userID) and asset.asset_id <> all(\(assets))
                        and (asset.job_id is null and asset.used_at <= \(time)
                                and asset.telegram_file_id <> all(\(files))
                            or job.created_at <= \(time) and job.job_id <> all(\(open.map(\.jobID))))
                ) as owned
                where asset.asset_id = owned.asset_id returning path)
            insert into asset_removal (path) select path from gone on conflict do nothing
            """
        )
        let nothing = try StoredJSON.encode(RunInputs())
        // A task that calls back late must not bring the picture of a forgotten wish.
        let jobs = try await transaction.query(
            """
            update job set inputs = \(nothing), prompt = null, erased_at = now(),
                step = case when step = 'late' then 'ended' else step end,
                next_at = case when step = 'late' then null else next_at end
            where user_id = \(userID) and created_at <= \(time) and erased_at is null
                and step not in \(unsafe: JobStore.openSteps)
            returning job_id
            """
        ).map { try $0.decode(JobID.self) }
        try await transaction.execute(
            "update attempt set results = null, failure_text = null where job_id = any(\(jobs))"
        )
        try await transaction.execute(
            """
            delete from quote where user_id = \(userID) and created_at <= \(time)
                and quote_id <> all(\(open.map(\.quoteID)))
            """
        )
        try await transaction.execute(
            """
            update job_group set prompt = null
            where user_id = \(userID) and created_at <= \(time) and prompt is not null
                and not (group_id = any(\(open.compactMap(\.seat?.groupID))))
            """
        )
        try await transaction.execute(
            "delete from prompt_help where user_id = \(userID) and created_at <= \(time)"
        )
        let waiting = open.count { $0.createdAt <= time }
        if waiting == 0 { try await transaction.execute("delete from erasure where user_id = \(userID)") }
        return EraseUser.Output(erasedAssets: erased, erasedJobs: jobs.count, openJobs: waiting)
    }
}
