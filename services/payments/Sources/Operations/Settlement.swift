package import Contracts
internal import Jobs
package import Postgres
package import Telemetry
package import Time

/// Applies what is known about a payment to its order, in one transaction with the commands that follow.
///
/// Called by everyone who learns something: the creating call, the creation's repeats, webhooks, the sweep, the check
/// button and the reconciliation. Told twice, or by two at once, it changes nothing the second time.
package struct Settlement: Sendable {
    /// When a pending payment was found, seen from the call that created the order.
    package enum Moment: Sendable {
        /// The creating call still waits and will answer with what is stored.
        case inCreatingCall
        case later
    }

    /// What became of a reading.
    package enum Outcome: Sendable, Equatable {
        /// The order after it.
        case order(Order)
        /// It fits no order and has been kept.
        case stray(StrayPayment.Reason)
    }

    private let database: Database
    private let strays: StrayStore
    private let shop: (id: String, isTest: Bool?)?
    private let metrics: PaymentsMetrics
    private let log: Log
    private let clock: WallClock
    /// Called after a commit with commands.
    private let wake: @Sendable () -> Void

    package init(
        database: Database,
        shop: PaymentsConfiguration.Shop?,
        metrics: PaymentsMetrics,
        log: Log,
        clock: WallClock,
        wake: @escaping @Sendable () -> Void
    ) {
        self.database = database
        self.strays = StrayStore(database: database)
        self.shop = shop.map { ($0.shopID, $0.isTest) }
        self.metrics = metrics
        self.log = log
        self.clock = clock
        self.wake = wake
    }

    /// Applies a payment that was read from YooKassa.
    ///
    /// - Parameter content: The object as it was read, kept if it turns out to be a stray.
    package func apply(
        _ reading: PaymentReading,
        content: JSONValue,
        _ moment: Moment = .later
    ) async throws -> Outcome {
        let step = try await database.transaction(.repeatable) { transaction -> Step in
            guard let order = try await find(reading, in: transaction), let shop else { return .stray(.unknownOrder) }
            let expectation = PaymentCheck.Expectation(
                orderID: order.orderID,
                amountKopecks: order.amountKopecks,
                paymentID: order.paymentID,
                shopID: shop.id,
                isTest: shop.isTest,
                isPaid: order.state.hasMoney
            )
            let verdict = PaymentCheck.verdict(reading, expectation)
            if case .mismatch(let mismatch) = verdict { return .stray(.mismatch(mismatch)) }
            return try await change(order, verdict, reading, moment, in: transaction)
        }
        switch step {
        case .changed(let order, let isNew):
            if isNew { committed(order) }
            return .order(order.contract)
        case .stray(let reason):
            try await keep(reading, reason, content)
            return .stray(reason)
        }
    }

    /// Ends an order that will not be paid as far as anybody knows.
    ///
    /// - Parameter reason: A short code, stored.
    package func abandon(_ id: OrderID, _ event: OrderMachine.Event, reason: String) async throws -> Order? {
        try await move(id, event) { $0.cancelReason = reason }
    }

    /// Applies Stars that Telegram says were paid for an order; the caller has compared them with it.
    package func starsPaid(_ id: OrderID, chargeID: String) async throws -> Order? {
        try await move(id, .succeeded) { $0.paymentID = chargeID }
    }

    private func move(
        _ id: OrderID,
        _ event: OrderMachine.Event,
        _ edit: @Sendable (inout StoredOrder) -> Void
    ) async throws -> Order? {
        let moved = try await database.transaction(.repeatable) { transaction -> (StoredOrder, Bool)? in
            guard var order = try await OrderStore.lock(id, in: transaction) else { return nil }
            var machine = OrderMachine(order.state)
            guard let consequences = machine.apply(event) else { return (order, false) }
            order.state = machine.state
            edit(&order)
            try await write(order, consequences, in: transaction)
            return (order, true)
        }
        if let moved, moved.1 { committed(moved.0) }
        return moved?.0.contract
    }

    private enum Step: Sendable {
        case changed(StoredOrder, isNew: Bool)
        case stray(StrayPayment.Reason)
    }

    /// By the payment's id; by the order that the payment names while its id is not known yet.
    private func find(_ reading: PaymentReading, in transaction: Transaction) async throws -> StoredOrder? {
        if let order = try await OrderStore.lock(rail: .yookassa, paymentID: reading.id, in: transaction) {
            return order
        }
        guard let id = reading.orderID else { return nil }
        return try await OrderStore.lock(id, in: transaction)
    }

    private func change(
        _ order: StoredOrder,
        _ verdict: PaymentCheck.Verdict,
        _ reading: PaymentReading,
        _ moment: Moment,
        in transaction: Transaction
    ) async throws -> Step {
        let event: OrderMachine.Event
        switch verdict {
        case .pending: event = moment == .inCreatingCall ? .createdInTime : .createdLate
        case .succeeded: event = .succeeded
        case .canceled: event = .paymentCanceled
        case .mismatch(let mismatch): return .stray(.mismatch(mismatch))
        }
        var order = order
        var machine = OrderMachine(order.state)
        let consequences = machine.apply(event)
        if consequences == nil, event == .paymentCanceled, order.state.hasMoney {
            return .stray(.canceledAfterPayment)
        }
        order.state = machine.state
        order.paymentID = reading.id
        order.payURL = reading.payURL ?? order.payURL
        order.readAt = clock.now
        if event == .paymentCanceled { order.cancelReason = reading.cancelReason ?? order.cancelReason }
        // An order that has ended stays as it is; anything else is written for its next look.
        guard consequences != nil || order.state == .creating || order.state == .pending else {
            return .changed(order, isNew: false)
        }
        try await write(order, consequences ?? [], in: transaction)
        return .changed(order, isNew: consequences != nil)
    }

    private func write(
        _ order: StoredOrder,
        _ consequences: [OrderMachine.Consequence],
        in transaction: Transaction
    ) async throws {
        let now = clock.now
        try await OrderStore.update(
            order,
            nextAt: FollowUp.nextLook(order.state, createdAt: order.createdAt, now: now),
            now: now,
            in: transaction
        )
        try await Outbox.enqueue(
            try consequences.compactMap { try OrderCommand.make($0, order, balance: nil, now: now) },
            in: transaction
        )
    }

    private func committed(_ order: StoredOrder) {
        metrics.orders.increment(order.rail.rawValue, order.state.rawValue)
        log.info(
            "order moved",
            [
                .orderID: .describing(order.orderID), .userID: .personal(order.userID),
                .status: .string(order.state.rawValue),
            ]
        )
        wake()
    }

    private func keep(_ reading: PaymentReading, _ reason: StrayPayment.Reason, _ content: JSONValue) async throws {
        let amount = content["amount"]
        try await keep(
            StrayPayment(
                rail: .yookassa,
                reference: reading.id,
                reason: reason,
                userID: content["metadata"]?["user_id"]?.string.flatMap { Int64($0) },
                orderID: reading.orderID,
                amount: amount?["value"]?.string ?? "",
                currency: reading.currency,
                content: String(decoding: try ContractJSON.encode(content), as: UTF8.self)
            )
        )
    }

    /// Keeps a stray; loud the first time.
    package func keep(_ stray: StrayPayment) async throws {
        guard try await strays.record(stray, now: clock.now) else { return }
        metrics.strays.increment(stray.reason.code)
        log.warning(
            "payment fits no order",
            [
                .rail: .string(stray.rail.rawValue), .paymentID: .string(stray.reference),
                .reason: .string(stray.reason.code),
            ]
        )
    }
}

extension FollowUp {
    /// When an order in this state is looked at next; nil once it has ended.
    static func nextLook(_ state: Order.State, createdAt: Timestamp, now: Timestamp) -> Timestamp? {
        switch state {
        case .creating: now + creationDelay(attempt: 1, hint: nil)
        case .pending: now + (readingDelay(age: now - createdAt) ?? .zero)
        case .paid: now + creditAgain
        case .credited, .canceled: nil
        }
    }
}
