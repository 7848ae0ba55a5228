package import Time

/// Creates a top-up order and its payment at the provider.
///
/// Idempotent by key and by `order_id`. When the provider has not answered in time the order is `creating` and the
/// fact `order_ready` follows. Problems: `amount_out_of_range`, `payment_method_unavailable`.
package enum CreateOrder: Operation {
    package typealias Output = Order
    package static let service = ServiceName.payments
    package static let method = OperationMethod.post
    package static let path = "/v1/orders"
    package static let callers: Set<ServiceName> = [.conversation]
    package static let successStatus = 201
    package static let problems: Set<ProblemCode> = [.amountOutOfRange, .paymentMethodUnavailable]

    package struct Input: Codable, Sendable, Equatable {
        package var orderID: OrderID
        package var userID: UserID
        package var chatID: ChatID
        /// 100...10_000_000 (1 ₽ to 100,000 ₽), narrowed by configuration.
        package var amountKopecks: Int64
        package var rail: PaymentRail
        /// Shown to the buyer by the provider; at most 128 characters.
        package var description: String

        package init(
            orderID: OrderID,
            userID: UserID,
            chatID: ChatID,
            amountKopecks: Int64,
            rail: PaymentRail,
            description: String
        ) {
            self.orderID = orderID
            self.userID = userID
            self.chatID = chatID
            self.amountKopecks = amountKopecks
            self.rail = rail
            self.description = description
        }
    }
}

/// How an order is paid.
package enum PaymentRail: String, Codable, Sendable, CaseIterable {
    case yookassa, stars
}

/// A top-up order.
package struct Order: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// The provider has not confirmed the payment's creation yet.
        case creating
        /// The buyer can pay.
        case pending
        /// Paid; the credit is on its way.
        case paid
        /// In the ledger.
        case credited
        case canceled
    }

    package var orderID: OrderID
    package var userID: UserID
    package var chatID: ChatID
    package var amountKopecks: Int64
    package var rail: PaymentRail
    package var state: State
    package var payURL: String?
    package var expiresAt: Timestamp
    package var createdAt: Timestamp

    package init(
        orderID: OrderID,
        userID: UserID,
        chatID: ChatID,
        amountKopecks: Int64,
        rail: PaymentRail,
        state: State,
        payURL: String? = nil,
        expiresAt: Timestamp,
        createdAt: Timestamp
    ) {
        self.orderID = orderID
        self.userID = userID
        self.chatID = chatID
        self.amountKopecks = amountKopecks
        self.rail = rail
        self.state = state
        self.payURL = payURL
        self.expiresAt = expiresAt
        self.createdAt = createdAt
    }
}

/// The order in the path.
package struct OrderParameters: OperationParameters, Equatable {
    package var orderID: OrderID

    package init(orderID: OrderID) {
        self.orderID = orderID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.orderID = try values.required("order_id")
    }

    package var values: [(name: String, value: String)] { [("order_id", orderID.description)] }
}

/// Reads an order.
package enum GetOrder: Operation {
    package typealias Parameters = OrderParameters
    package typealias Output = Order
    package static let service = ServiceName.payments
    package static let method = OperationMethod.get
    package static let path = "/v1/orders/{order_id}"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.orderNotFound]
}

/// Re-reads the payment from the provider now ("check" under the pay button) and answers with the order after it.
package enum CheckOrder: Operation {
    package typealias Parameters = OrderParameters
    package typealias Output = Order
    package static let service = ServiceName.payments
    package static let method = OperationMethod.post
    package static let path = "/v1/orders/{order_id}/check"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.orderNotFound, .unavailable]
}

/// What the operator may offer now: rails that are configured and quick amounts.
package enum GetPaymentOptions: Operation {
    package static let service = ServiceName.payments
    package static let method = OperationMethod.get
    package static let path = "/v1/payment-options"
    package static let callers: Set<ServiceName> = [.conversation, .operator]

    package struct Output: Codable, Sendable, Equatable {
        package var rails: [PaymentRail]
        package var amountsKopecks: [Int64]
        package var minimumKopecks: Int64
        package var maximumKopecks: Int64

        package init(
            rails: [PaymentRail],
            amountsKopecks: [Int64],
            minimumKopecks: Int64,
            maximumKopecks: Int64
        ) {
            self.rails = rails
            self.amountsKopecks = amountsKopecks
            self.minimumKopecks = minimumKopecks
            self.maximumKopecks = maximumKopecks
        }
    }
}
