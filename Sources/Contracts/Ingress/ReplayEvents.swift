package import Time

/// Dispatches a dead letter once more. An event that is no dead letter is answered as it stands: it was replayed before,
/// or never needed it.
package enum ReplayEvent: Operation {
    package typealias Output = EventRecord
    package static let service = ServiceName.ingress
    package static let method = OperationMethod.post
    package static let path = "/v1/events/{event_id}/replay"
    package static let callers: Set<ServiceName> = [.operator]
    package static let problems: Set<ProblemCode> = [.eventNotFound, .eventNotReplayable]

    package struct Parameters: OperationParameters, Equatable {
        package var eventID: Int64

        package init(eventID: Int64) {
            self.eventID = eventID
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.eventID = try values.required("event_id")
        }

        package var values: [(name: String, value: String)] { [("event_id", String(eventID))] }
    }
}

/// Dispatches all dead letters once more that fit a filter, oldest first.
///
/// One call replays at most `limit`: repeat it, each time under a new key, while `has_more` is true. With `died_before`
/// set to the moment of the first call, events that die again meanwhile are not replayed again.
package enum ReplayDeadLetters: Operation {
    package static let service = ServiceName.ingress
    package static let method = OperationMethod.post
    package static let path = "/v1/dead-letters/replay"
    package static let callers: Set<ServiceName> = [.operator]
    package static let defaultTimeout = Duration.seconds(10)

    /// What is absent does not limit; nothing at all means every dead letter.
    package struct Input: Codable, Sendable, Equatable {
        package var source: EventSource?
        package var lane: String?
        package var chatID: ChatID?
        /// Only events that arrived at or after this moment.
        package var since: Timestamp?
        /// Only events that arrived before this moment.
        package var until: Timestamp?
        /// Only those whose last error contains this text.
        package var error: String?
        /// Only those that became dead letters before this moment.
        package var diedBefore: Timestamp?
        /// 1...1,000; 1,000 if absent.
        package var limit: Int?

        package init(
            source: EventSource? = nil,
            lane: String? = nil,
            chatID: ChatID? = nil,
            since: Timestamp? = nil,
            until: Timestamp? = nil,
            error: String? = nil,
            diedBefore: Timestamp? = nil,
            limit: Int? = nil
        ) {
            self.source = source
            self.lane = lane
            self.chatID = chatID
            self.since = since
            self.until = until
            self.error = error
            self.diedBefore = diedBefore
            self.limit = limit
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// How many dead letters are waiting events again.
        package var replayed: Int
        /// Whether the limit was reached, so that there may be more.
        package var hasMore: Bool

        package init(replayed: Int, hasMore: Bool) {
            self.replayed = replayed
            self.hasMore = hasMore
        }
    }
}
