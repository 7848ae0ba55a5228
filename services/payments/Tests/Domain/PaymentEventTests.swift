import Contracts
import PaymentsService
import Testing
import Time

@Suite struct PaymentEventTests {
    private func event(_ source: EventSource, _ body: String) -> PaymentEvent {
        PaymentEvent(
            Event(id: 1, source: source, kind: "x", lane: "pay:x", receivedAt: Timestamp(seconds: 1), body: body)
        )
    }

    @Test func `a notification is a hint at a payment and nothing more`() throws {
        let understood = event(.yookassa, try Fixture.text("notifications_payment_succeeded"))
        #expect(understood == .payment(id: "35a66638-000f-5000-844c-0fdc31519554", name: "payment.succeeded"))
        let unknown = event(.yookassa, try Fixture.text("notifications_unknown_event"))
        #expect(unknown == .payment(id: "88b798e4-000f-5000-b1d7-338faf323d8c", name: "payment.teleported"))
        #expect(event(.yookassa, #"{"event":"payout.succeeded","object":{"id":"po-1"}}"#) == .other("yookassa"))
        #expect(
            event(.yookassa, #"{"event":"refund.succeeded","object":{"id":"r1","payment_id":"p1"}}"#)
                == .refund(id: "r1")
        )
    }

    @Test(arguments: [
        "", "[]", "null", "{}", #"{"event":"payment.succeeded"}"#, #"{"event":"payment.succeeded","object":{}}"#,
        #"{"event":"payment.succeeded","object":{"id":"../refunds"}}"#,
        #"{"event":"payment.succeeded","object":{"id":""}}"#, #"{"event":1,"object":{"id":"p"}}"#,
    ])
    func `a notification that can't be used is unreadable`(body: String) {
        guard case .unreadable = event(.yookassa, body) else { return #expect(Bool(false)) }
    }

    @Test func `an id that would leave the path is unreadable`() {
        for id in ["a/b", "a?b", "a b", "é", String(repeating: "a", count: 65)] {
            guard case .unreadable = event(.yookassa, #"{"event":"payment.succeeded","object":{"id":"\#(id)"}}"#) else {
                return #expect(Bool(false), "\(id)")
            }
        }
    }

    @Test func `telegram's payment updates are read`() throws {
        guard case .preCheckout(let query) = event(.telegram, try Fixture.text("telegram_pre_checkout_query_stars"))
        else { return #expect(Bool(false)) }
        #expect(query.payer == 7_012_345_678)
        #expect(query.totalAmount == 250)
        #expect(query.language == "ru")
        guard case .starsPaid(let paid) = event(.telegram, try Fixture.text("telegram_successful_payment_stars"))
        else { return #expect(Bool(false)) }
        #expect(paid.chargeID == "stxKq8Zb1c2D3e4F5g6H7i8J9k0L1m2N3o4P5q6R7s8T9u0V")
        #expect(paid.currency == "XTR")
        guard case .starsPaid(let fiat) = event(.telegram, try Fixture.text("telegram_successful_payment_rub_provider"))
        else { return #expect(Bool(false)) }
        #expect(fiat.currency == "RUB")
        #expect(event(.telegram, #"{"update_id":1,"message":{"text":"x"}}"#) == .other("telegram"))
    }
}

@Suite struct PreCheckoutTests {
    private static let now = Timestamp(seconds: 1_000)
    private static let query = PreCheckout.Query(
        id: "q",
        payer: 7,
        currency: "XTR",
        totalAmount: 250,
        payload: "o",
        language: "ru"
    )
    private static let invoice = PreCheckout.Invoice(
        payer: 7,
        rail: .stars,
        state: .pending,
        stars: 250,
        expiresAt: Timestamp(seconds: 2_000)
    )

    @Test func `a fitting invoice is accepted`() {
        #expect(PreCheckout.refusal(Self.query, Self.invoice, now: Self.now) == nil)
    }

    @Test func `anything that does not fit is refused before money moves`() {
        func refusal(
            _ query: (inout PreCheckout.Query) -> Void,
            _ invoice: (inout PreCheckout.Invoice) -> Void = { _ in }
        ) -> PreCheckout.Refusal? {
            var (asked, known) = (Self.query, Self.invoice)
            query(&asked)
            invoice(&known)
            return PreCheckout.refusal(asked, known, now: Self.now)
        }
        #expect(PreCheckout.refusal(Self.query, nil, now: Self.now) == .unknownOrder)
        #expect(refusal({ _ in }, { $0.rail = .yookassa }) == .unknownOrder)
        #expect(refusal({ $0.payer = 8 }) == .otherPayer)
        #expect(refusal({ $0.totalAmount = 1 }) == .otherAmount)
        #expect(refusal({ $0.currency = "RUB" }) == .otherAmount)
        #expect(refusal({ _ in }, { $0.state = .credited }) == .closed)
        #expect(refusal({ _ in }, { $0.state = .canceled }) == .closed)
        #expect(refusal({ _ in }, { $0.expiresAt = Self.now }) == .closed)
    }

    @Test(arguments: PreCheckout.Refusal.allCases)
    func `the payer reads the refusal in their language`(refusal: PreCheckout.Refusal) {
        #expect(refusal.text("ru") != refusal.text("en"))
        #expect(refusal.text(nil) == refusal.text("ru-RU"))
    }
}
