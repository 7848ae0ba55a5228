internal import Contracts
internal import Postgres

/// Statements that several stores share.
enum ChatRows {
    /// Wakes the lane of a chat because something was put into it; makes the row if there is none.
    ///
    /// Locks the row, so the lane's holder either sees the newcomer or can't let go of the lane (`enqueued`). A blocked
    /// chat is tried again at most every ten minutes, in case the news of the user's return was lost.
    static func wake(_ chat: ChatID) -> SQL {
        """
        insert into chat as c (chat_id, enqueued, next_at)
        select coalesce((select moved_to from chat where chat_id = \(chat)), \(chat)), 1, now()
        on conflict (chat_id) do update set
            enqueued = c.enqueued + 1,
            next_at = case when c.blocked_at is not null then greatest(now(), c.probed_at + interval '10 minutes')
                else greatest(least(coalesce(c.next_at, now()), now()), c.paused_until) end
        """
    }
}
