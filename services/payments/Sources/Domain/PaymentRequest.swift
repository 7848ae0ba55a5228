package import Contracts

/// The body of `POST /payments`, made once for an order and stored before the first call: repeats send the same bytes.
package struct PaymentRequest: Sendable, Equatable {
    package var orderID: OrderID
    package var userID: UserID
    package var amountKopecks: Int64
    /// At most 128 characters; the buyer sees it.
    package var description: String
    /// Where the buyer's browser goes afterwards. Proves nothing.
    package var returnURL: String
    package var receipt: Receipt?

    /// What shops with fiscalisation (54-FZ) must send along.
    package struct Receipt: Sendable, Equatable {
        /// Telegram gives no buyer's address, so it is the shop's own.
        package var email: String
        /// 1...12, see YooKassa's list of VAT codes.
        package var vatCode: Int

        package init(email: String, vatCode: Int) {
            self.email = email
            self.vatCode = vatCode
        }
    }

    package init(
        orderID: OrderID,
        userID: UserID,
        amountKopecks: Int64,
        description: String,
        returnURL: String,
        receipt: Receipt?
    ) {
        self.orderID = orderID
        self.userID = userID
        self.amountKopecks = amountKopecks
        self.description = description
        self.returnURL = returnURL
        self.receipt = receipt
    }

    /// The `Idempotence-Key`: one payment for one order.
    package var key: String { orderID.description }

    /// JSON with sorted members. `capture` is said aloud because its default is false.
    package var body: JSONValue {
        let amount: JSONValue = ["value": .string(Roubles.text(kopecks: amountKopecks)), "currency": "RUB"]
        var members: [String: JSONValue] = [
            "amount": amount, "capture": true,
            "confirmation": ["type": "redirect", "return_url": .string(returnURL)],
            "description": .string(String(description.prefix(128))),
            "metadata": ["order_id": .string(orderID.description), "user_id": .string(String(userID))],
        ]
        if let receipt {
            members["receipt"] = [
                "customer": ["email": .string(receipt.email)], "internet": true,
                "items": [
                    [
                        "description": .string(String(description.prefix(128))), "amount": amount, "quantity": 1,
                        "measure": "piece", "vat_code": .integer(Int64(receipt.vatCode)), "payment_subject": "service",
                        "payment_mode": "full_payment",
                    ]
                ],
            ]
        }
        return .object(members)
    }
}
