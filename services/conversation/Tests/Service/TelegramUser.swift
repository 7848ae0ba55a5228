import Contracts
import Foundation
import ServiceKit
import TestSupport
import Time

@testable import ConversationService

/// A person who talks to a running conversation service through ingress' door.
struct TelegramUser: Sendable {
    let ingress: InternalClient
    let generation: InternalClient

    init(_ service: TestService<ConversationService>) {
        ingress = service.client(as: .ingress)
        generation = service.client(as: .generation)
    }

    @discardableResult
    func send(_ events: Event...) async throws -> [EventVerdict] {
        try await ingress.call(
            HandleUpdates.self,
            EventBatch(events: events),
            key: UUID().uuidString,
            timeout: .seconds(10)
        ).verdicts
    }

    func report(_ fact: Fact) async throws {
        _ = try await generation.call(ReportFact.self, fact, key: fact.factID.description, timeout: .seconds(10))
    }

    static func event(_ id: Int64, _ kind: String, _ body: String, user: UserID = Make.user) -> Event {
        Event(
            id: id,
            source: .telegram,
            kind: kind,
            bot: "main",
            updateID: id,
            lane: String(user),
            receivedAt: Make.now,
            body: body
        )
    }

    static func text(_ id: Int64, _ text: String, user: UserID = Make.user) -> Event {
        let body = """
            {"update_id":\(id),"message":{"message_id":\(id),"from":{"id":\(user),"is_bot":false,"first_name":"А",
            "language_code":"ru"},"chat":{"id":\(user),"type":"private"},"date":1795200000,"text":"\(text)"}}
            """
        return event(id, "message", body, user: user)
    }

    static func press(_ id: Int64, _ data: String, user: UserID = Make.user) -> Event {
        let body = """
            {"update_id":\(id),"callback_query":{"id":"\(id)","from":{"id":\(user),"is_bot":false,"first_name":"А"},
            "message":{"message_id":1,"chat":{"id":\(user),"type":"private"},"date":1795200000},"data":"\(data)"}}
            """
        return event(id, "callback_query", body, user: user)
    }
}
