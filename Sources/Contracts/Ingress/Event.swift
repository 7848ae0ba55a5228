package import Time

/// A stored webhook on its way to its consumer. Delivered at least once and, within a lane, in order.
package struct Event: Codable, Sendable, Equatable {
    /// Ingress' own number; the same on every repeat, so that a consumer drops what it has seen.
    package var id: Int64
    package var source: EventSource
    /// The update kind (`message`, `callback_query`, …), YooKassa's event name, or `callback` for KIE.
    package var kind: String
    /// The bot's name in ingress' configuration, for Telegram.
    package var bot: String?
    /// Telegram's update id.
    package var updateID: Int64?
    /// KIE's callback token; already verified.
    package var token: String?
    /// Events of one lane are handled one after the other.
    package var lane: String
    package var receivedAt: Timestamp
    package var traceparent: String?
    /// The webhook's body as it came: valid UTF-8, valid JSON.
    package var body: String
    /// From 1; grows when the consumer asked for a repeat or did not answer.
    package var attempt: Int

    package init(
        id: Int64,
        source: EventSource,
        kind: String,
        bot: String? = nil,
        updateID: Int64? = nil,
        token: String? = nil,
        lane: String,
        receivedAt: Timestamp,
        traceparent: String? = nil,
        body: String,
        attempt: Int = 1
    ) {
        self.id = id
        self.source = source
        self.kind = kind
        self.bot = bot
        self.updateID = updateID
        self.token = token
        self.lane = lane
        self.receivedAt = receivedAt
        self.traceparent = traceparent
        self.body = body
        self.attempt = attempt
    }
}

/// Who posted a webhook.
package enum EventSource: String, Codable, Sendable, CaseIterable {
    case telegram, kie, yookassa
}

/// Events of different lanes handed to a consumer in one call; at most one of each lane.
package struct EventBatch: Codable, Sendable, Equatable {
    /// 1...64 events.
    package var events: [Event]

    package init(events: [Event]) {
        self.events = events
    }
}

/// One verdict for each event of a batch, in the same order.
package struct EventVerdicts: Codable, Sendable, Equatable {
    package var verdicts: [EventVerdict]

    package init(verdicts: [EventVerdict]) {
        self.verdicts = verdicts
    }
}

/// What became of one event.
package struct EventVerdict: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// Handled (or seen before): durable at the consumer.
        case ok
        /// Not now; the lane waits.
        case retry
        /// Can never be handled: goes to the dead letters at once.
        case reject
    }

    package var id: Int64
    package var verdict: Kind
    /// With `retry`: how long to wait.
    package var retryAfterMs: Int64?
    /// With `retry` and `reject`: why, in English, safe to store.
    package var reason: String?

    package init(id: Int64, verdict: Kind, retryAfterMs: Int64? = nil, reason: String? = nil) {
        self.id = id
        self.verdict = verdict
        self.retryAfterMs = retryAfterMs
        self.reason = reason
    }
}
