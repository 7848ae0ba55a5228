package import Contracts
internal import Postgres
package import Time

/// A row of `orders`.
package struct StoredOrder: Sendable, Equatable {
    package var orderID: OrderID
    package var userID: UserID
    package var chatID: ChatID
    package var amountKopecks: Int64
    package var rail: PaymentRail
    /// Whole Stars; nil for roubles.
    package var stars: Int64?
    package var state: Order.State
    package var callKey: String
    package var fingerprint: [UInt8]
    package var providerKey: String
    package var providerBody: [UInt8]
    package var paymentID: String?
    package var payURL: String?
    package var cancelReason: String?
    package var attempts: Int32
    package var readAt: Timestamp?
    package var createdAt: Timestamp
    package var expiresAt: Timestamp

    /// What other services see of it.
    package var contract: Order {
        Order(
            orderID: orderID,
            userID: userID,
            chatID: chatID,
            amountKopecks: amountKopecks,
            rail: rail,
            state: state,
            payURL: payURL,
            expiresAt: expiresAt,
            createdAt: createdAt
        )
    }

    /// The columns in the order in which `init` reads them.
    static let columns: StaticString = """
        order_id, user_id, chat_id, amount_kopecks, rail, stars, state, call_key, fingerprint, provider_key,
        provider_body, payment_id, pay_url, cancel_reason, attempts, read_at, created_at, expires_at
        """

    init(_ row: Row) throws {
        let rail: String
        let state: String
        (
            orderID, userID, chatID, amountKopecks, rail, stars, state, callKey, fingerprint, providerKey, providerBody,
            paymentID, payURL, cancelReason, attempts, readAt, createdAt, expiresAt
        ) = try row.decode(
            OrderID.self,
            Int64.self,
            Int64.self,
            Int64.self,
            String.self,
            Int64?.self,
            String.self,
            String.self,
            [UInt8].self,
            String.self,
            [UInt8].self,
            String?.self,
            String?.self,
            String?.self,
            Int32.self,
            Timestamp?.self,
            Timestamp.self,
            Timestamp.self
        )
        guard let rail = PaymentRail(rawValue: rail), let state = Order.State(rawValue: state) else {
            throw PostgresError(.decoding, operation: "decode order", detail: "an unknown rail or state")
        }
        self.rail = rail
        self.state = state
    }
}
