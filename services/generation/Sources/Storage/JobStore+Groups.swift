internal import Contracts
internal import Jobs
internal import ModelCatalogue
internal import Postgres
internal import Time

/// The SQL of groups: what a step of one job does to the others, in the same transaction.
///
/// Locks are taken in one order everywhere: the group, then jobs by id. A step locks no other jobs than it changes, and
/// those are at no provider: callbacks, which lock several jobs at once, never wait for one that waits for them.
extension JobStore {
    func group(_ id: GroupID) async throws -> (row: GroupRow, jobs: [JobRow])? {
        try await group("select \(unsafe: GroupRow.columns) from job_group where group_id = \(id)")
    }

    func group(key: String) async throws -> (row: GroupRow, jobs: [JobRow])? {
        try await group("select \(unsafe: GroupRow.columns) from job_group where key = \(key)")
    }

    private func group(_ query: SQL) async throws -> (row: GroupRow, jobs: [JobRow])? {
        guard let row = try await database.query(query).first.map({ try GroupRow(row: $0) }) else { return nil }
        let jobs = try await database.query(
            "select \(unsafe: JobRow.columns) from job where group_id = \(row.groupID) order by copy, stage"
        )
        return (row, try jobs.map { try JobRow(row: $0) })
    }

    static func insertion(_ group: GroupRow) -> SQL {
        """
        insert into job_group (group_id, key, fingerprint, user_id, chat_id, quote_id, prompt, copies, stages,
            price_kopecks, created_at)
        values (\(group.groupID), \(group.key), \(group.fingerprint), \(group.userID), \(group.chatID),
            \(group.quoteID), \(group.prompt), \(group.copies), \(group.stages), \(group.priceKopecks),
            \(group.createdAt))
        on conflict do nothing
        """
    }

    /// Waits for the group's other jobs to have reported, so that the next report knows of theirs.
    static func lock(_ id: GroupID, in transaction: Transaction) async throws {
        _ = try await transaction.query("select 1 from job_group where group_id = \(id) for no key update")
    }

    /// Carries out what a step of a job means for its group, and makes the report about it.
    ///
    /// The group must be locked. Jobs that get an order are given a new fencing number: nobody works on one that waits.
    ///
    /// - Parameter assets: The results of the job, if it has ended well.
    static func move(
        _ job: JobRow,
        from old: JobStep,
        assets: [Asset],
        now: Timestamp,
        in transaction: Transaction
    ) async throws -> JobGroup? {
        guard let seat = job.seat else { return nil }
        var jobs = try await transaction.query(
            "select \(unsafe: JobRow.columns) from job where group_id = \(seat.groupID)"
        ).map { try JobRow(row: $0) }
        if let event = GroupMachine.event(of: seat.member, from: old, to: job.progress) {
            let limits = Dictionary(
                uniqueKeysWithValues: jobs.compactMap { row in
                    row.seat.map { ($0.member, row.progress.hardLimitAt - row.createdAt) }
                }
            )
            let orders = GroupMachine.orders(after: event, copies: seat.copies, stages: seat.stages) {
                limits[$0] ?? .zero
            }
            try await carryOut(orders, on: &jobs, from: assets.first, now, in: transaction)
        }
        let revised = try await transaction.query(
            """
            update job_group set revision = revision + 1 where group_id = \(seat.groupID)
            returning \(unsafe: GroupRow.columns)
            """
        )
        return try revised.first.map { try GroupRow(row: $0).published(jobs) }
    }

    private static func locked(_ id: GroupID, in transaction: Transaction) async throws -> [JobRow] {
        try await transaction.query(
            """
            select \(unsafe: JobRow.columns) from job where group_id = \(id) order by job_id for no key update
            """
        ).map { try JobRow(row: $0) }
    }

    /// Not inlined: the optimizer can't split the coroutines that would take it in (docs/adr/0003).
    @inline(never)
    private static func carryOut(
        _ orders: [(member: GroupMember, order: GroupOrder)],
        on jobs: inout [JobRow],
        from result: Asset?,
        _ now: Timestamp,
        in transaction: Transaction
    ) async throws {
        for (member, order) in orders {
            guard let index = jobs.firstIndex(where: { $0.seat?.member == member }) else { continue }
            var job = jobs[index]
            let event: JobEvent
            switch order {
            case .event(let plain): event = plain
            case .start(let limit):
                event = .previousSucceeded(hardLimitAt: now + limit)
                if let feeds = job.seat?.feeds, let result { job.inputs.feed(result, into: feeds) }
            }
            guard let (progress, _) = JobMachine.apply(event, to: job.progress, now: now) else { continue }
            job.progress = progress
            // Somebody may have cancelled the job by itself in between: then that is what happened to it.
            let step = jobs[index].progress.step
            if try await transaction.execute(try told(job, insteadOf: step)) == 1 { jobs[index] = job }
        }
    }

    private static func told(_ job: JobRow, insteadOf step: JobStep) throws -> SQL {
        let (progress, inputs) = (job.progress, try StoredJSON.encode(job.inputs))
        return """
            update job set step = \(progress.step), verdict = \(progress.verdict), failure = \(progress.failure?.rawValue),
                is_waiting_for_slot = \(progress.isWaitingForSlot), next_at = \(progress.nextAt),
                hard_limit_at = \(progress.hardLimitAt), inputs = \(inputs),
                began_at = case when \(progress.step) = 'extending' then now() else began_at end,
                decided_at = case when \(progress.verdict)::text is not null then coalesce(decided_at, now()) end,
                fence = fence + 1, lease_until = null
            where job_id = \(job.jobID) and step = \(step) and fence = \(job.fence)
            """
    }

    /// Cancels what of a group the provider does not have.
    ///
    /// - Returns: The group after it, and whether anything was or had been cancelled; nil if there is no such group.
    func cancel(_ id: GroupID, now: Timestamp) async throws -> (group: JobGroup, isCancelled: Bool, isBegun: Bool)? {
        try await database.transaction { transaction in
            try await Self.lock(id, in: transaction)
            let found = try await transaction.query(
                "select \(unsafe: GroupRow.columns) from job_group where group_id = \(id)"
            )
            guard let row = try found.first.map({ try GroupRow(row: $0) }) else { return nil }
            var jobs = try await Self.locked(id, in: transaction)
            let orders = GroupMachine.orders(after: .cancelAsked, copies: row.copies, stages: row.stages) { _ in .zero }
            try await Self.carryOut(orders, on: &jobs, from: nil, now, in: transaction)
            let isCancelled = jobs.contains { $0.progress.verdict == .cancelled }
            let isBegun = !jobs.contains { [.reserving, .refused].contains($0.progress.step) }
            return (row.published(jobs), isCancelled, isBegun)
        }
    }
}

extension RunInputs {
    /// Puts the result of an earlier stage in front of the user's own files.
    mutating func feed(_ asset: Asset, into input: String) {
        let file = MediaReference(
            assetID: asset.assetID,
            kind: asset.kind,
            mimeType: asset.mimeType,
            sizeBytes: asset.sizeBytes,
            width: asset.width,
            height: asset.height,
            durationSeconds: asset.durationSeconds
        )
        media[input] = [file] + (media[input] ?? [])
    }
}
