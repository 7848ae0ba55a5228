internal import Contracts
internal import Postgres

/// Answers to our commands on their way to the machine.
struct AnswerStore: Sendable {
    let database: Database

    /// An answer that is due.
    struct Waiting: Sendable {
        /// The answered command's key.
        var key: String
        var answer: CommandAnswer
        var scene: Scene
        /// From 1.
        var attempts: Int
    }

    /// Notes an answer in the transaction that marks the command answered.
    static func put(_ answer: CommandAnswer, key: String, scene: Scene, in transaction: Transaction) async throws {
        let json = try StateJSON.encode(answer)
        try await transaction.execute(
            """
            insert into answers (key, answer, user_id, chat_id)
            values (\(key), \(json), \(scene.userID), \(scene.chatID)) on conflict do nothing
            """
        )
    }

    /// Takes up to 32 due answers, oldest first, and keeps other instances off them for ten seconds: longer than a
    /// decision takes, so that one which outlives its taker is taken again. Uses `answers_due`.
    func takeDue() async throws -> [Waiting] {
        let rows = try await database.query(
            """
            update answers set attempts = attempts + 1, next_at = now() + interval '10 seconds'
            where key in (
                select key from answers where next_at <= now() order by next_at limit 32 for update skip locked)
            returning key, answer, user_id, chat_id, attempts
            """
        )
        return try rows.compactMap { row in
            let (key, json, user, chat, attempts) = try row.decode(
                String.self,
                JSONText.self,
                Int64.self,
                Int64.self,
                Int32.self
            )
            // One that this build can't read waits for one that can, and holds up no other; `/health` shows its age.
            guard let answer = try? StateJSON.decode(CommandAnswer.self, json) else { return nil }
            return Waiting(
                key: key,
                answer: answer,
                scene: Scene(userID: user, chatID: chat),
                attempts: Int(attempts)
            )
        }
    }

    /// How many wait, and for how many seconds the oldest has.
    func backlog() async throws -> (count: Int64, oldestSeconds: Double) {
        let rows = try await database.query(
            """
            select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from answers
            """
        )
        return try rows[0].decode(Int64.self, Double.self)
    }

    /// Forgets an answer that was decided on in another way, e.g. because its event is known already.
    func remove(_ key: String) async throws {
        try await database.execute("delete from answers where key = \(key)")
    }
}

/// Removes what is too old to come again.
struct SeenStore: Sendable {
    let database: Database

    /// Removes up to 5,000 keys older than 30 days.
    ///
    /// - Returns: How many were removed; fewer than 5,000 means that none are left.
    func sweep() async throws -> Int {
        try await database.execute(
            """
            delete from seen_events where key in (
                select key from seen_events where decided_at < now() - interval '30 days' limit 5000)
            """
        )
    }
}
