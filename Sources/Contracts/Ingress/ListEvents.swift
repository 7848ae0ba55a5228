package import Time

/// What ingress has stored, newest first, for the operator; without bodies, which hold personal data.
///
/// A page costs a bounded number of rows, so that it may be short, or empty, although there is more: go on from
/// `next_before` until it is absent.
package enum ListEvents: Operation {
    package static let service = ServiceName.ingress
    package static let method = OperationMethod.get
    package static let path = "/v1/events"
    package static let callers: Set<ServiceName> = [.operator]

    package struct Parameters: OperationParameters, Equatable {
        package var source: EventSource?
        package var state: EventState?
        /// One lane by its whole name, e.g. `pay:yookassa:2d9a…`.
        package var lane: String?
        /// Everything of a Telegram chat: its own lanes and, since a private chat has its person's id, the payments.
        package var chatID: ChatID?
        /// Only events that arrived at or after this moment.
        package var since: Timestamp?
        /// Only events that arrived before this moment.
        package var until: Timestamp?
        /// Only events with a smaller id; from the previous page's `next_before`.
        package var before: Int64?
        /// 1...500; 50 if absent.
        package var limit: Int?

        package init(
            source: EventSource? = nil,
            state: EventState? = nil,
            lane: String? = nil,
            chatID: ChatID? = nil,
            since: Timestamp? = nil,
            until: Timestamp? = nil,
            before: Int64? = nil,
            limit: Int? = nil
        ) {
            self.source = source
            self.state = state
            self.lane = lane
            self.chatID = chatID
            self.since = since
            self.until = until
            self.before = before
            self.limit = limit
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.source = try Self.choice(values, "source")
            self.state = try Self.choice(values, "state")
            self.lane = values.text("lane")
            self.chatID = try values.optional("chat_id")
            self.since = try values.time("since")
            self.until = try values.time("until")
            self.before = try values.optional("before")
            self.limit = try values.optional("limit")
        }

        package var values: [(name: String, value: String)] {
            [
                ("source", source?.rawValue), ("state", state?.rawValue), ("lane", lane),
                ("chat_id", chatID.map { String($0) }), ("since", since?.description), ("until", until?.description),
                ("before", before.map { String($0) }), ("limit", limit.map { String($0) }),
            ].compactMap { name, value in value.map { (name, $0) } }
        }

        private static func choice<Value: RawRepresentable<String>>(
            _ values: ParameterValues,
            _ name: String
        ) throws(ParameterError) -> Value? {
            guard let text = values.text(name) else { return nil }
            guard let value = Value(rawValue: text) else { throw ParameterError(name: name, reason: "is not known") }
            return value
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var events: [EventRecord]
        /// Absent on the last page.
        package var nextBefore: Int64?

        package init(events: [EventRecord], nextBefore: Int64? = nil) {
            self.events = events
            self.nextBefore = nextBefore
        }
    }
}

/// Where a stored event stands.
package enum EventState: String, Codable, Sendable, CaseIterable {
    case waiting, done, parked, dead, malformed
}

/// A stored event without its body.
package struct EventRecord: Codable, Sendable, Equatable {
    package var id: Int64
    package var source: EventSource
    package var kind: String
    package var lane: String
    package var state: EventState
    package var attempts: Int
    package var receivedAt: Timestamp
    package var error: String?

    package init(
        id: Int64,
        source: EventSource,
        kind: String,
        lane: String,
        state: EventState,
        attempts: Int,
        receivedAt: Timestamp,
        error: String? = nil
    ) {
        self.id = id
        self.source = source
        self.kind = kind
        self.lane = lane
        self.state = state
        self.attempts = attempts
        self.receivedAt = receivedAt
        self.error = error
    }
}
