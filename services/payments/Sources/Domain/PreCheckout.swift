package import Contracts
package import Time

/// Decides whether Telegram may take a user's Stars for an order. Telegram waits 10 s for the decision.
package enum PreCheckout {
    /// A `pre_checkout_query`, reduced to what decides.
    package struct Query: Sendable, Equatable {
        package var id: String
        package var payer: UserID
        package var currency: String
        package var totalAmount: Int64
        /// The order's id, as we wrote it into the invoice.
        package var payload: String
        /// The payer's `language_code`.
        package var language: String?

        package init(
            id: String,
            payer: UserID,
            currency: String,
            totalAmount: Int64,
            payload: String,
            language: String?
        ) {
            self.id = id
            self.payer = payer
            self.currency = currency
            self.totalAmount = totalAmount
            self.payload = payload
            self.language = language
        }
    }

    /// What an order says about its invoice.
    package struct Invoice: Sendable, Equatable {
        package var payer: UserID
        package var rail: PaymentRail
        package var state: Order.State
        /// Whole Stars; nil unless the rail is Stars.
        package var stars: Int64?
        package var expiresAt: Timestamp

        package init(payer: UserID, rail: PaymentRail, state: Order.State, stars: Int64?, expiresAt: Timestamp) {
            self.payer = payer
            self.rail = rail
            self.state = state
            self.stars = stars
            self.expiresAt = expiresAt
        }
    }

    /// Why an order is not paid; the raw value is counted.
    package enum Refusal: String, Sendable, CaseIterable {
        case unknownOrder = "unknown_order"
        case otherPayer = "other_payer"
        case otherAmount = "other_amount"
        /// Paid already, canceled or expired: a link can be opened many times.
        case closed

        /// What Telegram shows to the payer.
        package func text(_ language: String?) -> String {
            let isRussian = language.map { $0.hasPrefix("ru") } ?? true
            switch self {
            case .unknownOrder, .otherAmount:
                return isRussian
                    ? "Этот счёт не подходит. Откройте пополнение в боте ещё раз."
                    : "This invoice does not fit. Please open the top-up in the bot again."
            case .otherPayer:
                return isRussian
                    ? "Этот счёт выписан другому пользователю." : "This invoice belongs to another user."
            case .closed:
                return isRussian
                    ? "Этот счёт уже закрыт. Откройте пополнение в боте ещё раз."
                    : "This invoice is closed. Please open the top-up in the bot again."
            }
        }
    }

    /// - Parameter invoice: The order that the payload names; nil if there is none.
    /// - Returns: Nil to accept.
    package static func refusal(_ query: Query, _ invoice: Invoice?, now: Timestamp) -> Refusal? {
        guard let invoice, invoice.rail == .stars, let stars = invoice.stars else { return .unknownOrder }
        guard query.payer == invoice.payer else { return .otherPayer }
        guard query.currency == "XTR", query.totalAmount == stars else { return .otherAmount }
        guard invoice.state == .pending, now < invoice.expiresAt else { return .closed }
        return nil
    }
}
