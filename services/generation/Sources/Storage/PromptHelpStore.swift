internal import Contracts
internal import Postgres
internal import Time

/// The SQL of prompt help: an answer for each key, which are counted by user and day.
struct PromptHelpStore: Sendable {
    let database: Database

    /// An answer that was given.
    struct Known: Sendable {
        var fingerprint: [UInt8]
        var answer: HelpPrompt.Output
    }

    func find(key: String) async throws -> Known? {
        try await database.query("select fingerprint, answer from prompt_help where key = \(key)").first.map { row in
            let (fingerprint, answer) = try row.decode([UInt8].self, String.self)
            return Known(fingerprint: fingerprint, answer: try StoredJSON.decode(HelpPrompt.Output.self, answer))
        }
    }

    /// How often a user was helped in the last day.
    func count(_ userID: UserID) async throws -> Int {
        try await database.query(
            "select count(*) from prompt_help where user_id = \(userID) and created_at > now() - interval '1 day'"
        )[0].decode(Int.self)
    }

    /// - Returns: false if the key is taken.
    func insert(key: String, _ fingerprint: [UInt8], _ userID: UserID, _ answer: HelpPrompt.Output) async throws -> Bool
    {
        let text = try StoredJSON.encode(answer)
        return try await database.execute(
            """
            insert into prompt_help (key, fingerprint, user_id, answer) values (\(key), \(fingerprint), \(userID), \(text))
            on conflict (key) do nothing
            """
        ) == 1
    }

    /// Deletes old answers, some at a time.
    ///
    /// - Returns: How many.
    func sweep(olderThan age: Duration, atMost limit: Int) async throws -> Int {
        try await database.execute(
            """
            delete from prompt_help where key in (
                select key from prompt_help where created_at < now() - \(age.inSeconds) * interval '1 second'
                limit \(limit))
            """
        )
    }
}
