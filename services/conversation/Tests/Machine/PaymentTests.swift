import Contracts
import Testing
import Time

@testable import ConversationService

/// Bills: how many there are, what state they show, and the ways to another one.
@Suite struct PaymentTests {
    /// A bill for 100 ₽ that waits to be paid.
    private func bill(_ user: inout Driver, rails: [PaymentRail] = [.yookassa, .stars]) throws -> KnownOrder {
        user.options?.rails = rails
        user.take(Make.text("/topup"))
        user.press("100\u{A0}₽")
        if rails.count > 1 { user.press("Карта") }
        let order = try #require(user.orders.values.first)
        report(order, .pending, &user)
        return try #require(user.orders[order.orderID])
    }

    private func report(_ order: KnownOrder, _ state: Order.State, _ user: inout Driver) {
        let answer = CommandAnswer.Outcome.order(Make.order(order.orderID, state))
        user.take(.answer(CommandAnswer(purpose: .createOrder(order.orderID), outcome: answer)))
    }

    @Test func `another way to pay is asked for the same sum`() throws {
        var user = Driver()
        _ = try bill(&user)
        user.press("Другой способ")
        #expect(user.screen == .rails(amountKopecks: 10_000) && user.panelText.contains("100\u{A0}₽"))
    }

    @Test func `a sum that is pressed twice is one bill`() throws {
        var user = Driver()
        user.options?.rails = [.yookassa]
        user.take(Make.text("/topup"))
        let sums = user.panel
        user.press("100\u{A0}₽", on: sums)
        user.press("100\u{A0}₽", on: sums)
        let order = try #require(user.orders.values.first)
        report(order, .pending, &user)
        user.press("100\u{A0}₽", on: sums)
        #expect(user.orders.count == 1 && user.screen == .payment(order: order.orderID))
        user.press("300\u{A0}₽", on: sums)
        #expect(user.orders.count == 2, "another sum is another bill")
        user.press("100\u{A0}₽", on: sums)
        #expect(user.orders.count == 3, "and so is one that the panel no longer shows")
    }

    @Test func `a late report never moves a bill back, and money wins over a cancellation`() throws {
        var user = Driver()
        let order = try bill(&user)
        user.take(.fact(Make.fact(.orderReady, order: Make.order(order.orderID, .pending))))
        report(order, .creating, &user)
        #expect(user.orders[order.orderID]?.state == .pending)
        #expect(user.panel?.keyboard.first?.first?.url != nil, "it can be paid still")
        let steps: [(Order.State, Order.State)] = [
            (.canceled, .canceled), (.pending, .canceled), (.paid, .paid), (.pending, .paid), (.canceled, .paid),
        ]
        for (reported, expected) in steps {
            report(order, reported, &user)
            #expect(user.orders[order.orderID]?.state == expected, "after \(reported)")
        }
    }

    @Test func `where there is no other way none is offered`() throws {
        var user = Driver()
        _ = try bill(&user, rails: [.yookassa])
        #expect(user.panelButtons.contains { $0.contains("Проверить") })
        #expect(!user.panelButtons.contains { $0.contains("Другой способ") })
    }
}
