package import Contracts
internal import Postgres
internal import ServiceKit
internal import Telemetry
package import Time

/// Handles stored webhooks: YooKassa's notifications and Telegram's payment updates.
///
/// An item is idempotent by its effect, so a repeat after a crash changes nothing. Nothing is dropped: what fits no
/// order is kept as a stray.
package struct EventOperations: Sendable {
    /// The longest that one item may take; Telegram waits 10 s for a pre-checkout answer in all.
    static let patience = Duration.seconds(4)

    let provider: YooKassaClient?
    let store: OrderStore
    let settlement: Settlement
    let delivery: InternalClient
    let metrics: PaymentsMetrics
    let log: Log
    let clock: WallClock

    /// Items are handled side by side: a slow provider must not delay a pre-checkout query.
    package func handle(_ batch: EventBatch, deadline: Deadline) async throws -> EventVerdicts {
        guard (1...64).contains(batch.events.count) else {
            throw Problem(.malformedRequest, "a batch has 1 to 64 events")
        }
        let deadline = min(Deadline.after(Self.patience), deadline)
        let verdicts = await withTaskGroup(of: (Int, EventVerdict).self) { group in
            for (index, event) in batch.events.enumerated() {
                group.addTask { (index, await verdict(event, deadline)) }
            }
            var verdicts: [Int: EventVerdict] = [:]
            for await (index, verdict) in group { verdicts[index] = verdict }
            return verdicts
        }
        return EventVerdicts(
            verdicts: batch.events.enumerated().map { index, event in
                verdicts[index] ?? EventVerdict(id: event.id, verdict: .retry, reason: "not handled")
            }
        )
    }

    private func verdict(_ event: Event, _ deadline: Deadline) async -> EventVerdict {
        let understood = PaymentEvent(event)
        let outcome: ItemOutcome
        do {
            outcome = try await handle(understood, event, deadline)
        } catch {
            // The database, most likely; the event stays with ingress and comes again.
            log.warning(
                "event not handled",
                [.eventID: .int(event.id), .error: .describing(error), .operation: .string(understood.label)]
            )
            outcome = .retry("storage", .milliseconds(500))
        }
        metrics.events.increment(understood.label, outcome.label)
        return outcome.verdict(event.id)
    }

    private func handle(_ understood: PaymentEvent, _ event: Event, _ deadline: Deadline) async throws -> ItemOutcome {
        switch understood {
        case .payment(let id, _): return try await payment(id, event, deadline)
        case .refund(let id): return try await refund(id, event)
        case .preCheckout(let query): return try await preCheckout(query, deadline)
        case .starsPaid(let payment): return try await starsPaid(payment, event)
        case .starsRefunded(let payment):
            try await settlement.keep(StrayPayment(payment, .refunded, event))
            return .ok("refund")
        case .other: return .ok("ignored")
        case .unreadable(let reason): return .reject(reason)
        }
    }

    // MARK: YooKassa

    private func payment(_ id: String, _ event: Event, _ deadline: Deadline) async throws -> ItemOutcome {
        guard let provider else { return .reject("no shop is configured") }
        let answer = await provider.read(id, timeout: max(deadline.remaining, .milliseconds(50)), .person)
        switch answer {
        case .object(let object):
            guard let reading = PaymentReading(object), reading.id == id else {
                return .retry("an answer without a payment", .seconds(5))
            }
            switch try await settlement.apply(reading, content: object) {
            case .order: return .ok("applied")
            case .stray: return .ok("stray")
            }
        case .notFound, .refused:
            // Not a payment of our shop, whatever the notification says.
            try await settlement.keep(
                StrayPayment(
                    rail: .yookassa,
                    reference: id,
                    reason: .unknownPayment,
                    amount: "",
                    currency: "",
                    content: event.body
                )
            )
            return .ok("unknown_payment")
        case .credentialsRejected: return .retry("yookassa rejects our credentials", .seconds(30))
        case .limited(let hint): return .retry("yookassa limits us", hint ?? .seconds(2))
        case .unknown(_, let hint): return .retry("yookassa does not answer", hint ?? .seconds(2))
        }
    }

    /// Kept by the refund's own id: a payment may go back in parts.
    private func refund(_ id: String, _ event: Event) async throws -> ItemOutcome {
        try await settlement.keep(
            StrayPayment(
                rail: .yookassa,
                reference: id,
                reason: .refunded,
                amount: "",
                currency: "",
                content: event.body
            )
        )
        return .ok("refund")
    }

    // MARK: Stars

    private func preCheckout(_ query: PreCheckout.Query, _ deadline: Deadline) async throws -> ItemOutcome {
        let order: StoredOrder? =
            if let id = OrderID(query.payload) { try await store.order(id) } else { nil }
        let refusal = PreCheckout.refusal(query, order?.invoice, now: clock.now)
        do throws(CallError) {
            _ = try await delivery.call(
                AnswerPreCheckout.self,
                .init(preCheckoutQueryID: query.id, refusal: refusal?.text(query.language)),
                key: "pre-checkout:\(query.id)",
                timeout: max(deadline.remaining, .milliseconds(50))
            )
        } catch {
            // Telegram has given up on the query, or soon will; the buyer was not charged.
            guard error.isRetryable else { return .ok("answer_refused") }
            return .retry("delivery does not answer", .milliseconds(300))
        }
        return .ok(refusal?.rawValue ?? "accepted")
    }

    private func starsPaid(_ payment: PaymentEvent.StarsPayment, _ event: Event) async throws -> ItemOutcome {
        let order: StoredOrder? =
            if let id = OrderID(payment.payload) { try await store.order(id) } else { nil }
        guard let order, order.rail == .stars, payment.currency == "XTR", payment.totalAmount == order.stars,
            payment.payer == order.userID, order.paymentID ?? payment.chargeID == payment.chargeID
        else {
            try await settlement.keep(StrayPayment(payment, .unexpectedStars, event))
            return .ok("stray")
        }
        // A second charge that came between the read and this step meets an order that is paid by another charge.
        guard let moved = try await settlement.starsPaid(order.orderID, chargeID: payment.chargeID),
            let after = try await store.order(moved.orderID), after.paymentID == payment.chargeID
        else {
            try await settlement.keep(StrayPayment(payment, .unexpectedStars, event))
            return .ok("stray")
        }
        return .ok("applied")
    }
}

/// What became of one item, with the label that is counted.
private enum ItemOutcome {
    case ok(String)
    case retry(String, Duration)
    case reject(String)

    var label: String {
        switch self {
        case .ok(let label): label
        case .retry: "retry"
        case .reject: "reject"
        }
    }

    func verdict(_ id: Int64) -> EventVerdict {
        switch self {
        case .ok: EventVerdict(id: id, verdict: .ok)
        case .retry(let reason, let after):
            EventVerdict(id: id, verdict: .retry, retryAfterMs: after.wholeMilliseconds, reason: reason)
        case .reject(let reason): EventVerdict(id: id, verdict: .reject, reason: reason)
        }
    }
}

extension PaymentEvent {
    /// For metrics.
    var label: String {
        switch self {
        case .payment: "payment"
        case .refund: "refund"
        case .preCheckout: "pre_checkout"
        case .starsPaid: "stars_paid"
        case .starsRefunded: "stars_refunded"
        case .other: "other"
        case .unreadable: "unreadable"
        }
    }
}

extension StrayPayment {
    fileprivate init(_ payment: PaymentEvent.StarsPayment, _ reason: Reason, _ event: Event) {
        self.init(
            rail: .stars,
            reference: payment.chargeID,
            reason: reason,
            userID: payment.payer,
            orderID: OrderID(payment.payload),
            amount: String(payment.totalAmount),
            currency: payment.currency,
            content: event.body
        )
    }
}

extension StoredOrder {
    fileprivate var invoice: PreCheckout.Invoice {
        PreCheckout.Invoice(payer: userID, rail: rail, state: state, stars: stars, expiresAt: expiresAt)
    }
}
