internal import Contracts

extension Turn {
    /// Creates an order; the panel says at once that the bill is being written. Buttons with sums belong to no draft, so a
    /// second tap on one is as good as the first: it shows the bill that is there.
    mutating func order(_ kopecks: Int64, by rail: PaymentRail) {
        if let order, session.screen == .payment(order: order.orderID), order.isOpen(at: now),
            order.amountKopecks == kopecks, order.rail == rail
        {
            toast = Toast(text: texts.plain(.toastOrdering))
            return go(to: .payment(order: order.orderID))
        }
        let order = KnownOrder(
            orderID: fresh.order,
            userID: scene.userID,
            chatID: scene.chatID,
            amountKopecks: kopecks,
            rail: rail,
            state: .creating
        )
        note(order)
        commands.append(
            .createOrder(
                CreateOrder.Input(
                    orderID: order.orderID,
                    userID: scene.userID,
                    chatID: scene.chatID,
                    amountKopecks: kopecks,
                    rail: rail,
                    description: texts.plain(.orderDescription, ["amount": texts.money(kopecks)])
                )
            )
        )
        toast = Toast(text: texts.plain(.toastOrdering))
        go(to: .payment(order: order.orderID))
    }

    /// "Check now": payments re-reads the provider; the answer redraws the panel.
    mutating func check(order short: UInt64) {
        guard let order, order.userID == scene.userID, order.orderID.short == short else {
            return missing(.toastOutdated)
        }
        toast = Toast(text: texts.plain(.toastChecking))
        commands.append(.checkOrder(order.orderID))
        go(to: .payment(order: order.orderID))
    }

    /// Goes back to the ways to pay the same sum; the bill stays payable until it expires, and money that comes is booked.
    mutating func leave(order short: UInt64) {
        guard let order, order.userID == scene.userID, order.orderID.short == short else { return go(to: .topUp) }
        go(to: .rails(amountKopecks: order.amountKopecks))
    }
}
