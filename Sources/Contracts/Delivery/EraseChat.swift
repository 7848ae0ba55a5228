/// Removes the texts and buttons that are kept for a chat: those of cards, and messages that wait and have not been begun.
///
/// Keys and Telegram's message numbers stay, so that nothing is sent twice. What Telegram has shown stays in the chat; the
/// user removes it there. Asking again is the same.
package enum EraseChat: Operation {
    package typealias Parameters = SetChatReachability.Parameters
    package static let service = ServiceName.delivery
    package static let method = OperationMethod.post
    package static let path = "/v1/chats/{chat_id}/erase"
    package static let callers: Set<ServiceName> = [.operator]

    package struct Output: Codable, Sendable, Equatable {
        /// Messages and cards whose content this call removed; those that waited are not sent any more.
        package var erasedMessages: Int
        /// Messages that are being sent right now; their content goes when that is over.
        package var waitingMessages: Int

        package init(erasedMessages: Int, waitingMessages: Int) {
            self.erasedMessages = erasedMessages
            self.waitingMessages = waitingMessages
        }
    }
}
