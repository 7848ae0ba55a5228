package import Contracts
internal import Postgres
package import ServiceKit
internal import Telemetry
package import Time

/// Creating, reading and checking orders.
package struct OrderOperations: Sendable {
    /// How long the creating call waits for YooKassa before it answers `creating`.
    static let creationPatience = Duration.milliseconds(2_500)
    /// How soon the same order may be checked again; in between the stored state is answered.
    static let checkPause = Duration.seconds(2)

    let configuration: PaymentsConfiguration
    let provider: YooKassaClient?
    let store: OrderStore
    let settlement: Settlement
    let metrics: PaymentsMetrics
    let clock: WallClock
    /// Has the worker look at due orders now.
    let wakeWorker: @Sendable () -> Void

    /// Rails that work now, and what may be paid in.
    package func options() -> GetPaymentOptions.Output {
        GetPaymentOptions.Output(
            rails: provider.map { $0.areCredentialsRejected ? [] : [.yookassa] } ?? [],
            amountsKopecks: configuration.amounts,
            minimumKopecks: configuration.range.lowerBound,
            maximumKopecks: configuration.range.upperBound
        )
    }

    package func get(_ id: OrderID) async throws -> Order {
        guard let order = try await store.order(id) else { throw Problem(.orderNotFound) }
        return order.contract
    }

    // MARK: Create

    /// Stores the order with the exact request for the provider, then makes the first call.
    ///
    /// A repeat answers with the order as it is now: `creating` would be of no use once the buyer can pay.
    package func create(_ input: CreateOrder.Input, _ call: Call<CreateOrder>) async throws -> Answer<Order> {
        if let known = try await known(input, call) { return .replayed(try answer(known)) }
        let (provider, shop) = try check(input)
        let now = clock.now
        let request = PaymentRequest(
            orderID: input.orderID,
            userID: input.userID,
            amountKopecks: input.amountKopecks,
            description: input.description,
            returnURL: shop.returnURL,
            receipt: shop.receipt
        )
        let new = OrderStore.New(
            input: input,
            callKey: call.idempotencyKey,
            fingerprint: call.fingerprint,
            providerKey: request.key,
            providerBody: try ContractJSON.encode(request.body),
            createdAt: now,
            expiresAt: now + FollowUp.timeToPay,
            leaseEnd: now + FollowUp.lease
        )
        guard let order = try await store.insert(new) else {
            guard let known = try await known(input, call) else { throw Problem(.inProgress) }
            return .replayed(try answer(known))
        }
        metrics.orders.increment(order.rail.rawValue, order.state.rawValue)
        return .fresh(try await firstCall(order, provider, call.deadline))
    }

    private func check(_ input: CreateOrder.Input) throws -> (YooKassaClient, PaymentsConfiguration.Shop) {
        guard input.userID > 0 else { throw Problem(.malformedRequest, "user_id must be positive") }
        guard (1...128).contains(input.description.count) else {
            throw Problem(.malformedRequest, "description must have 1 to 128 characters")
        }
        guard configuration.range.contains(input.amountKopecks) else {
            throw Problem(
                .amountOutOfRange,
                members: [
                    "minimum_kopecks": .integer(configuration.range.lowerBound),
                    "maximum_kopecks": .integer(configuration.range.upperBound),
                ]
            )
        }
        guard input.rail == .yookassa, let provider, let shop = configuration.shop, !provider.areCredentialsRejected
        else { throw Problem(.paymentMethodUnavailable) }
        return (provider, shop)
    }

    /// The order that this call, or another with the same order id, has made.
    private func known(_ input: CreateOrder.Input, _ call: Call<CreateOrder>) async throws -> StoredOrder? {
        if let order = try await store.order(callKey: call.idempotencyKey) {
            guard order.fingerprint == call.fingerprint else { throw Problem(.idempotencyMismatch) }
            return order
        }
        guard let order = try await store.order(input.orderID) else { return nil }
        guard order.fingerprint == call.fingerprint else {
            throw Problem(.idempotencyMismatch, "the order exists with other content")
        }
        return order
    }

    /// An order whose creation the provider has refused is refused again.
    private func answer(_ order: StoredOrder) throws -> Order {
        if order.state == .canceled, order.paymentID == nil, order.cancelReason == Self.refusedReason {
            throw Problem(.paymentMethodUnavailable)
        }
        return order.contract
    }

    private static let refusedReason = "refused_by_provider"

    private func firstCall(_ order: StoredOrder, _ provider: YooKassaClient, _ deadline: Deadline) async throws -> Order
    {
        let timeout = min(Self.creationPatience, deadline.remaining - .milliseconds(300))
        let answer: ProviderAnswer =
            timeout > .zero
            ? await provider.create(key: order.providerKey, body: order.providerBody, timeout: timeout, .person)
            : .limited(retryAfter: nil)
        switch answer {
        case .object(let object):
            guard let reading = PaymentReading(object) else { break }
            if case .order(let order) = try await settlement.apply(reading, content: object, .inCreatingCall) {
                return order
            }
        case .refused, .credentialsRejected, .notFound:
            // Nothing has been created: this was the first call with the key.
            _ = try await settlement.abandon(order.orderID, .creationFailed, reason: Self.refusedReason)
            throw Problem(.paymentMethodUnavailable)
        case .limited(let hint), .unknown(_, let hint):
            let next = clock.now + FollowUp.creationDelay(attempt: 1, hint: hint)
            try await store.postpone(order, until: next)
            wakeWorker()
        }
        return try await get(order.orderID)
    }

    // MARK: Check

    /// Reads the payment from the provider now, unless that has just been done.
    ///
    /// A provider that can't be read is no error: the caller would repeat the question, with all that waits behind it.
    package func check(_ id: OrderID, deadline: Deadline) async throws -> Order {
        guard let order = try await store.order(id) else { throw Problem(.orderNotFound) }
        guard order.rail == .yookassa, let provider, let paymentID = order.paymentID,
            order.state == .pending || order.state == .canceled
        else { return order.contract }
        let now = clock.now
        guard try await store.beginReading(id, since: now - Self.checkPause, now: now) else {
            return try await get(id)
        }
        let timeout = min(Self.creationPatience, deadline.remaining - .milliseconds(300))
        guard timeout > .zero, case .object(let object) = await provider.read(paymentID, timeout: timeout, .person),
            let reading = PaymentReading(object),
            case .order(let order) = try await settlement.apply(reading, content: object)
        else { return try await get(id) }
        return order
    }
}
