import Concurrency
import Contracts
import Cryptography
import Foundation
import HTTP
import HTTPClient
import ServiceKit
import TestSupport
import Testing

@testable import IngressService

/// Alarms and dashboards read these names and labels (docs/runbooks/ingress.md).
@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The metrics of the public door` {
    private let key = Ed25519.PrivateKey()
    /// How ingress learns where a webhook comes from.
    private let fromYooKassa: HTTPFields = ["X-Forwarded-For": "203.0.113.9"]

    private func withIngress(
        consumers: String = "http://127.0.0.1:9",
        _ body: (TestService<IngressService>) async throws -> Void
    ) async throws {
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(key.publicKey.bytes),
                "ATELIER_YOOKASSA_SOURCES": "203.0.113.0/24", "ATELIER_TRUSTED_PROXIES": "127.0.0.1",
                "ATELIER_URL_CONVERSATION": consumers, "ATELIER_URL_GENERATION": consumers,
                "ATELIER_URL_PAYMENTS": consumers,
            ],
            body
        )
    }

    private func token(of attempt: UUID, by key: Ed25519.PrivateKey) -> String {
        CallbackToken(attempt: attempt, signature: key.sign(CallbackToken.signedMessage(for: attempt))).text
    }

    @Test func `count every webhook by its source and what became of it`() async throws {
        try await withIngress { service async throws in
            let telegram: HTTPFields = ["X-Telegram-Bot-Api-Secret-Token": "right"]
            for id in [1, 2, 3, 1, 2] as [Int64] { #expect(try await service.update(id).status == 200) }
            #expect(try await service.webhook("telegram/main", "{", telegram).status == 200)
            #expect(try await service.update(4, secret: "wrong").status == 401)
            #expect(try await service.webhook("telegram/other", "{}", telegram).status == 401)

            let callback = "kie/" + token(of: UUID(), by: key)
            let body = #"{"data":{"taskId":"t","state":"success"}}"#
            for _ in 0..<2 { #expect(try await service.webhook(callback, body).status == 200) }
            #expect(try await service.webhook(callback, "{").status == 200)
            let long = #"{"data":{"taskId":"t","param":""# + String(repeating: "x", count: 4 << 20)
            #expect(try await service.webhook(callback, long).status == 200)
            #expect(try await service.webhook("kie/x", body).status == 401)

            for _ in 0..<3 { #expect(try await service.yookassa("a", from: fromYooKassa).status == 200) }
            #expect(try await service.webhook("yookassa", "{}", fromYooKassa).status == 200)
            #expect(try await service.yookassa("b").status == 401)

            let counted = try await service.samples(of: "atelier_ingress_webhooks_total").filter { $0.value != 0 }
            let expected: [String: Double] = [
                #"source="telegram",outcome="stored""#: 3, #"source="telegram",outcome="duplicate""#: 2,
                #"source="telegram",outcome="malformed""#: 1, #"source="telegram",outcome="refused""#: 2,
                #"source="kie",outcome="stored""#: 1, #"source="kie",outcome="duplicate""#: 1,
                #"source="kie",outcome="malformed""#: 1, #"source="kie",outcome="truncated""#: 1,
                #"source="kie",outcome="refused""#: 1, #"source="yookassa",outcome="stored""#: 1,
                #"source="yookassa",outcome="duplicate""#: 2, #"source="yookassa",outcome="malformed""#: 1,
                #"source="yookassa",outcome="refused""#: 1,
            ]
            #expect(counted == expected)
        }
    }

    @Test func `count callbacks of KIE that were not taken, and no others`() async throws {
        let metric = "atelier_ingress_callback_errors_total"
        try await withIngress { service async throws in
            let body = #"{"data":{"taskId":"t","state":"success"}}"#
            #expect(try await service.webhook("kie/" + token(of: UUID(), by: key), body).status == 200)
            #expect(try await service.update(1, secret: "wrong").status == 401)
            #expect(try await service.samples(of: metric).values.allSatisfy { $0 == 0 })
            let forged = token(of: UUID(), by: Ed25519.PrivateKey())
            #expect(try await service.webhook("kie/\(forged)", body).status == 401)
            #expect(try await service.webhook("kie/no-token", body).status == 401)
            #expect(try await service.samples(of: metric) == [#"status="401""#: 2])
        }
    }

    @Test func `show dead letters until they are replayed`() async throws {
        let consumer = try await ConsumerStub.start()
        consumer.verdict.withLock { verdict in
            verdict = { EventVerdict(id: $0.id, verdict: $0.updateID == 2 ? .ok : .reject, reason: "not today") }
        }
        try await withIngress(consumers: consumer.server.url) { service async throws in
            let metric = "atelier_ingress_dead_letters"
            for id in [1, 2, 3] as [Int64] { #expect(try await service.update(id).status == 200) }
            try await eventually { try await service.samples(of: metric) == ["": 2] }
            #expect(
                try await service.samples(of: "atelier_ingress_dispatched_total").filter { $0.value != 0 } == [
                    #"consumer="conversation",verdict="ok""#: 1, #"consumer="conversation",verdict="dead""#: 2,
                ]
            )
            consumer.verdict.withLock { verdict in verdict = { EventVerdict(id: $0.id, verdict: .ok) } }
            let client = service.client(as: .operator)
            #expect(try await client.call(ReplayDeadLetters.self, .init(chatID: 7), key: "all").replayed == 2)
            try await eventually { try await service.samples(of: metric) == ["": 0] }
        }
        await consumer.server.stop()
    }

    @Test func `show how long a consumer keeps its oldest event waiting, and nobody else's`() async throws {
        let consumer = try await ConsumerStub.start()
        consumer.verdict.withLock { verdict in
            verdict = { event in
                event.source == .telegram
                    ? EventVerdict(id: event.id, verdict: .retry, retryAfterMs: 100)
                    : EventVerdict(id: event.id, verdict: .ok)
            }
        }
        try await withIngress(consumers: consumer.server.url) { service async throws in
            let metric = "atelier_ingress_dispatch_lag_seconds"
            #expect(try await service.update(1).status == 200)
            #expect(try await service.yookassa("a", from: fromYooKassa).status == 200)
            try await eventually {
                let lag = try await service.samples(of: metric)
                return lag[#"consumer="conversation""#, default: 0] > 1.5 && lag[#"consumer="payments""#] == 0
                    && lag[#"consumer="generation""#] == 0
            }
            consumer.verdict.withLock { verdict in verdict = { EventVerdict(id: $0.id, verdict: .ok) } }
            try await eventually { try await service.samples(of: metric)[#"consumer="conversation""#] == 0 }
        }
        await consumer.server.stop()
    }
}
