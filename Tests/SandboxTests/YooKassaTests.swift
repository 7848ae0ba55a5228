import Contracts
import Testing

@testable import Sandbox

@Suite struct YooKassaTests {
    private let body: JSONValue = [
        "amount": ["value": "499.00", "currency": "RUB"], "capture": true,
        "confirmation": ["type": "redirect", "return_url": "https://t.me/bot"], "metadata": ["order_id": "ord_1"],
    ]

    private func payment(_ changes: [String: JSONValue?] = [:], at now: Int64 = 0) throws(YooKassaRefusal)
        -> YooKassaPayment
    {
        try YooKassaState.payment(body.merging(changes), id: "p1", pay: "http://x/pay", at: now)
    }

    @Test(
        arguments: [("1", 100), ("1.5", 150), ("499.00", 49_900), ("0.01", 1), ("350000.00", 35_000_000)]
            as [(String, Int64)]
    )
    func `amounts are read as kopecks`(value: String, kopecks: Int64) throws {
        #expect(try YooKassaMoney.kopecks(["value": .string(value), "currency": "RUB"]) == kopecks)
    }

    @Test(arguments: ["", "0", "0.00", "-1", "1,5", "1.005", "1.", ".5", "1 000", "1e3", "٣", "9999999999"])
    func `amounts of another form are refused`(value: String) {
        let refusal = #expect(throws: YooKassaRefusal.self) {
            try YooKassaMoney.kopecks(["value": .string(value), "currency": "RUB"])
        }
        #expect(refusal?.parameter == "amount.value")
    }

    @Test func `amounts are written with two decimals`() {
        #expect([5, 150, 49_900].map(YooKassaMoney.text) == ["0.05", "1.50", "499.00"])
        #expect(YooKassaMoney.time(1_795_200_000_120) == "2026-11-20T18:40:00.120Z")
        #expect(YooKassaMoney.time(1_795_200_000_000) == "2026-11-20T18:40:00.000Z")
    }

    @Test(
        arguments: [
            (["amount": ["value": .number(499), "currency": "RUB"]], "amount.value"),
            (["amount": ["value": "499.00", "currency": "USD"]], "amount.currency"),
            (["amount": ["value": "0.50", "currency": "RUB"]], "amount.value"),
            (["confirmation": ["type": "redirect"]], "confirmation.return_url"),
            (["metadata": ["order": 5]], "metadata.order"),
            (["description": .string(String(repeating: "ж", count: 129))], "description"),
            (["receipt": ["customer": [:], "items": []]], "receipt"),
        ] as [([String: JSONValue?], String)]
    )
    func `what is wrong with a payment is named`(changes: [String: JSONValue?], parameter: String) {
        let refusal = #expect(throws: YooKassaRefusal.self) { try payment(changes) }
        #expect(refusal?.status == 400)
        #expect(refusal?.parameter == parameter)
    }

    @Test func `a receipt must sum up to the amount`() throws {
        func receipt(_ value: String) -> JSONValue {
            [
                "customer": ["email": "a@b.c"],
                "items": [
                    [
                        "description": "x", "amount": ["value": .string(value), "currency": "RUB"], "quantity": 1,
                        "vat_code": 1,
                    ]
                ],
            ]
        }
        #expect(try payment(["receipt": receipt("499.00")]).hasReceipt)
        #expect(throws: YooKassaRefusal.self) { try payment(["receipt": receipt("498.00")]) }
    }

    @Test func `the same key repeats the payment for a day, another body under it is refused`() throws {
        var state = YooKassaState()
        state.keys["k"] = YooKassaKey(fingerprint: "f", object: "p1", at: 1_000)
        #expect(try state.replay("k", fingerprint: "f", at: 2_000) == "p1")
        #expect(try state.replay("other", fingerprint: "f", at: 2_000) == nil)
        let refusal = #expect(throws: YooKassaRefusal.self) { try state.replay("k", fingerprint: "g", at: 2_000) }
        #expect(refusal?.description == "Idempotence key duplicated")
        #expect(try state.replay("k", fingerprint: "g", at: 1_000 + 86_400_000) == nil)
    }

    @Test(arguments: [nil, "", "ключ", "a b", String(repeating: "k", count: 65)])
    func `a key is needed and has a form`(key: String?) {
        #expect(throws: YooKassaRefusal.self) { try YooKassaState.check(key: key) }
    }

    @Test func `an unpaid payment is canceled after an hour and a paid one is not`() throws {
        var pending = try payment()
        var paid = pending
        paid.status = .succeeded
        let verdicts = [pending.expire(at: 3_599_999), pending.expire(at: 3_600_000), paid.expire(at: .max)]
        #expect(verdicts == [false, true, false])
        #expect(pending.cancelReason == "expired_on_confirmation")
        #expect(pending.json(shop: "1")["confirmation"] == nil)
    }

    @Test func `refunds never exceed the payment`() throws {
        var state = YooKassaState()
        var paid = try payment()
        paid.status = .succeeded
        state.payments["p1"] = paid
        func refund(_ value: String) throws(YooKassaRefusal) -> YooKassaRefund {
            try state.refund(
                ["payment_id": "p1", "amount": ["value": .string(value), "currency": "RUB"]],
                id: "r",
                at: 0
            )
        }
        #expect(throws: YooKassaRefusal.self) { try refund("499.01") }
        state.add(try refund("400.00"))
        #expect(throws: YooKassaRefusal.self) { try refund("99.01") }
        state.add(try refund("99.00"))
        #expect(state.payments["p1"]?.json(shop: "1")["refundable"] == false)
        #expect(state.payments["p1"]?.json(shop: "1")["status"] == "succeeded")
    }

    @Test func `pages of a list have every row once`() throws {
        let rows = (0..<25).map {
            (
                json: JSONValue.object(["id": .integer(Int64($0))]), id: "\($0)", createdAt: Int64($0 / 3),
                capturedAt: Int64?.none
            )
        }
        var seen: [JSONValue] = []
        var cursor = ""
        repeat {
            let query = try Parameters(
                query: "limit=10" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"),
                contentType: "",
                body: []
            )
            let page = try YooKassaList.page(rows.shuffled(), query: query)
            seen += page["items"]?.array ?? []
            cursor = page["next_cursor"]?.string ?? ""
        } while !cursor.isEmpty
        #expect(seen.count == 25)
        #expect(Set(seen).count == 25)
    }
}
