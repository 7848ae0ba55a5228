/// Creates a card (a message that is edited in place) or changes it. The answer means that it is durable, not that
/// Telegram has it.
///
/// A revision lower than the newest one seen is dropped (`is_superseded`). Revisions that pass each other in the queue
/// are coalesced: only the newest is sent. A card whose message is gone from the chat is sent anew.
package enum PutCard: Operation {
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.put
    package static let path = "/v1/chats/{chat_id}/cards/{card_key}"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 202
    package static let problems: Set<ProblemCode> = [.messageInvalid]

    package struct Parameters: OperationParameters, Equatable {
        package var chatID: ChatID
        /// Names the card in its chat, e.g. `panel` or `job:<id>`; 1...80 of `A-Za-z0-9:_-`.
        package var cardKey: String

        package init(chatID: ChatID, cardKey: String) {
            self.chatID = chatID
            self.cardKey = cardKey
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.chatID = try values.required("chat_id")
            self.cardKey = try values.required("card_key")
        }

        package var values: [(name: String, value: String)] {
            [("chat_id", String(chatID)), ("card_key", cardKey)]
        }
    }

    package struct Input: Codable, Sendable, Equatable {
        /// Grows with every change of the card.
        package var revision: Int64
        package var content: MessageContent
        /// Send a new message at the end of the chat and delete the old one, instead of editing.
        package var repost: Bool
        /// For a new message: the message of the user that it answers.
        package var replyToMessageID: Int64?
        /// Without a sound.
        package var isSilent: Bool

        package init(
            revision: Int64,
            content: MessageContent,
            repost: Bool = false,
            replyToMessageID: Int64? = nil,
            isSilent: Bool = false
        ) {
            self.revision = revision
            self.content = content
            self.repost = repost
            self.replyToMessageID = replyToMessageID
            self.isSilent = isSilent
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// A newer revision was already known; nothing was queued.
        package var isSuperseded: Bool

        package init(isSuperseded: Bool) {
            self.isSuperseded = isSuperseded
        }
    }
}
