package import Contracts

extension Order.State {
    /// Whether the order's money has been seen.
    package var hasMoney: Bool { self == .paid || self == .credited }
}

/// The life of an order: creating → pending → paid → credited, or canceled.
///
/// Pure: it is told what has happened and says what follows. Everything may be told twice and late; what changes nothing
/// gives no consequence. Money that arrives always wins: also a canceled order becomes paid.
package struct OrderMachine: Sendable, Equatable {
    package private(set) var state: Order.State

    package init(_ state: Order.State) {
        self.state = state
    }

    /// What can happen to an order. Payments have been checked against the order before (`PaymentCheck`).
    package enum Event: Sendable, Equatable, CaseIterable {
        /// The provider has the payment and waits for the buyer; answered to the call that created the order.
        case createdInTime
        /// The same, found later: the caller has been told `creating`.
        case createdLate
        /// The provider will never take the creation: a refusal, or too long without an answer.
        case creationFailed
        /// The provider has the money.
        case succeeded
        /// The provider has closed the payment without money.
        case paymentCanceled
        /// Billing has the credit.
        case credited
    }

    /// What must follow, in the same transaction.
    package enum Consequence: Sendable, Equatable {
        /// Tell conversation that the order can be paid.
        case tellReady
        /// Credit billing.
        case credit
        /// Tell conversation that the money is there, with the balance of the credit's answer.
        case tellSucceeded
        /// Tell conversation that nothing was paid.
        case tellCanceled
    }

    /// Applies an event.
    ///
    /// - Returns: What follows; nil if the event changes nothing, because it was known or has been overtaken.
    package mutating func apply(_ event: Event) -> [Consequence]? {
        switch (state, event) {
        case (.creating, .createdInTime): return move(.pending, [])
        case (.creating, .createdLate): return move(.pending, [.tellReady])
        case (.creating, .creationFailed), (.creating, .paymentCanceled), (.pending, .paymentCanceled):
            return move(.canceled, [.tellCanceled])
        case (.creating, .succeeded), (.pending, .succeeded), (.canceled, .succeeded):
            return move(.paid, [.credit])
        case (.paid, .credited): return move(.credited, [.tellSucceeded])
        case (.pending, .createdInTime), (.pending, .createdLate), (.pending, .creationFailed), (.pending, .credited),
            (.creating, .credited),
            (.paid, .createdInTime), (.paid, .createdLate), (.paid, .creationFailed), (.paid, .succeeded),
            (.paid, .paymentCanceled),
            (.credited, _),
            (.canceled, .createdInTime), (.canceled, .createdLate), (.canceled, .creationFailed),
            (.canceled, .paymentCanceled), (.canceled, .credited):
            return nil
        }
    }

    private mutating func move(_ next: Order.State, _ consequences: [Consequence]) -> [Consequence] {
        state = next
        return consequences
    }
}
