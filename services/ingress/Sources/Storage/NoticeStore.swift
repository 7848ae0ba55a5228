internal import Postgres

/// Which chats have been told lately that the bot is being updated; one memory for all instances.
struct NoticeStore: Sendable {
    let database: Database

    /// Takes the right to tell a chat, which comes back after a minute.
    ///
    /// - Returns: Whether this caller has it. Needs no flush to disk: a notice too many after a crash of the database
    ///   harms nobody.
    func claim(_ chat: PassiveNotice.Chat) async throws(PostgresError) -> Bool {
        let results = try await database.pipeline([
            "set local synchronous_commit = off",
            """
            insert into notice (bot, chat_id, at) values (\(chat.bot), \(chat.id), now())
            on conflict (bot, chat_id) do update set at = excluded.at
            where notice.at <= excluded.at - interval '60 seconds' returning chat_id
            """,
        ])
        return !results[1].isEmpty
    }

    /// Forgets what is too old to matter.
    func tidy() async throws(PostgresError) {
        try await database.execute("delete from notice where at < now() - interval '10 minutes'")
    }
}
