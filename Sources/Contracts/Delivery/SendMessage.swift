package import Time

/// Sends a message or a result once. The answer means that it is durable, not that Telegram has it.
///
/// Idempotent by key: one key is one message (or album) in the chat.
package enum SendMessage: Operation {
    package typealias Output = MessageState
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.post
    package static let path = "/v1/messages"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 202
    package static let problems: Set<ProblemCode> = [.messageInvalid]

    package struct Input: Codable, Sendable, Equatable {
        package var chatID: ChatID
        package var content: MessageContent
        package var replyToMessageID: Int64?
        package var isSilent: Bool

        package init(
            chatID: ChatID,
            content: MessageContent,
            replyToMessageID: Int64? = nil,
            isSilent: Bool = false
        ) {
            self.chatID = chatID
            self.content = content
            self.replyToMessageID = replyToMessageID
            self.isSilent = isSilent
        }
    }
}

/// Where a message stands.
package struct MessageState: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        case queued, sending, sent
        /// The request left but no answer came: it may be in the chat.
        case unknown
        case failed
        /// The user has blocked the bot; sent on return.
        case blocked
    }

    package var key: String
    package var chatID: ChatID
    package var state: State
    /// Of the messages in the chat, once sent.
    package var messageIDs: [Int64]
    package var sentAt: Timestamp?

    package init(key: String, chatID: ChatID, state: State, messageIDs: [Int64] = [], sentAt: Timestamp? = nil) {
        self.key = key
        self.chatID = chatID
        self.state = state
        self.messageIDs = messageIDs
        self.sentAt = sentAt
    }
}

/// Reads where a message stands.
package enum GetMessage: Operation {
    package typealias Output = MessageState
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.get
    package static let path = "/v1/messages/{message_key}"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.notFound]

    package struct Parameters: OperationParameters, Equatable {
        package var messageKey: String

        package init(messageKey: String) {
            self.messageKey = messageKey
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.messageKey = try values.required("message_key")
        }

        package var values: [(name: String, value: String)] { [("message_key", messageKey)] }
    }
}
