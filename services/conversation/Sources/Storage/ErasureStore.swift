internal import Contracts
internal import Postgres

/// Removes what is known of a user, on the user's wish.
struct ErasureStore: Sendable {
    let database: Database

    /// All or nothing; a second call removes what has ended since the first.
    func erase(_ user: UserID) async throws -> EraseConversation.Output {
        try await database.transaction { transaction in
            let (chats, sessions) = try await Self.emptySessions(of: user, in: transaction)
            let (jobs, openJobs) = try await Self.forgetJobs(of: user, in: transaction)
            let orders = try await transaction.execute(
                "delete from orders where user_id = \(user) and state->>'state' in ('credited', 'canceled')"
            )
            let openOrders = try await transaction.query("select count(*) from orders where user_id = \(user)")
            try await transaction.execute("delete from users where user_id = \(user)")
            let waiting = try await Self.tidyOutbox(of: user, chats, in: transaction)
            return EraseConversation.Output(
                erasedSessions: sessions,
                erasedJobs: jobs,
                erasedOrders: orders,
                openJobs: openJobs + (try openOrders[0].decode(Int.self)),
                waitingCommands: waiting
            )
        }
    }

    /// Leaves the counters. A turn that was decided on the old state finds another revision and is decided anew.
    ///
    /// - Returns: The user's chats, and how many of them held words.
    private static func emptySessions(of user: UserID, in transaction: Transaction) async throws
        -> (chats: [ChatID], erased: Int)
    {
        let rows = try await transaction.query(
            "select chat_id, revision, state from sessions where user_id = \(user) order by chat_id for update"
        )
        var chats: [ChatID] = []
        var erased = 0
        for row in rows {
            let (chat, revision, json) = try row.decode(Int64.self, Int64.self, JSONText.self)
            chats.append(chat)
            let old = try? StateJSON.decode(Session.self, json)  // One that can't be read may hold words.
            guard old?.holdsWords ?? true else { continue }
            var session = Session(recoveredAt: revision)
            session.running = old?.running ?? []
            let state = try StateJSON.encode(session)
            erased += try await transaction.execute(
                """
                update sessions set revision = revision + 1, state = \(state), updated_at = now()
                where chat_id = \(chat) and user_id = \(user)
                """
            )
        }
        return (chats, erased)
    }

    /// Deletes jobs that are over; the others lose their words and keep what their results need.
    private static func forgetJobs(of user: UserID, in transaction: Transaction) async throws
        -> (erased: Int, open: Int)
    {
        let (final, refused) = (KnownJob.Progress.failed.rank, KnownJob.Progress.refused.rank)
        let erased = try await transaction.execute(
            "delete from jobs where user_id = \(user) and (progress >= \(final) or progress = \(refused))"
        )
        let rows = try await transaction.query(
            "select job_id, state from jobs where user_id = \(user) order by job_id for update"
        )
        for row in rows {
            let (id, json) = try row.decode(JobID.self, JSONText.self)
            // One that this build can't read stays for one that can.
            guard var job = try? StateJSON.decode(KnownJob.self, json) else { continue }
            job.draft = job.draft.withoutWords
            job.group?.prompt = nil
            let state = try StateJSON.encode(job)
            try await transaction.execute(
                "update jobs set state = \(state), updated_at = now() where user_id = \(user) and job_id = \(id)"
            )
        }
        return (erased, rows.count)
    }

    /// Deletes what was sent; what is still to be sent goes out first.
    ///
    /// - Returns: How much that is.
    private static func tidyOutbox(of user: UserID, _ chats: [ChatID], in transaction: Transaction) async throws -> Int
    {
        let lanes = ["work:\(user)", "show:\(user)"] + chats.map { "show:\($0)" }
        try await transaction.execute("delete from outbox where lane = any(\(lanes)) and answered_at is not null")
        return try await transaction.query(
            """
            select (select count(*) from outbox where lane = any(\(lanes)) and answered_at is null)
                + (select count(*) from answers where user_id = \(user))
            """
        )[0].decode(Int.self)
    }
}

extension Session {
    /// Whether anything in it was typed, sent or suggested.
    fileprivate var holdsWords: Bool {
        draft != nil || !parked.isEmpty || waiting != nil || offer != nil || suggestion != nil || filling != nil
    }
}

extension Draft {
    /// The same run as far as its result needs it.
    fileprivate var withoutWords: Draft {
        var empty = Draft(modelNumber: modelNumber)
        (empty.promptMessageID, empty.copies) = (promptMessageID, copies)
        empty.then = then?.map { NextStage(modelNumber: $0.modelNumber) }
        return empty
    }
}
