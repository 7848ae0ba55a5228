import Contracts
import PaymentsService
import Testing
import Time

@Suite struct PaymentReadingTests {
    @Test func `a succeeded payment is read`() throws {
        let reading = try #require(PaymentReading(Fixture.json("payments_succeeded_bank_card")))
        #expect(reading.status == .succeeded)
        #expect(reading.isPaid)
        #expect(!reading.isTest)
        #expect(reading.amountKopecks == 49_900)
        #expect(reading.currency == "RUB")
        #expect(reading.shopID == "512345")
        #expect(reading.orderID == nil)
        #expect(reading.capturedAt == Timestamp(rfc3339: "2026-11-20T18:41:07.915Z"))
    }

    @Test func `a pending payment has the buyer's link, another kind of confirmation none`() throws {
        let redirect = try #require(PaymentReading(Fixture.json("payments_pending_redirect")))
        #expect(redirect.status == .pending)
        #expect(redirect.payURL?.hasPrefix("https://yoomoney.ru/checkout/") == true)
        #expect(try #require(PaymentReading(Fixture.json("payments_pending_qr_sbp"))).payURL == nil)
    }

    @Test func `a canceled payment says why`() throws {
        let reading = try #require(PaymentReading(Fixture.json("payments_canceled_expired_on_confirmation")))
        #expect(reading.status == .canceled)
        #expect(reading.cancelReason == "yoo_money/expired_on_confirmation")
    }

    @Test func `a status from the future is neither paid nor failed`() throws {
        var object = try #require(Fixture.json("payments_succeeded_bank_card").object)
        object["status"] = "teleported"
        object["captured_at"] = "soon"
        let reading = try #require(PaymentReading(.object(object)))
        #expect(reading.status == .unknown)
        #expect(reading.capturedAt == nil)
    }

    @Test(arguments: ["id", "status", "amount"])
    func `an object without what decides is no payment`(missing: String) throws {
        var object = try #require(Fixture.json("payments_succeeded_bank_card").object)
        object[missing] = nil
        #expect(PaymentReading(.object(object)) == nil)
    }
}

@Suite struct PaymentCheckTests {
    private static let order = OrderID()
    private static let fitting = PaymentReading(
        id: "p1",
        status: .succeeded,
        isPaid: true,
        isTest: false,
        amountKopecks: 50_000,
        currency: "RUB",
        shopID: "512345",
        orderID: order
    )
    private static let expected = PaymentCheck.Expectation(
        orderID: order,
        amountKopecks: 50_000,
        paymentID: "p1",
        shopID: "512345",
        isTest: false
    )

    private func verdict(_ edit: (inout PaymentReading) -> Void) -> PaymentCheck.Verdict {
        var reading = Self.fitting
        edit(&reading)
        return PaymentCheck.verdict(reading, Self.expected)
    }

    @Test func `what fits succeeds`() {
        #expect(verdict { _ in } == .succeeded)
        #expect(verdict { $0.status = .canceled } == .canceled)
    }

    @Test func `what does not fit never touches the order, in any status`() {
        let edits: [(PaymentCheck.Mismatch, (inout PaymentReading) -> Void)] = [
            (.shop, { $0.shopID = "999" }), (.shop, { $0.shopID = nil }), (.order, { $0.orderID = OrderID() }),
            (.order, { $0.orderID = nil }), (.payment, { $0.id = "p2" }), (.currency, { $0.currency = "USD" }),
            (.amount, { $0.amountKopecks = 49_999 }), (.amount, { $0.amountKopecks = 50_001 }),
            (.amount, { $0.amountKopecks = nil }), (.test, { $0.isTest = true }),
        ]
        for (mismatch, edit) in edits {
            for status in [PaymentReading.Status.succeeded, .canceled, .pending] {
                let verdict = verdict {
                    $0.status = status
                    edit(&$0)
                }
                #expect(verdict == .mismatch(mismatch))
            }
        }
    }

    @Test func `succeeded without paid is not believed`() {
        #expect(verdict { $0.isPaid = false } == .mismatch(.unpaid))
    }

    @Test(arguments: [PaymentReading.Status.pending, .waitingForCapture, .unknown])
    func `everything unfinished is pending`(status: PaymentReading.Status) {
        #expect(verdict { $0.status = status } == .pending)
    }

    @Test func `the first payment that names an order without one is its own`() {
        var expected = Self.expected
        expected.paymentID = nil
        #expect(PaymentCheck.verdict(Self.fitting, expected) == .succeeded)
    }

    @Test func `where the key does not tell, test payments are as good as others`() {
        var expected = Self.expected
        expected.isTest = nil
        var reading = Self.fitting
        reading.isTest = true
        #expect(PaymentCheck.verdict(reading, expected) == .succeeded)
    }
}

@Suite struct PaymentRequestTests {
    @Test func `the request takes the money at once and names the order`() throws {
        let id = try #require(OrderID("01a1fc05-b2e8-7415-a5f9-000000000a05"))
        let request = PaymentRequest(
            orderID: id,
            userID: 7_012_345_678,
            amountKopecks: 50_000,
            description: "Пополнение",
            returnURL: "https://t.me/bot",
            receipt: nil
        )
        let text = String(decoding: try ContractJSON.encode(request.body), as: UTF8.self)
        #expect(
            text == #"{"amount":{"currency":"RUB","value":"500.00"},"capture":true,"#
                + #""confirmation":{"return_url":"https://t.me/bot","type":"redirect"},"description":"Пополнение","#
                + #""metadata":{"order_id":"01a1fc05-b2e8-7415-a5f9-000000000a05","user_id":"7012345678"}}"#
        )
        #expect(request.key == id.description)
    }

    @Test func `a receipt has the shape that fiscalisation wants`() throws {
        let request = PaymentRequest(
            orderID: OrderID(),
            userID: 1,
            amountKopecks: 49_900,
            description: "Пакет 500 кредитов, заказ ord_01JD501",
            returnURL: "https://t.me/bot",
            receipt: .init(email: "shop@example.com", vatCode: 11)
        )
        let item = try #require(request.body["receipt"]?["items"]?.array?.first)
        #expect(item["vat_code"] == 11)
        #expect(item["amount"] == request.body["amount"])
        #expect(item["payment_mode"] == "full_payment")
        #expect(request.body["receipt"]?["customer"]?["email"] == "shop@example.com")
    }
}
