package import Time

/// One stored event, for the operator.
package enum GetEvent: Operation {
    package static let service = ServiceName.ingress
    package static let method = OperationMethod.get
    package static let path = "/v1/events/{event_id}"
    package static let callers: Set<ServiceName> = [.operator]
    package static let problems: Set<ProblemCode> = [.eventNotFound]

    package struct Parameters: OperationParameters, Equatable {
        package var eventID: Int64
        /// `true` asks for the body, which holds what people write; anything else leaves it out.
        package var withBody: Bool?

        package init(eventID: Int64, withBody: Bool? = nil) {
            self.eventID = eventID
            self.withBody = withBody
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.eventID = try values.required("event_id")
            self.withBody = try values.optional("with_body")
        }

        package var values: [(name: String, value: String)] {
            [("event_id", String(eventID))] + (withBody.map { [("with_body", String($0))] } ?? [])
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var event: EventRecord
        /// The bot's name in ingress' configuration, for Telegram.
        package var bot: String?
        /// Telegram's update id.
        package var updateID: Int64?
        package var traceparent: String?
        /// When a parked event is tried again.
        package var nextTryAt: Timestamp?
        package var bodyBytes: Int64
        /// Only if it was asked for; bytes that are no UTF-8 are replaced.
        package var body: String?

        package init(
            event: EventRecord,
            bot: String? = nil,
            updateID: Int64? = nil,
            traceparent: String? = nil,
            nextTryAt: Timestamp? = nil,
            bodyBytes: Int64,
            body: String? = nil
        ) {
            self.event = event
            self.bot = bot
            self.updateID = updateID
            self.traceparent = traceparent
            self.nextTryAt = nextTryAt
            self.bodyBytes = bodyBytes
            self.body = body
        }
    }
}
