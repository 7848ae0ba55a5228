internal import Contracts
internal import Foundation
internal import Jobs
internal import Postgres
internal import Time

/// Reads and writes where users stand.
struct ConversationStore: Sendable {
    let database: Database

    /// The decision was made on a session that somebody else has changed since: decide again.
    struct Conflict: Error, Sendable {}
    /// The event had been decided on already.
    struct AlreadyDecided: Error, Sendable {}

    /// What is known before a turn.
    struct Loaded: Sendable {
        /// Decided on already: nothing is left to do.
        var isSeen: Bool
        var standing: Standing
        /// The stored session can't be read by this build; the user starts at home.
        var isReset = false
    }

    /// One round trip; by primary keys and `jobs_short`, `orders_short`.
    func load(_ scene: Scene, event: String, _ references: References) async throws -> Loaded {
        let user = scene.userID
        let jobShort = references.jobShort.map { Int64(clamping: $0) }
        let orderShort = references.orderShort.map { Int64(clamping: $0) }
        let rows = try await database.query(
            """
            select exists (select 1 from seen_events where key = \(event)),
                (select settings from users where user_id = \(user)),
                s.revision, s.state,
                coalesce(
                    (select state from jobs where user_id = \(user) and short = \(jobShort) limit 1),
                    (select state from jobs where user_id = \(user) and job_id = \(references.jobID?.uuid)),
                    (select state from jobs where user_id = \(user) and \(references.newestJob)
                        order by job_id desc limit 1)),
                coalesce(
                    (select state from orders where user_id = \(user) and short = \(orderShort) limit 1),
                    (select state from orders where user_id = \(user) and order_id = \(references.orderID?.uuid))),
                (select state from jobs where user_id = \(user) and job_id = \(references.groupID?.uuid))
            from (select 1) one
            left join sessions s on s.chat_id = \(scene.chatID) and s.user_id = \(user)
            """
        )
        guard let row = rows.first else { return Loaded(isSeen: false, standing: Standing()) }
        let (isSeen, settings, revision, session, job, order, group) = try row.decode(
            Bool.self,
            JSONText?.self,
            Int64?.self,
            JSONText?.self,
            JSONText?.self,
            JSONText?.self,
            JSONText?.self
        )
        var standing = Standing()
        // What this build can't read counts as unknown: settings begin anew, jobs and orders are told by the next fact.
        standing.settings = settings.flatMap { try? StateJSON.decode(UserSettings.self, $0) }
        standing.sessionRevision = revision ?? 0
        var isReset = false
        do {
            standing.session = try session.map { try StateJSON.decode(Session.self, $0) }
        } catch is DecodingError {
            // Failing would silence this user for ever.
            isReset = true
            standing.session = Session(recoveredAt: standing.sessionRevision)
        }
        standing.job = job.flatMap { try? StateJSON.decode(KnownJob.self, $0) }
        standing.order = order.flatMap { try? StateJSON.decode(KnownOrder.self, $0) }
        standing.group = group.flatMap { try? StateJSON.decode(KnownJob.self, $0) }
        return Loaded(isSeen: isSeen, standing: standing, isReset: isReset)
    }

    /// The job that a panel shows.
    func job(_ id: JobID, of user: UserID) async throws -> KnownJob? {
        let rows = try await database.query("select state from jobs where user_id = \(user) and job_id = \(id.uuid)")
        return try rows.first.map { try StateJSON.decode(KnownJob.self, $0.decode(JSONText.self)) }
    }

    /// The order that a panel shows.
    func order(_ id: OrderID, of user: UserID) async throws -> KnownOrder? {
        let rows = try await database.query(
            "select state from orders where user_id = \(user) and order_id = \(id.uuid)"
        )
        return try rows.first.map { try StateJSON.decode(KnownOrder.self, $0.decode(JSONText.self)) }
    }

    /// Stores a decision and its commands, all or nothing.
    ///
    /// - Parameters:
    ///   - answer: The waiting answer that was decided on; removed with it.
    /// - Throws: `Conflict`, `AlreadyDecided`, `PostgresError`. After `.unknownCommit` decide again: the event's key
    ///   tells whether the first try is in.
    func commit(
        _ decision: Decision,
        scene: Scene,
        event: String,
        standing: Standing,
        answer: String?
    ) async throws {
        let commands = try decision.commands.map { try $0.frozen(event: event, scene: scene) }
        var statements = try [markSeen(event), store(decision.session, scene, over: standing.sessionRevision)]
        // A quiet turn, e.g. a group that we were added to, makes nobody a user.
        let isUser = standing.settings != nil || decision.outcome != .quiet
        if isUser, decision.settings != standing.settings {
            statements.append(try store(decision.settings, of: scene.userID))
        }
        statements += try decision.jobs.map(store) + decision.orders.map(store)
        if let answer { statements.append("delete from answers where key = \(answer)") }
        if !commands.isEmpty { statements.append(Outbox.insert(commands)) }
        let list = statements
        try await database.transaction { transaction in
            let results = try await transaction.pipeline(list)
            guard !results[0].isEmpty else { throw AlreadyDecided() }
            guard !results[1].isEmpty else { throw Conflict() }
        }
    }

    private func markSeen(_ event: String) -> SQL {
        "insert into seen_events (key) values (\(event)) on conflict do nothing returning key"
    }

    /// By compare and set on the revision.
    private func store(_ session: Session, _ scene: Scene, over revision: Int64) throws -> SQL {
        let state = try StateJSON.encode(session)
        if revision == 0 {
            return """
                insert into sessions (chat_id, user_id, revision, state)
                values (\(scene.chatID), \(scene.userID), 1, \(state))
                on conflict do nothing returning revision
                """
        }
        return """
            update sessions set revision = revision + 1, state = \(state), updated_at = now()
            where chat_id = \(scene.chatID) and user_id = \(scene.userID) and revision = \(revision)
            returning revision
            """
    }

    private func store(_ settings: UserSettings, of user: UserID) throws -> SQL {
        let json = try StateJSON.encode(settings)
        return """
            insert into users (user_id, settings) values (\(user), \(json))
            on conflict (user_id) do update set settings = excluded.settings, updated_at = now()
            """
    }

    /// A job's progress never moves back, whoever writes.
    private func store(_ job: KnownJob) throws -> SQL {
        let json = try StateJSON.encode(job)
        return """
            insert into jobs (user_id, job_id, short, chat_id, progress, state, created_at)
            values (\(job.userID), \(job.jobID.uuid), \(Int64(clamping: job.jobID.short)), \(job.chatID),
                \(job.progress.rank), \(json), \(job.createdAt))
            on conflict (user_id, job_id) do update
            set progress = excluded.progress, state = excluded.state, updated_at = now()
            where jobs.progress <= excluded.progress
            """
    }

    private func store(_ order: KnownOrder) throws -> SQL {
        let json = try StateJSON.encode(order)
        return """
            insert into orders (user_id, order_id, short, chat_id, state)
            values (\(order.userID), \(order.orderID.uuid), \(Int64(clamping: order.orderID.short)), \(order.chatID),
                \(json))
            on conflict (user_id, order_id) do update set state = excluded.state, updated_at = now()
            """
    }
}

/// JSON of states in our own tables.
enum StateJSON {
    static func encode(_ value: some Encodable) throws -> JSONText {
        JSONText(try JSONEncoder().encode(value))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ json: JSONText) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.text.utf8))
    }
}
