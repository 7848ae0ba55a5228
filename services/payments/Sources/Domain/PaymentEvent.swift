package import Contracts

/// A stored webhook as payments understands it. Only hints are taken from YooKassa's bodies: they are not signed.
package enum PaymentEvent: Sendable, Equatable {
    /// YooKassa says that something happened to a payment.
    case payment(id: String, name: String)
    /// YooKassa says that a refund succeeded.
    case refund(id: String)
    case preCheckout(PreCheckout.Query)
    case starsPaid(StarsPayment)
    case starsRefunded(StarsPayment)
    /// Authentic but of a kind that means nothing here.
    case other(String)
    /// Can't be read at all.
    case unreadable(String)

    /// A `successful_payment` or `refunded_payment` of Telegram.
    package struct StarsPayment: Sendable, Equatable {
        /// `telegram_payment_charge_id`, unique for each payment.
        package var chargeID: String
        package var payer: UserID
        package var chatID: ChatID
        package var currency: String
        package var totalAmount: Int64
        package var payload: String

        package init(
            chargeID: String,
            payer: UserID,
            chatID: ChatID,
            currency: String,
            totalAmount: Int64,
            payload: String
        ) {
            self.chargeID = chargeID
            self.payer = payer
            self.chatID = chatID
            self.currency = currency
            self.totalAmount = totalAmount
            self.payload = payload
        }
    }

    package init(_ event: Event) {
        guard let body = try? ContractJSON.decode(JSONValue.self, from: event.body.utf8), body.object != nil else {
            self = .unreadable("the body is not a JSON object")
            return
        }
        switch event.source {
        case .yookassa: self.init(notification: body)
        case .telegram: self.init(update: body)
        case .kie: self = .unreadable("KIE's callbacks belong to generation")
        }
    }

    private init(notification body: JSONValue) {
        guard let name = body["event"]?.string, let object = body["object"] else {
            self = .unreadable("no event or object")
            return
        }
        guard let id = object["id"]?.string, Self.isProviderID(id) else {
            self = .unreadable("an object without a usable id")
            return
        }
        if name.hasPrefix("payment.") {
            self = .payment(id: id, name: name)
        } else if name.hasPrefix("refund.") {
            self = .refund(id: id)
        } else {
            self = .other("yookassa")
        }
    }

    private init(update: JSONValue) {
        if let query = update["pre_checkout_query"] {
            guard let id = query["id"]?.string, let payer = query["from"]?["id"]?.integer,
                let currency = query["currency"]?.string, let total = query["total_amount"]?.integer
            else {
                self = .unreadable("a pre-checkout query without id, payer or amount")
                return
            }
            self = .preCheckout(
                PreCheckout.Query(
                    id: id,
                    payer: payer,
                    currency: currency,
                    totalAmount: total,
                    payload: query["invoice_payload"]?.string ?? "",
                    language: query["from"]?["language_code"]?.string
                )
            )
            return
        }
        guard let message = update["message"] else {
            self = .other("telegram")
            return
        }
        if let payment = message["successful_payment"] {
            self = StarsPayment(payment, in: message).map(Self.starsPaid) ?? .unreadable("a payment without charge id")
        } else if let payment = message["refunded_payment"] {
            self =
                StarsPayment(payment, in: message).map(Self.starsRefunded) ?? .unreadable("a refund without charge id")
        } else {
            self = .other("telegram")
        }
    }

    /// Ids go into the path of a request: letters, digits and dashes only.
    private static func isProviderID(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

extension PaymentEvent.StarsPayment {
    fileprivate init?(_ payment: JSONValue, in message: JSONValue) {
        guard let chargeID = payment["telegram_payment_charge_id"]?.string, !chargeID.isEmpty,
            let chatID = message["chat"]?["id"]?.integer, let currency = payment["currency"]?.string,
            let total = payment["total_amount"]?.integer
        else { return nil }
        self.init(
            chargeID: chargeID,
            // In a private chat both ids are the same, should `from` be missing.
            payer: message["from"]?["id"]?.integer ?? chatID,
            chatID: chatID,
            currency: currency,
            totalAmount: total,
            payload: payment["invoice_payload"]?.string ?? ""
        )
    }
}
