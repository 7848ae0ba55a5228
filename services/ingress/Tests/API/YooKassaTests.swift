import Concurrency
import Contracts
import Cryptography
import HTTP
import HTTPClient
import Postgres
import ServiceKit
import TestSupport
import Testing

@testable import IngressService

@Suite(.scratchDatabase(migrations: "services/ingress/migrations")) struct `The door of YooKassa` {
    /// - Parameters:
    ///   - sources: From where YooKassa posts. The tests themselves come from 127.0.0.1.
    ///   - proxies: Who is believed about the address of others.
    private func withIngress(
        sources: String,
        proxies: String = "",
        payments: String = "http://127.0.0.1:9",
        _ body: (TestService<IngressService>) async throws -> Void
    ) async throws {
        var environment = [
            "ATELIER_TELEGRAM_BOTS": "main=right",
            "ATELIER_KIE_CALLBACK_PUBLIC_KEY": Base64URL.encode(Ed25519.PrivateKey().publicKey.bytes),
            "ATELIER_YOOKASSA_SOURCES": sources, "ATELIER_URL_PAYMENTS": payments,
        ]
        if !proxies.isEmpty { environment["ATELIER_TRUSTED_PROXIES"] = proxies }
        try await TestService<IngressService>.run(environment: environment, body)
    }

    private func forwarded(_ address: String) -> HTTPFields { ["X-Forwarded-For": address] }

    private func count(_ sql: SQL) async throws -> Int64 {
        try #require(try await ScratchDatabase.current.database.query(sql).first).decode(Int64.self)
    }

    /// Lanes hold the object's id, so that they tell what was stored.
    private func storedObjects() async throws -> [String] {
        let rows = try await ScratchDatabase.current.database.query("select lane from event order by id")
        return try rows.map { String(try $0.decode(String.self).dropFirst("pay:yookassa:".count)) }
    }

    @Test func `refuses who posts from elsewhere, whatever address is claimed, and stores nothing`() async throws {
        try await withIngress(sources: "203.0.113.0/24,127.0.0.2") { service async throws in
            let claims: [HTTPFields] = [
                [:], forwarded("203.0.113.9"), forwarded("127.0.0.2"), ["X-Real-IP": "203.0.113.9"],
                ["Forwarded": "for=203.0.113.9"],
            ]
            for claim in claims {
                let answer = try await service.yookassa("a", from: claim)
                #expect(answer.status == 401, "\(claim)")
                #expect(answer.body.isEmpty)
            }
        }
        #expect(try await count("select count(*) from event") == 0)
        #expect(try await count("select count(*) from seen_other") == 0)
    }

    @Test func `stores a notification from the range before it says 200, and payments gets it as it came`()
        async throws
    {
        let payments = try await ConsumerStub.start()
        try await withIngress(sources: "203.0.113.0/24,127.0.0.0/8", payments: payments.server.url) {
            service async throws in
            let body = #"{"event":"payment.succeeded", "object":{"id":"2f0e","amount":{"value":"100.00"}}}"#
            let answer = try await service.webhook("yookassa", body)
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
            let rows = try await ScratchDatabase.current.database.query("select source, kind, lane, body from event")
            #expect(rows.count == 1)
            let (source, kind, lane, kept) = try rows[0].decode(String.self, String.self, String.self, [UInt8].self)
            #expect([source, kind, lane] == ["yookassa", "payment.succeeded", "pay:yookassa:2f0e"])
            #expect(kept == Array(body.utf8))
            await eventually { payments.events.withLock { !$0.isEmpty } }
            let event = try #require(payments.events.withLock { $0.first })
            #expect(event.source == .yookassa)
            #expect(event.body == body)
        }
        await payments.server.stop()
    }

    @Test func `believes a trusted proxy about the nearest address, and nobody about those before it`() async throws {
        let cases: [(forwardedFor: String?, status: Int)] = [
            ("203.0.113.9", 200), ("2001:db8::7", 200), ("198.51.100.1, 203.0.113.9", 200),
            ("203.0.113.9, 127.0.0.1", 200), ("198.51.100.1", 401), ("203.0.113.9, 198.51.100.1", 401),
            ("203.0.114.9", 401), ("unknown", 401), ("", 401), (nil, 401),
        ]
        try await withIngress(sources: "203.0.113.0/24,2001:db8::/32", proxies: "127.0.0.1") { service async throws in
            for (number, (address, status)) in cases.enumerated() {
                let answer = try await service.yookassa("case\(number)", from: address.map(forwarded) ?? [:])
                #expect(answer.status == status, "\(address ?? "nothing forwarded")")
            }
        }
        #expect(try await storedObjects() == ["case0", "case1", "case2", "case3"])
    }

    @Test func `believes the proxy's own line behind one that the sender has made up`() async throws {
        try await withIngress(sources: "203.0.113.0/24", proxies: "127.0.0.1") { service async throws in
            var fields = HTTPFields()
            fields.add("X-Forwarded-For", "203.0.113.9")
            fields.add("X-Forwarded-For", "198.51.100.1")
            #expect(try await service.yookassa("a", from: fields).status == 401)
        }
        #expect(try await storedObjects().isEmpty)
    }

    @Test func `takes the sender's own address where another one is the proxy`() async throws {
        try await withIngress(sources: "127.0.0.1", proxies: "127.0.0.2,10.0.0.0/8") { service async throws in
            // 127.0.0.1 is YooKassa here; what it says about others counts neither for it nor against it.
            #expect(try await service.yookassa("a", from: forwarded("198.51.100.1")).status == 200)
            #expect(try await service.yookassa("b").status == 200)
        }
        #expect(try await storedObjects() == ["a", "b"])
    }

    @Test func `takes a body of 1 MiB and not a byte more`() async throws {
        try await withIngress(sources: "127.0.0.0/8") { service async throws in
            func body(_ object: String, bytes: Int) -> String {
                let start = #"{"event":"payment.succeeded","object":{"id":"\#(object)","description":""#
                let end = #""}}"#
                return start + String(repeating: "x", count: bytes - start.utf8.count - end.utf8.count) + end
            }
            #expect(try await service.webhook("yookassa", body("long", bytes: (1 << 20) + 1)).status == 413)
            #expect(try await count("select count(*) from event") == 0)
            #expect(try await service.webhook("yookassa", body("fits", bytes: 1 << 20)).status == 200)
            #expect(try await count("select length(body)::int8 from event where not is_malformed") == 1 << 20)
        }
        #expect(try await storedObjects() == ["fits"])
    }

    @Test func `keeps one row of an event and its object, and hands it over once`() async throws {
        let payments = try await ConsumerStub.start()
        try await withIngress(sources: "127.0.0.0/8", payments: payments.server.url) { service async throws in
            // At once, so that repeats also meet within a commit and between two of them.
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await service.yookassa("a").status } }
                for try await status in group { #expect(status == 200) }
            }
            // A repeat need not be the same bytes: YooKassa shows the payment as it is by then.
            let later = #"{"event":"payment.succeeded","object":{"id":"a","captured_at":"2026-01-01T00:00:00Z"}}"#
            #expect(try await service.webhook("yookassa", later).status == 200)
            #expect(try await count("select count(*) from event") == 1)
            #expect(try await service.yookassa("a", event: "payment.canceled").status == 200)
            #expect(try await service.yookassa("b").status == 200)
            #expect(try await count("select count(*) from event") == 3)
            await eventually { payments.events.withLock { $0.count } >= 3 }
        }
        // The service has stopped: nothing more comes.
        #expect(payments.events.withLock { Set($0.map(\.id)).count } == 3)
        #expect(payments.events.withLock { $0.count } == 3)
        await payments.server.stop()
    }
}
