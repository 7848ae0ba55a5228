internal import Contracts
internal import Jobs
internal import Time

/// The commands that an order's changes send: facts to conversation in the order's lane, credits to billing in one of their own,
/// so that money does not wait until somebody has been told.
enum OrderCommand {
    private static func factLane(_ id: OrderID) -> String { "order:\(id)" }
    static func creditLane(_ id: OrderID) -> String { "credit:\(id)" }

    /// The command of a consequence.
    ///
    /// - Parameter balance: Of the credit's answer, for `tellSucceeded`.
    static func make(
        _ consequence: OrderMachine.Consequence,
        _ order: StoredOrder,
        balance: Balance?,
        now: Timestamp
    ) throws -> OutboxCommand? {
        switch consequence {
        case .credit: try credit(order, attempt: 1)
        case .tellReady: try fact(.orderReady, order, nil, now)
        case .tellSucceeded: try fact(.paymentSucceeded, order, balance, now)
        case .tellCanceled: try fact(.paymentCanceled, order, nil, now)
        }
    }

    /// The credit of a paid order. Billing is unique by (source, reference), so a new key after a refusal can't credit
    /// twice.
    ///
    /// - Returns: Nil for an order without a payment, which the database's check rules out.
    static func credit(_ order: StoredOrder, attempt: Int) throws -> OutboxCommand? {
        guard let reference = order.paymentID else { return nil }
        let source: CreditSource
        let memo: String
        switch order.rail {
        case .yookassa: (source, memo) = (.yookassa, "YooKassa")
        case .stars: (source, memo) = (.stars, "Telegram Stars")
        }
        let key = "\(source.rawValue):\(reference)"
        return try OutboxCommand(
            Credit.self,
            input: Credit.Input(
                userID: order.userID,
                amountKopecks: order.amountKopecks,
                source: source,
                reference: reference,
                orderID: order.orderID,
                memo: memo
            ),
            lane: creditLane(order.orderID),
            key: attempt == 1 ? key : "\(key):\(attempt)"
        )
    }

    private static func fact(
        _ kind: FactKind,
        _ order: StoredOrder,
        _ balance: Balance?,
        _ now: Timestamp
    ) throws -> OutboxCommand {
        let fact = Fact(
            factID: FactID(now: now),
            kind: kind,
            at: now,
            userID: order.userID,
            chatID: order.chatID,
            order: order.contract,
            balance: balance
        )
        return try OutboxCommand(
            ReportFact.self,
            input: fact,
            lane: factLane(order.orderID),
            key: fact.factID.description
        )
    }
}
