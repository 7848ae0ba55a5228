import Concurrency
import Contracts
import Cryptography
import Foundation
import HTTP
import HTTPClient
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import IngressService

/// Stands in for the three consumers: writes down what it gets and answers as told, `ok` unless told.
struct ConsumerStub: Sendable {
    let server: StubServer
    let events: Locked<[Event]>
    let verdict: Locked<@Sendable (Event) -> EventVerdict>

    static func start() async throws -> ConsumerStub {
        let events = Locked<[Event]>([])
        let verdict = Locked<@Sendable (Event) -> EventVerdict>({ EventVerdict(id: $0.id, verdict: .ok) })
        let server = try await StubServer.start { request in
            if request.path == "/readyz" { return .text(200, "ready\n") }
            let batch = try ContractJSON.decode(EventBatch.self, from: request.body)
            events.withLock { $0 += batch.events }
            let decide = verdict.withLock { $0 }
            return .json(200, try ContractJSON.encode(EventVerdicts(verdicts: batch.events.map { decide($0) })))
        }
        return ConsumerStub(server: server, events: events, verdict: verdict)
    }

    var updateIDs: [Int64] { events.withLock { $0.compactMap(\.updateID) } }
}

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The public door` {
    private let key = Ed25519.PrivateKey()
    private static let nowhere = "http://127.0.0.1:9"

    private func withIngress(
        consumers: String,
        _ environment: [String: String] = [:],
        _ body: (TestService<IngressService>) async throws -> Void
    ) async throws {
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right|older",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(key.publicKey.bytes),
                "ATELIER_YOOKASSA_SOURCES": "127.0.0.0/8",
                "ATELIER_URL_CONVERSATION": consumers, "ATELIER_URL_GENERATION": consumers,
                "ATELIER_URL_PAYMENTS": consumers,
            ].merging(environment) { $1 },
            body
        )
    }

    private func post(
        _ service: TestService<IngressService>,
        _ path: String,
        _ body: String,
        secret: String? = nil,
        fields extra: HTTPFields = [:]
    ) async throws -> ClientResponse {
        var fields = extra
        fields["Content-Type"] = "application/json"
        if let secret { fields["X-Telegram-Bot-Api-Secret-Token"] = secret }
        let port = try #require(service.runner.publicPort)
        return try await service.runner.context.http.send(
            ClientRequest(
                method: .post,
                url: "http://127.0.0.1:\(port)\(path)",
                fields: fields,
                body: .bytes(Array(body.utf8))
            )
        )
    }

    private func update(_ id: Int64, chat: Int64 = 7) -> String {
        #"{"update_id":\#(id),"message":{"message_id":1,"chat":{"id":\#(chat),"type":"private"},"text":"a"}}"#
    }

    private func count(_ sql: SQL) async throws -> Int64 {
        try #require(try await ScratchDatabase.current.database.query(sql).first).decode(Int64.self)
    }

    @Test func `refuses strangers and stores nothing of theirs`() async throws {
        try await withIngress(consumers: Self.nowhere) { service async throws in
            let attempt = UUID()
            let forged = CallbackToken(attempt: attempt, signature: Array(repeating: 0, count: 64))
            let doors: [(path: String, secret: String?)] = [
                ("/webhooks/telegram/main", "wrong"), ("/webhooks/telegram/main", nil),
                ("/webhooks/telegram/other", "right"), ("/webhooks/kie/\(forged.text)", nil), ("/webhooks/kie/x", nil),
            ]
            for door in doors {
                let status = try await post(service, door.path, update(1), secret: door.secret).status
                #expect(status == 401, "\(door.path)")
            }
            let stored = try await count("select count(*) from event")
            #expect(stored == 0)
        }
    }

    @Test func `takes both secrets while one is changed, and signed callbacks`() async throws {
        let consumer = try await ConsumerStub.start()
        try await withIngress(consumers: consumer.server.url) { service async throws in
            #expect(try await post(service, "/webhooks/telegram/main", update(1), secret: "right").status == 200)
            #expect(try await post(service, "/webhooks/telegram/main", update(2), secret: "older").status == 200)
            let attempt = UUID()
            let token = CallbackToken(
                attempt: attempt,
                signature: key.sign(CallbackToken.signedMessage(for: attempt))
            )
            #expect(try await post(service, "/webhooks/kie/\(token.text)", #"{"code":200}"#).status == 200)
            await eventually { consumer.events.withLock { $0.count } == 3 }
            #expect(consumer.events.withLock { $0.contains { $0.token == token.text } })
        }
        await consumer.server.stop()
    }

    @Test func `hands twenty copies of an update over once`() async throws {
        let consumer = try await ConsumerStub.start()
        try await withIngress(consumers: consumer.server.url) { service async throws in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await post(service, "/webhooks/telegram/main", update(1), secret: "right").status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            #expect(try await post(service, "/webhooks/telegram/main", update(2), secret: "right").status == 200)
            await eventually { consumer.updateIDs.contains(2) }
            #expect(consumer.updateIDs == [1, 2])
        }
        await consumer.server.stop()
    }

    @Test func `keeps the order of a chat while its consumer asks for repeats`() async throws {
        let consumer = try await ConsumerStub.start()
        consumer.verdict.withLock { verdict in
            verdict = { event in
                event.updateID == 1 && event.attempt < 3
                    ? EventVerdict(id: event.id, verdict: .retry, retryAfterMs: 20)
                    : EventVerdict(id: event.id, verdict: .ok)
            }
        }
        try await withIngress(consumers: consumer.server.url) { service async throws in
            for id in [1, 2, 3] as [Int64] {
                #expect(try await post(service, "/webhooks/telegram/main", update(id), secret: "right").status == 200)
            }
            await eventually { consumer.updateIDs.last == 3 }
            #expect(consumer.updateIDs == [1, 1, 1, 2, 3])
        }
        await consumer.server.stop()
    }

    @Test func `answers for a consumer that is away and hands over when it is back`() async throws {
        try await withIngress(consumers: Self.nowhere) { service async throws in
            let path = "/webhooks/telegram/main"
            // The absence has to be found out first.
            var told: ClientResponse?
            var id: Int64 = 1
            try await eventually {
                let answer = try await post(service, path, update(id), secret: "right")
                #expect(answer.status == 200)
                id += 1
                if !answer.body.isEmpty { told = answer }
                return told != nil
            }
            let notice = try ContractJSON.decode(JSONValue.self, from: try #require(told).body)
            #expect(notice["method"] == "sendMessage")
            #expect(notice["chat_id"] == 7)
            #expect(try await post(service, path, update(1_000), secret: "right").body.isEmpty)
        }
        let stored = try await count("select count(*) from event")
        let consumer = try await ConsumerStub.start()
        try await withIngress(consumers: consumer.server.url) { _ in
            await eventually { consumer.updateIDs.count == Int(stored) }
            #expect(consumer.updateIDs == consumer.updateIDs.sorted())
        }
        await consumer.server.stop()
    }

    @Test func `asks for the signature when a key is configured, and cuts what is too long`() async throws {
        let environment = ["ATELIER_KIE_WEBHOOK_HMAC_KEY": "older|kie-example-hmac-key"]
        try await withIngress(consumers: Self.nowhere, environment) { service async throws in
            let attempt = UUID()
            let token = CallbackToken(
                attempt: attempt,
                signature: key.sign(CallbackToken.signedMessage(for: attempt))
            )
            let path = "/webhooks/kie/\(token.text)"
            let task = "3f9c1e7a5b2d48c69a0e4d7f1b8c2a65"
            let body = #"{"data":{"taskId":"\#(task)","state":"success"}}"#
            let signed: HTTPFields = [
                "X-Webhook-Timestamp": "1790000000",
                "X-Webhook-Signature": "ivny80if8JHidG5LINhnkHeRQoBheybAvgXWaIBcUZw=",
            ]
            #expect(try await post(service, path, body).status == 401)
            #expect(try await post(service, path, body, fields: signed).status == 200)
            #expect(try await post(service, path, body, fields: signed).status == 200)
            let long = #"{"data":{"taskId":"\#(task)","param":""# + String(repeating: "x", count: 5 << 20)
            #expect(try await post(service, path, long, fields: signed).status == 200)
            let kinds = try await ScratchDatabase.current.database.query(
                "select kind, length(body)::int8 from event order by id"
            ).map { try $0.decode(String.self, Int64.self) }
            #expect(kinds.map(\.0) == ["callback", "truncated"])
            #expect(kinds.last?.1 == 4 << 20)
        }
    }

    @Test func `stores what is authentic but can't be decoded`() async throws {
        try await withIngress(consumers: Self.nowhere) { service async throws in
            let cut = try await post(service, "/webhooks/telegram/main", "{", secret: "right").status
            #expect(cut == 200)
            let malformed = try await count("select count(*) from event where is_malformed")
            #expect(malformed == 1)
            let body = String(repeating: "x", count: (1 << 20) + 1)
            let large = try await post(service, "/webhooks/telegram/main", body, secret: "right").status
            #expect(large == 413)
        }
    }
}
