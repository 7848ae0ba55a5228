package import Contracts
package import Postgres

/// What is known about chats beside their messages.
package struct ChatStore: Sendable {
    private let database: Database

    package init(_ database: Database) {
        self.database = database
    }

    /// Records that the user has blocked the bot or come back; coming back sets waiting messages free. Repeatable.
    package func setReachable(_ chat: ChatID, _ isReachable: Bool) async throws {
        if isReachable {
            try await database.execute(
                """
                update chat set blocked_at = null, blocked_reason = null,
                    next_at = greatest(now(), paused_until), enqueued = enqueued + 1
                where chat_id = \(chat) and blocked_at is not null
                """
            )
        } else {
            try await database.execute(
                """
                insert into chat as c (chat_id, blocked_at, blocked_reason, probed_at)
                values (\(chat), now(), 'reported', now())
                on conflict (chat_id) do update set blocked_at = coalesce(c.blocked_at, now()),
                    blocked_reason = 'reported', probed_at = now(), next_at = null
                """
            )
        }
    }

    /// A group has become a supergroup: its messages and cards go to the new id, now and later.
    ///
    /// Message ids of the old chat mean nothing in the new one, so cards are sent anew there.
    package func move(_ old: ChatID, to new: ChatID) async throws {
        guard old != new else { return }
        _ = try await database.pipeline([
            ChatRows.wake(new),
            "update chat set moved_to = \(new), next_at = null where chat_id = \(old)",
            """
            update message m set chat_id = \(new), step = null, due_at = now(), progress = '{}',
                state = case when state = 'sending' then 'queued' else state end
            where chat_id = \(old) and (kind = 'card' or state in ('queued', 'sending')) and not exists (
                select 1 from message n where n.chat_id = \(new) and n.kind = 'card' and m.kind = 'card' and n.key = m.key)
            """,
        ])
    }

    /// How much waits, for metrics and health.
    package struct Backlog: Sendable, Equatable {
        package var queued: Int64
        /// Of chats that can be reached.
        package var oldestSeconds: Double
        package var blockedChats: Int64
    }

    /// By the indexes message_waiting and chat_blocked.
    package func backlog() async throws -> Backlog {
        let rows = try await database.query(
            """
            select count(*),
                coalesce(extract(epoch from now() - min(m.queued_at) filter (where c.blocked_at is null)), 0)::float8,
                (select count(*) from chat where blocked_at is not null)
            from message m left join chat c using (chat_id) where m.state in ('queued', 'sending')
            """
        )
        guard let row = rows.first else { return Backlog(queued: 0, oldestSeconds: 0, blockedChats: 0) }
        let (queued, oldest, blocked) = try row.decode(Int64.self, Double.self, Int64.self)
        return Backlog(queued: queued, oldestSeconds: max(0, oldest), blockedChats: blocked)
    }
}
