package import Contracts

/// Decides whether a payment that was read from the provider is the payment of an order, and what it means for it.
package enum PaymentCheck {
    /// What an order says about its payment.
    package struct Expectation: Sendable, Equatable {
        package var orderID: OrderID
        package var amountKopecks: Int64
        /// Nil while the creation has not been answered; the first payment that names the order is then its own.
        package var paymentID: String?
        package var shopID: String
        /// Nil where test and live payments can't be told apart in advance.
        package var isTest: Bool?
        /// Whether the order's money has been seen before.
        package var isPaid: Bool

        package init(
            orderID: OrderID,
            amountKopecks: Int64,
            paymentID: String?,
            shopID: String,
            isTest: Bool?,
            isPaid: Bool = false
        ) {
            self.orderID = orderID
            self.amountKopecks = amountKopecks
            self.paymentID = paymentID
            self.shopID = shopID
            self.isTest = isTest
            self.isPaid = isPaid
        }
    }

    package enum Verdict: Sendable, Equatable {
        /// Belongs to the order and waits for the buyer.
        case pending
        case succeeded
        case canceled
        /// Must not touch the order.
        case mismatch(Mismatch)
    }

    /// What does not fit; the raw value is stored and counted.
    package enum Mismatch: String, Sendable, CaseIterable {
        case shop = "other_shop"
        case order = "other_order"
        case payment = "other_payment"
        case currency = "other_currency"
        case amount = "other_amount"
        case test = "test_payment"
        /// `succeeded` without `paid`.
        case unpaid = "succeeded_unpaid"
        /// Given back, all or in part, before anybody here knew of it: to credit it would double the money.
        case refunded = "refunded_before_credit"
    }

    /// Compares a reading with what the order expects. Everything is compared for every status, so that not even a
    /// cancellation can come from a payment that is not the order's.
    package static func verdict(_ reading: PaymentReading, _ expected: Expectation) -> Verdict {
        guard reading.shopID == expected.shopID else { return .mismatch(.shop) }
        guard reading.orderID == expected.orderID else { return .mismatch(.order) }
        if let known = expected.paymentID, known != reading.id { return .mismatch(.payment) }
        guard reading.currency == "RUB" else { return .mismatch(.currency) }
        guard reading.amountKopecks == expected.amountKopecks else { return .mismatch(.amount) }
        if let isTest = expected.isTest, isTest != reading.isTest { return .mismatch(.test) }
        switch reading.status {
        case .pending, .waitingForCapture, .unknown: return .pending
        case .canceled: return .canceled
        case .succeeded:
            guard reading.isPaid else { return .mismatch(.unpaid) }
            return reading.isRefunded && !expected.isPaid ? .mismatch(.refunded) : .succeeded
        }
    }
}
