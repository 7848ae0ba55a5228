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

@testable import IngressService

/// 200 means that the event is on disk: what that is worth shows when the database stops and comes back, on a server of its own.
@Suite(.serialized, .privateCluster) struct `While PostgreSQL is away` {
    private let key = Ed25519.PrivateKey()
    private var cluster: PrivateCluster { .current }

    private func withIngress(
        _ database: OwnDatabase,
        _ consumer: ConsumerStub,
        waits: Bool = true,
        _ body: (TestService<IngressService>) async throws -> Void
    ) async throws {
        try await TestService<IngressService>.run(
            environment: [
                "ATELIER_TELEGRAM_BOTS": "main=right", "ATELIER_YOOKASSA_SOURCES": "127.0.0.0/8",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(key.publicKey.bytes),
                "ATELIER_URL_CONVERSATION": consumer.server.url, "ATELIER_URL_GENERATION": consumer.server.url,
                "ATELIER_URL_PAYMENTS": consumer.server.url,
            ],
            databaseURL: database.url,
            waits: waits,
            body
        )
    }

    /// One webhook of each provider; the same ones at every call.
    private func postAll(_ service: TestService<IngressService>, _ path: String) async throws -> [ClientResponse] {
        async let update = service.update(2)
        async let callback = service.webhook(path, #"{"data":{"taskId":"t","state":"success"}}"#)
        async let payment = service.yookassa("a")
        return try await [update, callback, payment]
    }

    @Test func `every webhook is asked to come again, and taken by itself when the database is back`() async throws {
        let database = try await OwnDatabase.make(on: cluster)
        let consumer = try await ConsumerStub.start()
        // Accepted before the outage, and still to be handed over after it.
        let isWilling = Locked(false)
        consumer.verdict.withLock { verdict in
            verdict = { event in
                isWilling.withLock { $0 }
                    ? EventVerdict(id: event.id, verdict: .ok)
                    : EventVerdict(id: event.id, verdict: .retry, retryAfterMs: 50)
            }
        }
        let attempt = UUID()
        let token = CallbackToken(attempt: attempt, signature: key.sign(CallbackToken.signedMessage(for: attempt)))
        try await withIngress(database, consumer) { service async throws in
            #expect(try await service.update(1).status == 200)
            await eventually { consumer.updateIDs.contains(1) }
            try await cluster.stop(.fast)
            for answer in try await postAll(service, "kie/\(token.text)") {
                #expect(answer.status == 503)
                #expect(answer.fields["Retry-After"] == "1")
                #expect(answer.body.isEmpty)
            }
            let counted = try await service.samples(of: "atelier_ingress_webhooks_total")
            for source in ["telegram", "kie", "yookassa"] {
                #expect(counted[#"source="\#(source)",outcome="unavailable""#] == 1, "\(source)")
            }
            #expect(try await service.samples(of: "atelier_ingress_callback_errors_total") == [#"status="503""#: 1])

            try await cluster.start()
            isWilling.withLock { $0 = true }
            try await eventually {
                try await postAll(service, "kie/\(token.text)").allSatisfy { $0.status == 200 }
            }
            await eventually { Set(consumer.events.withLock { $0.map(\.id) }).count == 4 }
            await eventually { consumer.updateIDs.contains(2) }
            let order = consumer.updateIDs
            #expect(order == order.sorted(), "a chat keeps its order through the outage")
            #expect(await service.runner.waitUntilReady(within: .seconds(30)).isEmpty)
        }
        let lanes = ["chat:main:7", "chat:main:7", "kie:\(attempt.uuidString.lowercased())", "pay:yookassa:a"]
        #expect(try await database.query("select lane from event order by lane") == lanes)
        await consumer.server.stop()
    }

    @Test func `a crash of the server under load loses nothing that was answered with 200, and doubles nothing`()
        async throws
    {
        let database = try await OwnDatabase.make(on: cluster)
        let consumer = try await ConsumerStub.start()
        let isOver = Locked(false)
        let taken = Locked<[Int64]>([])
        let refusals = Locked(0)
        try await withIngress(database, consumer) { service async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for chat in 1...8 as ClosedRange<Int64> {
                    group.addTask {
                        var update = chat
                        while !isOver.withLock({ $0 }) {
                            // Telegram repeats what was refused, and posts the chat's next update only then.
                            while try await isRefused(service.update(update, chat: chat)) {
                                refusals.withLock { $0 += 1 }
                            }
                            taken.withLock { $0.append(update) }
                            update += 8
                        }
                    }
                }
                await eventually { taken.withLock { $0.count } >= 40 }
                try await cluster.stop(.immediate)
                await eventually { refusals.withLock { $0 } > 0 }
                try await cluster.start()
                let before = taken.withLock { $0.count }
                await eventually { taken.withLock { $0.count } >= before + 40 }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            let all = Set(taken.withLock { $0 })
            await eventually(within: .seconds(60)) { Set(consumer.updateIDs) == all }
        }
        let stored = try await database.query("select update_id::text from event order by event.update_id")
        #expect(stored == taken.withLock { $0.sorted() }.map(String.init))
        let byLane = consumer.events.withLock { Dictionary(grouping: $0, by: \.lane) }
        for (lane, events) in byLane {
            // A repeat is allowed, since the outcome may not have been written; a step back to something new is not.
            var seen: Set<Int64> = []
            let firsts = events.compactMap(\.updateID).filter { seen.insert($0).inserted }
            #expect(firsts == firsts.sorted(), "\(lane)")
        }
        await consumer.server.stop()
    }

    /// Whether a webhook is to be posted again; any answer but 200 and 503 is an error here.
    private func isRefused(_ answer: ClientResponse) throws -> Bool {
        if answer.status == 200 { return false }
        try #require(answer.status == 503)
        #expect(answer.fields["Retry-After"] == "1")
        return true
    }

    @Test func `an ingress that starts first asks to come again, and begins by itself when the database is there`()
        async throws
    {
        let database = try await OwnDatabase.make(on: cluster)
        let consumer = try await ConsumerStub.start()
        try await cluster.stop(.fast)
        do {
            try await withIngress(database, consumer, waits: false) { service async throws in
                let early = try await service.update(1)
                #expect(early.status == 503)
                #expect(early.fields["Retry-After"] != nil)
                try await cluster.start()
                #expect(await service.runner.waitUntilReady(within: .seconds(30)).isEmpty)
                #expect(try await service.update(1).status == 200)
                await eventually { consumer.updateIDs == [1] }
            }
        } catch {
            // The other tests need it.
            try? await cluster.start()
            throw error
        }
        await consumer.server.stop()
    }
}
