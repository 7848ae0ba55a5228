import Concurrency
import Contracts
import Cryptography
import HTTP
import HTTPClient
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import IngressService

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The operator` {
    private func post(_ service: TestService<IngressService>, _ update: Int64, _ text: String = "a") async throws {
        let body = #"{"update_id":\#(update),"message":{"chat":{"id":7,"type":"private"},"text":"\#(text)"}}"#
        let port = try #require(service.runner.publicPort)
        let status = try await service.runner.context.http.send(
            ClientRequest(
                method: .post,
                url: "http://127.0.0.1:\(port)/webhooks/telegram/main",
                fields: ["X-Telegram-Bot-Api-Secret-Token": "right"],
                body: .bytes(Array(body.utf8))
            )
        ).status
        #expect(status == 200)
    }

    @Test func `sees a dead letter, replays it, and the consumer gets it`() async throws {
        let consumer = try await ConsumerStub.start()
        consumer.verdict.withLock { verdict in
            verdict = { EventVerdict(id: $0.id, verdict: .reject, reason: "not today") }
        }
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(Ed25519.PrivateKey().publicKey.bytes),
                "ATELIER_URL_CONVERSATION": consumer.server.url,
            ]
        ) { service async throws in
            let client = service.client(as: .operator)
            try await post(service, 1, "a secret")
            try await post(service, 2)
            var dead: [EventRecord] = []
            try await eventually {
                dead = try await client.call(ListEvents.self, parameters: .init(state: .dead, chatID: 7)).events
                return dead.count == 2
            }
            #expect(dead.allSatisfy { $0.error == "not today" })
            let id = dead[1].id
            #expect(try await client.call(GetEvent.self, parameters: .init(eventID: id)).body == nil)
            let shown = try await client.call(GetEvent.self, parameters: .init(eventID: id, withBody: true))
            #expect(shown.body?.contains("a secret") == true)

            consumer.verdict.withLock { verdict in verdict = { EventVerdict(id: $0.id, verdict: .ok) } }
            for _ in 1...2 {
                let record = try await client.call(ReplayEvent.self, parameters: .init(eventID: id), key: "one")
                #expect(record.state == .waiting)
            }
            await eventually { consumer.updateIDs == [1, 2, 1] }
            try await eventually {
                try await client.call(GetEvent.self, parameters: .init(eventID: id)).event.state == .done
            }
            let bulk = ReplayDeadLetters.Input(chatID: 7)
            let all = try await client.call(ReplayDeadLetters.self, bulk, key: "all")
            #expect(all == ReplayDeadLetters.Output(replayed: 1, hasMore: false))
            #expect(try await client.call(ReplayDeadLetters.self, bulk, key: "all") == all)
            await eventually { consumer.updateIDs == [1, 2, 1, 2] }
            // A replay of what is handled says so and dispatches nothing.
            let late = try await client.call(ReplayEvent.self, parameters: .init(eventID: id), key: "late")
            #expect(late.state == .done)
        }
        await consumer.server.stop()
    }

    @Test func `is told what can't be replayed, and what is asked wrongly`() async throws {
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(Ed25519.PrivateKey().publicKey.bytes),
            ]
        ) { service async throws in
            let client = service.client(as: .operator)
            func problem(_ body: () async throws(CallError) -> Void) async -> ProblemCode? {
                do throws(CallError) {
                    try await body()
                    return nil
                } catch { return error.problem?.code }
            }
            let arrival = Reading.telegram(bot: "main", body: [123], at: .init(seconds: 0), trace: nil).0
            let store = EventStore(database: ScratchDatabase.current.database, instance: "a")
            let id = try await store.accept([arrival], handedAbove: 0).stored[0].id
            let unknown = await problem { () async throws(CallError) in
                _ = try await client.call(ReplayEvent.self, parameters: .init(eventID: 99), key: "a")
            }
            #expect(unknown == .eventNotFound)
            let malformed = await problem { () async throws(CallError) in
                _ = try await client.call(ReplayEvent.self, parameters: .init(eventID: id), key: "b")
            }
            #expect(malformed == .eventNotReplayable)
            let tooMany = await problem { () async throws(CallError) in
                _ = try await client.call(ListEvents.self, parameters: .init(limit: 501))
            }
            #expect(tooMany == .malformedRequest)
            _ = try await client.call(ReplayDeadLetters.self, .init(), key: "c")
            let mismatch = await problem { () async throws(CallError) in
                _ = try await client.call(ReplayDeadLetters.self, .init(chatID: 1), key: "c")
            }
            #expect(mismatch == .idempotencyMismatch)
        }
    }
}
