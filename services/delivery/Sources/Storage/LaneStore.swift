package import Contracts
package import Postgres
package import Time

/// A chat whose messages one process sends at present.
package struct LaneLease: Sendable, Hashable {
    package let chatID: ChatID
    /// Grows with every change of hands; what an earlier holder still wants to write is refused.
    package let epoch: Int64
    package let owner: String
}

/// The first message of a lane that is due, with what the lane needs to know.
package struct LaneHead: Sendable {
    package let id: Int64
    package let key: String
    package let message: OutgoingMessage
    /// The step that a process left under way; nil if none.
    package let leftStep: SendStep?
    package let attempts: Int
    package let traceparent: String?
    package let queuedAt: Timestamp
}

/// What a lane looks like at one moment.
package struct LaneView: Sendable {
    /// Hand it back to `release`.
    package let enqueued: Int64
    package let arrival: Timestamp
    package let isBlocked: Bool
    package let head: LaneHead?
    /// When the next message is due if none is now; nil if none waits.
    package let nextDue: Timestamp?
}

/// What is written when a step has its answer.
package struct StepRecord: Sendable {
    package enum State: String, Sendable {
        case queued, sent, unknown, failed
    }

    package var state: State
    package var failure: String?
    /// Pause of this message only.
    package var dueIn: Duration?
    /// Pause of the whole chat.
    package var pause: Duration?
    /// The chat can't be reached, for this reason.
    package var blockedReason: String?
    /// A call was taken, so the chat can be reached.
    package var isReachable = false

    package init(_ state: State, failure: String? = nil) {
        self.state = state
        self.failure = failure
    }
}

/// Leases of lanes and the steps made under them.
package struct LaneStore: Sendable {
    private let database: Database

    package init(_ database: Database) {
        self.database = database
    }

    /// Takes lanes that have something to do and that nobody holds; the longest waiting first. By the index chat_due.
    package func claim(owner: String, limit: Int, lease: Duration) async throws -> [LaneLease] {
        let rows = try await database.query(
            """
            update chat set owner = \(owner), epoch = epoch + 1,
                lease_until = now() + \(lease.inSeconds) * interval '1 second'
            where chat_id in (
                select chat_id from chat
                where next_at <= now() and (lease_until is null or lease_until < now())
                order by next_at limit \(Int64(limit)) for update skip locked)
            returning chat_id, epoch
            """
        )
        return try rows.map {
            let (chat, epoch) = try $0.decode(Int64.self, Int64.self)
            return LaneLease(chatID: chat, epoch: epoch, owner: owner)
        }
    }

    /// Extends leases; returns the chats that are still held.
    package func renew(_ leases: [LaneLease], owner: String, lease: Duration) async throws -> Set<ChatID> {
        let rows = try await database.query(
            """
            update chat c set lease_until = now() + \(lease.inSeconds) * interval '1 second'
            from unnest(\(leases.map(\.chatID)), \(leases.map(\.epoch))) as held (chat_id, epoch)
            where c.chat_id = held.chat_id and c.epoch = held.epoch and c.owner = \(owner)
            returning c.chat_id
            """
        )
        return Set(try rows.map { try $0.decode(Int64.self) })
    }

    /// Looks at a lane: one statement, so one snapshot. Nil if the lease is lost.
    package func view(_ lane: LaneLease) async throws -> LaneView? {
        let rows = try await database.query(
            """
            select c.enqueued, c.arrival, c.blocked_at is not null as is_blocked,
                (select min(due_at) from message w
                    where w.chat_id = c.chat_id and w.state in ('queued', 'sending')) as next_due,
                m.id, m.kind, m.key, m.revision, m.content, m.reply_to, m.is_silent, m.is_repost, m.progress, m.step,
                m.attempts, m.traceparent, m.queued_at
            from chat c left join lateral (
                select * from message w
                where w.chat_id = c.chat_id and w.state in ('queued', 'sending') and w.due_at <= now()
                order by w.position limit 1) m on true
            where c.chat_id = \(lane.chatID) and c.epoch = \(lane.epoch) and c.owner = \(lane.owner)
            """
        )
        guard let row = rows.first else { return nil }
        return LaneView(
            enqueued: try row.get("enqueued"),
            arrival: try row.get("arrival"),
            isBlocked: try row.get("is_blocked"),
            head: try row.get("id", as: Int64?.self).map { try Self.head($0, lane.chatID, row) },
            nextDue: try row.get("next_due", as: Timestamp?.self)
        )
    }

    private static func head(_ id: Int64, _ chat: ChatID, _ row: Row) throws -> LaneHead {
        let content = try row.get("content", as: String.self)
        let message = OutgoingMessage(
            kind: OutgoingMessage.Kind(rawValue: try row.get("kind", as: String.self)) ?? .message,
            chatID: chat,
            revision: try row.get("revision"),
            content: try ContractJSON.decode(MessageContent.self, from: Array(content.utf8)),
            replyTo: try row.get("reply_to", as: Int64?.self),
            isSilent: try row.get("is_silent"),
            isRepost: try row.get("is_repost"),
            progress: try MessageProgress(json: row.get("progress", as: String.self))
        )
        return LaneHead(
            id: id,
            key: try row.get("key"),
            message: message,
            leftStep: try row.get("step", as: String?.self).flatMap(SendStep.init(rawValue:)),
            attempts: Int(try row.get("attempts", as: Int32.self)),
            traceparent: try row.get("traceparent", as: String?.self),
            queuedAt: try row.get("queued_at")
        )
    }

    /// Records that a call is about to be made; before it, so that a crash is noticed.
    ///
    /// - Returns: The attempt's number; nil if the lease is lost or a newer revision has come, and nothing may be sent.
    package func begin(
        _ step: SendStep,
        _ head: LaneHead,
        progress: MessageProgress,
        _ lane: LaneLease
    ) async throws -> Int? {
        let rows = try await database.query(
            """
            update message set state = 'sending', step = \(step.rawValue), attempts = attempts + 1,
                progress = \(try progress.json), is_repost = false
            where id = \(head.id) and revision = \(head.message.revision) and attempts = \(Int32(head.attempts))
                and exists (select 1 from chat where chat_id = \(lane.chatID) and epoch = \(lane.epoch)
                    and owner = \(lane.owner))
            returning attempts
            """
        )
        return try rows.first.map { Int(try $0.decode(Int32.self)) }
    }

    /// Records a step's answer with its consequences for the chat. One round trip.
    ///
    /// Counts only for the attempt it belongs to; an answer that comes after the lane has changed hands still counts if
    /// nothing was tried since. A card whose newer revision came meanwhile stays queued.
    package func settle(
        _ head: LaneHead,
        attempt: Int,
        progress: MessageProgress,
        _ record: StepRecord
    ) async throws {
        let due = record.dueIn?.inSeconds ?? 0
        let isOver = record.state != .queued
        var statements: [SQL] = [
            """
            update message set
                state = case when revision > \(head.message.revision) then 'queued' else \(record.state.rawValue) end,
                content = case when \(isOver) and revision = \(head.message.revision) then null else content end,
                settled_at = case when \(isOver) then now() end,
                step = null, progress = \(try progress.json), failure = \(record.failure),
                due_at = case when revision > \(head.message.revision) then now()
                    else now() + \(due) * interval '1 second' end
            where id = \(head.id) and attempts = \(Int32(attempt)) and state in ('sending', 'queued', 'unknown')
            """
        ]
        let chat = head.message.chatID
        if let pause = record.pause {
            statements.append(
                """
                update chat set paused_until = greatest(paused_until, now() + \(pause.inSeconds) * interval '1 second'),
                    next_at = greatest(next_at, now() + \(pause.inSeconds) * interval '1 second')
                where chat_id = \(chat)
                """
            )
        }
        if let reason = record.blockedReason {
            statements.append(
                """
                update chat set blocked_at = coalesce(blocked_at, now()), blocked_reason = \(reason), probed_at = now(),
                    next_at = null
                where chat_id = \(chat)
                """
            )
        } else if record.isReachable {
            statements.append(
                """
                update chat set blocked_at = null, blocked_reason = null
                where chat_id = \(chat) and blocked_at is not null
                """
            )
        }
        _ = try await database.pipeline(statements)
    }

    /// Lets go of a lane. It is looked at again at `nextAt`, at once if something was put into it since `view`.
    package func release(
        _ lane: LaneLease,
        seen enqueued: Int64,
        arrival: Timestamp,
        nextAt: Timestamp?
    ) async throws {
        try await database.execute(
            """
            update chat set owner = null, lease_until = null, arrival = \(arrival),
                next_at = case when blocked_at is not null then next_at
                    when enqueued <> \(enqueued) then greatest(now(), paused_until)
                    when \(nextAt)::timestamptz is null then null
                    else greatest(\(nextAt), paused_until) end
            where chat_id = \(lane.chatID) and epoch = \(lane.epoch) and owner = \(lane.owner)
            """
        )
    }

    /// Lets go of lanes without having looked, so that others take them at once: for the end of the process.
    package func abandon(_ leases: [LaneLease], owner: String) async throws {
        try await database.execute(
            """
            update chat c set owner = null, lease_until = null
            from unnest(\(leases.map(\.chatID)), \(leases.map(\.epoch))) as held (chat_id, epoch)
            where c.chat_id = held.chat_id and c.epoch = held.epoch and c.owner = \(owner)
            """
        )
    }
}
