package import Contracts
package import Postgres
package import Time

/// A payment or notice that fits no order, kept for the operator.
package struct StrayPayment: Sendable, Equatable {
    package var rail: PaymentRail
    /// The payment's id at its provider.
    package var reference: String
    package var reason: Reason
    package var userID: UserID?
    package var orderID: OrderID?
    /// As the provider wrote it.
    package var amount: String
    package var currency: String
    /// What was read or received, as JSON text.
    package var content: String

    /// Why it fits no order; stored and counted.
    package enum Reason: Sendable, Hashable {
        /// The payment names no order of ours.
        case unknownOrder
        /// Our shop has no such payment: a forged or another shop's notification.
        case unknownPayment
        case mismatch(PaymentCheck.Mismatch)
        /// Stars that don't fit their order.
        case unexpectedStars
        /// Money that went back; there is no automatic counter-entry.
        case refunded
        /// Said to be canceled after it had been paid.
        case canceledAfterPayment

        package var code: String {
            switch self {
            case .unknownOrder: "unknown_order"
            case .unknownPayment: "unknown_payment"
            case .mismatch(let mismatch): mismatch.rawValue
            case .unexpectedStars: "unexpected_stars"
            case .refunded: "refunded"
            case .canceledAfterPayment: "canceled_after_payment"
            }
        }
    }
}

/// The statements on `stray_payment`.
package struct StrayStore: Sendable {
    package let database: Database

    package init(database: Database) {
        self.database = database
    }

    /// The longest content kept, in bytes.
    static let maximumContent = 65_536

    /// Keeps a stray, or counts it once more.
    ///
    /// - Returns: Whether it is new.
    package func record(_ stray: StrayPayment, now: Timestamp) async throws -> Bool {
        // PostgreSQL's text can't hold NUL; cutting happens between characters.
        let content = String(stray.content.prefix(Self.maximumContent / 4)).replacing("\0", with: "")
        let rows = try await database.query(
            """
            insert into stray_payment as known (rail, reference, reason, user_id, order_id, amount, currency, content,
                first_seen_at, last_seen_at)
            values (\(stray.rail.rawValue), \(stray.reference), \(stray.reason.code), \(stray.userID),
                \(stray.orderID), \(stray.amount), \(stray.currency), \(content), \(now), \(now))
            on conflict (rail, reference, reason) do update
                set times = known.times + 1, last_seen_at = excluded.last_seen_at
            returning times
            """
        )
        return try rows[0].decode(Int32.self) == 1
    }

    /// How many strays nobody has resolved; index stray_payment_open.
    package func openCount() async throws -> Int64 {
        try await database.query("select count(*) from stray_payment where resolved_at is null")[0].decode(Int64.self)
    }
}
