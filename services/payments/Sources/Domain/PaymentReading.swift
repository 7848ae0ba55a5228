package import Contracts
package import Time

/// A payment as YooKassa's API says it is, reduced to what decides something here.
///
/// Unknown members, payment methods and statuses are tolerated; a reading without id, status or amount is none.
package struct PaymentReading: Sendable, Equatable {
    package enum Status: Sendable, Equatable {
        case pending, waitingForCapture, succeeded, canceled
        /// A status that this build does not know; counts as pending, never as failed and never as paid.
        case unknown
    }

    package var id: String
    package var status: Status
    package var isPaid: Bool
    package var isTest: Bool
    /// Nil if the value is not a decimal amount.
    package var amountKopecks: Int64?
    package var currency: String
    /// `recipient.account_id`: the shop that gets the money.
    package var shopID: String?
    /// `metadata.order_id`, which we wrote at creation.
    package var orderID: OrderID?
    /// Where the buyer pays; only while confirmation is awaited.
    package var payURL: String?
    package var capturedAt: Timestamp?
    /// `cancellation_details`, e.g. `yoo_money/expired_on_confirmation`.
    package var cancelReason: String?
    /// Whether some of it has gone back to the buyer.
    package var isRefunded: Bool

    package init(
        id: String,
        status: Status,
        isPaid: Bool,
        isTest: Bool,
        amountKopecks: Int64?,
        currency: String,
        shopID: String?,
        orderID: OrderID?,
        payURL: String? = nil,
        capturedAt: Timestamp? = nil,
        cancelReason: String? = nil,
        isRefunded: Bool = false
    ) {
        self.id = id
        self.status = status
        self.isPaid = isPaid
        self.isTest = isTest
        self.amountKopecks = amountKopecks
        self.currency = currency
        self.shopID = shopID
        self.orderID = orderID
        self.payURL = payURL
        self.capturedAt = capturedAt
        self.cancelReason = cancelReason
        self.isRefunded = isRefunded
    }

    /// Reads a payment object of the API; nil for anything else.
    package init?(_ object: JSONValue) {
        guard let id = object["id"]?.string, !id.isEmpty, id.utf8.count <= 64, let status = object["status"]?.string,
            let amount = object["amount"]
        else { return nil }
        self.id = id
        self.status = Status(status)
        self.isPaid = object["paid"]?.bool ?? false
        self.isTest = object["test"]?.bool ?? false
        self.amountKopecks = amount["value"]?.string.flatMap { Roubles.kopecks($0) }
        self.currency = amount["currency"]?.string ?? ""
        self.shopID = object["recipient"]?["account_id"]?.string
        self.orderID = object["metadata"]?["order_id"]?.string.flatMap { OrderID($0) }
        self.payURL = object["confirmation"]?["confirmation_url"]?.string
        self.capturedAt = object["captured_at"]?.string.flatMap { Timestamp(rfc3339: $0) }
        // An amount that can't be read is not nothing: a person has to look.
        self.isRefunded = object["refunded_amount"]?["value"]?.string.map { Roubles.kopecks($0) != 0 } ?? false
        let details = object["cancellation_details"]
        self.cancelReason = details?["reason"]?.string.map { "\(details?["party"]?.string ?? "unknown")/\($0)" }
    }
}

extension PaymentReading.Status {
    init(_ text: String) {
        switch text {
        case "pending": self = .pending
        case "waiting_for_capture": self = .waitingForCapture
        case "succeeded": self = .succeeded
        case "canceled": self = .canceled
        default: self = .unknown
        }
    }
}
