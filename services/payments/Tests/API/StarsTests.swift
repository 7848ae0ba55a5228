import Contracts
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import PaymentsService

@Suite(.scratchDatabase(migrations: "services/payments/migrations")) struct StarsTests {
    /// An order with an invoice of 250 Stars, as the rail will make it.
    private func invoice(_ id: OrderID, _ world: World) async throws {
        let now = world.clock.now
        try await ScratchDatabase.current.database.execute(
            """
            insert into orders (order_id, user_id, chat_id, amount_kopecks, rail, stars, state, call_key, fingerprint,
                provider_key, provider_body, next_at, created_at, expires_at)
            values (\(id), \(World.user), \(World.user), 50000, 'stars', 250, 'pending', \(id.description),
                \([UInt8](repeating: 1, count: 32)), '', '', \(now + .seconds(3_660)), \(now), \(now + .seconds(3_600)))
            """
        )
    }

    private func query(_ id: String, _ payload: String, from: UserID = World.user, total: Int64 = 250) -> (
        EventSource, String
    ) {
        (
            .telegram,
            #"{"update_id":1,"pre_checkout_query":{"id":"\#(id)","from":{"id":\#(from),"language_code":"en"},"#
                + #""currency":"XTR","total_amount":\#(total),"invoice_payload":"\#(payload)"}}"#
        )
    }

    private func paid(_ charge: String, _ payload: String, total: Int64 = 250) -> (EventSource, String) {
        (
            .telegram,
            #"{"update_id":2,"message":{"message_id":1,"from":{"id":\#(World.user)},"chat":{"id":\#(World.user)},"#
                + #""successful_payment":{"currency":"XTR","total_amount":\#(total),"invoice_payload":"\#(payload)","#
                + #""telegram_payment_charge_id":"\#(charge)","provider_payment_charge_id":"x"}}}"#
        )
    }

    @Test func `a fitting query is accepted, others are refused with a reason`() async throws {
        try await World.run { world in
            let id = OrderID()
            try await invoice(id, world)
            let verdicts = try await world.handle(
                query("fits", id.description),
                query("stranger", id.description, from: 1),
                query("cheap", id.description, total: 1),
                query("unknown", "ord_01JD4Z9Q7E3N")
            )
            #expect(verdicts.map(\.verdict) == [.ok, .ok, .ok, .ok])
            let answers = Dictionary(
                uniqueKeysWithValues: world.neighbours.preCheckouts.map { ($0.preCheckoutQueryID, $0.refusal) }
            )
            #expect(answers["fits"] == .some(nil))
            #expect(answers["stranger"] == "This invoice belongs to another user.")
            #expect(answers["cheap"] == PreCheckout.Refusal.otherAmount.text("en"))
            #expect(answers["unknown"] == PreCheckout.Refusal.unknownOrder.text("en"))
        }
    }

    @Test func `a query is answered while the other provider hangs`() async throws {
        try await World.run { world in
            let id = OrderID()
            try await invoice(id, world)
            world.shop.failReads(500)
            let verdicts = try await world.handle(world.notification("pay-9"), query("q", id.description))
            #expect(verdicts.map(\.verdict) == [.retry, .ok])
            #expect(world.neighbours.preCheckouts.count == 1)
        }
    }

    @Test func `a delivery that does not answer is asked again`() async throws {
        try await World.run(environment: ["ATELIER_URL_DELIVERY": "http://127.0.0.1:1"]) { world in
            let verdict = try #require(try await world.handle(query("q", "x")).first)
            #expect(verdict.verdict == .retry)
            #expect(verdict.retryAfterMs == 300)
        }
    }

    @Test func `paid Stars are credited once by their charge`() async throws {
        try await World.run { world in
            let id = OrderID()
            try await invoice(id, world)
            let event = paid("charge-1", id.description)
            #expect(try await world.handle(event, event).map(\.verdict) == [.ok, .ok])
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            #expect(try await world.handle(event).map(\.verdict) == [.ok])
            #expect(world.neighbours.credits == ["stars:charge-1": 50_000])
            #expect(try await world.strays().isEmpty)
        }
    }

    @Test func `a second charge, another amount and unknown payloads are kept`() async throws {
        try await World.run { world in
            let id = OrderID()
            try await invoice(id, world)
            _ = try await world.handle(paid("charge-1", id.description))
            await eventually { world.neighbours.factKinds == [.paymentSucceeded] }
            let fixture = try Fixture.text("telegram_successful_payment_stars")
            let fiat = try Fixture.text("telegram_successful_payment_rub_provider")
            let verdicts = try await world.handle(
                paid("charge-2", id.description),
                paid("charge-3", OrderID().description),
                (.telegram, fixture),
                (.telegram, fiat)
            )
            #expect(verdicts.map(\.verdict) == [.ok, .ok, .ok, .ok])
            #expect(try await world.strays() == Array(repeating: "unexpected_stars", count: 4))
            #expect(world.neighbours.credits.count == 1)
        }
    }

    @Test func `an unpaid invoice ends, a late charge still counts`() async throws {
        try await World.run { world in
            let id = OrderID()
            try await invoice(id, world)
            world.clock.advance(by: .seconds(3_661))
            await eventually { world.neighbours.factKinds == [.paymentCanceled] }
            _ = try await world.handle(paid("charge-1", id.description))
            await eventually { world.neighbours.factKinds.last == .paymentSucceeded }
        }
    }
}
