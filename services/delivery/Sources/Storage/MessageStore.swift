package import Contracts
internal import Foundation
package import Postgres
internal import Time

/// Takes messages and cards in, and tells where they stand.
package struct MessageStore: Sendable {
    private let database: Database

    package init(_ database: Database) {
        self.database = database
    }

    /// What became of a card's revision.
    package enum CardOutcome: Sendable, Equatable {
        case stored, known, superseded
    }

    /// What became of a message's key.
    package enum MessageOutcome: Sendable, Equatable {
        case stored(MessageState)
        /// The key was used before for the same call.
        case known(MessageState)
        /// The key was used before for another call.
        case mismatch
    }

    /// Stores a revision of a card unless a newer one is known, and wakes the chat's lane. One round trip.
    ///
    /// A card that waits keeps its place in the lane, unless it is to appear anew. One that is being sent is left in
    /// that state: the lane finds the newer revision when it records the answer.
    package func putCard(
        _ card: PutCard.Parameters,
        _ input: PutCard.Input,
        traceparent: String?
    ) async throws -> CardOutcome {
        let content = String(decoding: try ContractJSON.encode(input.content), as: UTF8.self)
        // The last statement sees what the second one did: both run in one transaction.
        let rows = try await database.pipeline([
            ChatRows.wake(card.chatID),
            """
            insert into message as m (kind, chat_id, key, revision, content, reply_to, is_silent, is_repost, traceparent)
            select 'card', coalesce((select moved_to from chat where chat_id = \(card.chatID)), \(card.chatID)),
                \(card.cardKey), \(input.revision), \(content), \(input.replyToMessageID), \(input.isSilent),
                \(input.repost), \(traceparent)
            on conflict (chat_id, key) where kind = 'card' do update set
                revision = excluded.revision, content = excluded.content, reply_to = excluded.reply_to,
                is_silent = excluded.is_silent, is_repost = m.is_repost or excluded.is_repost,
                traceparent = excluded.traceparent, due_at = now(), failure = null,
                queued_at = case when m.state in ('queued', 'sending') then m.queued_at else now() end,
                state = case when m.state = 'sending' then 'sending' else 'queued' end,
                position = case when m.state in ('queued', 'sending') and not excluded.is_repost
                    then m.position else excluded.position end
            where excluded.revision > m.revision
            returning 1
            """,
            """
            select revision from message where kind = 'card' and key = \(card.cardKey)
                and chat_id = coalesce((select moved_to from chat where chat_id = \(card.chatID)), \(card.chatID))
            """,
        ])
        if !rows[1].isEmpty { return .stored }
        guard let newest = try rows[2].first?.decode(Int64.self) else { return .superseded }
        return newest == input.revision ? .known : .superseded
    }

    /// Stores a message under its key, once, and wakes the chat's lane. One round trip.
    package func putMessage(
        key: String,
        fingerprint: [UInt8],
        _ input: SendMessage.Input,
        traceparent: String?
    ) async throws -> MessageOutcome {
        let content = String(decoding: try ContractJSON.encode(input.content), as: UTF8.self)
        let rows = try await database.pipeline([
            ChatRows.wake(input.chatID),
            """
            insert into message (kind, chat_id, key, fingerprint, content, reply_to, is_silent, traceparent)
            select 'message', coalesce((select moved_to from chat where chat_id = \(input.chatID)), \(input.chatID)),
                \(key), \(fingerprint), \(content), \(input.replyToMessageID), \(input.isSilent), \(traceparent)
            on conflict (key) where kind = 'message' do nothing
            returning 1
            """,
            Self.state(of: key),
        ])
        guard let row = rows[2].first else { return .mismatch }
        let state = try Self.state(row)
        if !rows[1].isEmpty { return .stored(state) }
        return try row.get("fingerprint", as: [UInt8]?.self) == fingerprint ? .known(state) : .mismatch
    }

    /// Removes the contents that are kept for a chat. By the indexes message_card and message_lane.
    ///
    /// What waits is given up unless a call for it has begun: the lane then finds another attempt's number and sends
    /// nothing.
    package func erase(_ chat: ChatID) async throws -> EraseChat.Output {
        let rows = try await database.pipeline([
            """
            with gone as (
                update message set state = 'failed', content = null, failure = 'erased', settled_at = now(),
                    attempts = attempts + 1
                where chat_id = \(chat) and state = 'queued' and step is null returning 1)
            select count(*) from gone
            """,
            """
            with gone as (
                update message set content = null
                where chat_id = \(chat) and kind = 'card' and state not in ('queued', 'sending')
                    and content is not null returning 1)
            select count(*) from gone
            """,
            "select count(*) from message where chat_id = \(chat) and state in ('queued', 'sending')",
        ])
        let counts = try rows.map { try $0[0].decode(Int.self) }
        return EraseChat.Output(erasedMessages: counts[0] + counts[1], waitingMessages: counts[2])
    }

    /// Where a message stands; nil if the key is unknown.
    package func message(key: String) async throws -> MessageState? {
        try await database.query(Self.state(of: key)).first.map(Self.state)
    }

    /// By the index message_key.
    private static func state(of key: String) -> SQL {
        """
        select m.key, m.chat_id, m.progress, m.settled_at, m.fingerprint,
            case when m.state = 'queued' and c.blocked_at is not null then 'blocked' else m.state end as state
        from message m left join chat c using (chat_id)
        where m.key = \(key) and m.kind = 'message'
        """
    }

    private static func state(_ row: Row) throws -> MessageState {
        let progress = try MessageProgress(json: row.get("progress", as: String.self))
        let state = MessageState.State(rawValue: try row.get("state", as: String.self)) ?? .unknown
        return MessageState(
            key: try row.get("key"),
            chatID: try row.get("chat_id"),
            state: state,
            messageIDs: progress.messageIDs,
            sentAt: state == .sent ? try row.get("settled_at", as: Timestamp?.self) : nil
        )
    }
}

extension MessageProgress {
    /// Reads the stored form.
    package init(json: String) throws {
        self = try JSONDecoder().decode(MessageProgress.self, from: Data(json.utf8))
    }

    /// The form to store.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
