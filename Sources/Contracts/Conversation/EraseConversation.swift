/// Removes what conversation remembers of a user: settings, drafts, prompts, the history of jobs and orders, texts that were
/// sent.
///
/// Counters of sessions stay, since buttons in old messages must not fit new drafts. Jobs and orders under way stay without
/// words, so that their results arrive. Asking again is the same, and removes what has ended meanwhile.
package enum EraseConversation: Operation {
    package typealias Parameters = EraseUser.Parameters
    package static let service = ServiceName.conversation
    package static let method = OperationMethod.post
    package static let path = "/v1/users/{user_id}/erase"
    package static let callers: Set<ServiceName> = [.operator]
    package static let defaultTimeout = Duration.seconds(15)

    package struct Output: Codable, Sendable, Equatable {
        /// Chats in which the user had drafts or other words.
        package var erasedSessions: Int
        /// Jobs and groups that are over and were forgotten.
        package var erasedJobs: Int
        /// Top-up orders that are over and were forgotten; payments keeps them.
        package var erasedOrders: Int
        /// Jobs and orders under way; ask again when they have ended.
        package var openJobs: Int
        /// Messages and other commands that are just on their way; ask again in a moment.
        package var waitingCommands: Int

        package init(
            erasedSessions: Int,
            erasedJobs: Int,
            erasedOrders: Int,
            openJobs: Int,
            waitingCommands: Int
        ) {
            self.erasedSessions = erasedSessions
            self.erasedJobs = erasedJobs
            self.erasedOrders = erasedOrders
            self.openJobs = openJobs
            self.waitingCommands = waitingCommands
        }
    }
}
