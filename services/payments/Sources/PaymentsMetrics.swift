package import Telemetry

/// What payments tells about itself. Label values come from closed enumerations.
package struct PaymentsMetrics: Sendable {
    /// Orders by the state they moved to: `atelier_payments_orders_total{rail,state}`.
    package let orders: Counter
    /// Stored webhooks by kind and outcome: `atelier_payments_events_total{kind,outcome}`.
    package let events: Counter
    /// Calls to YooKassa: `atelier_payments_provider_calls_total{call,outcome}`.
    package let calls: Counter
    package let callSeconds: Histogram
    /// Payments that fit no order: `atelier_payments_strays_total{reason}`. Somebody should look at each.
    package let strays: Counter
    package let creditedKopecks: Counter
    /// Credits and facts that their receiver refused for good: `atelier_payments_refused_total{target}`.
    package let refused: Counter
    /// Payments that only the reconciliation found: webhook and sweep had missed them.
    package let reconciled: Counter
    /// From the order's creation to the credit.
    package let creditSeconds: Histogram
    /// How far billing's ledger is off our orders, in kopecks; 0 when all is well.
    package let ledgerDifference: Gauge

    package init(_ metrics: Metrics) {
        orders = metrics.counter(
            "atelier_payments_orders_total",
            "Orders by the state that they moved to.",
            labels: ["rail", "state"]
        )
        events = metrics.counter(
            "atelier_payments_events_total",
            "Webhooks that were handled, by kind and outcome.",
            labels: ["kind", "outcome"]
        )
        calls = metrics.counter(
            "atelier_payments_provider_calls_total",
            "Calls to YooKassa by outcome.",
            labels: ["call", "outcome"]
        )
        callSeconds = metrics.histogram(
            "atelier_payments_provider_seconds",
            "Time that calls to YooKassa took, without waiting for a slot.",
            labels: ["call"]
        )
        strays = metrics.counter(
            "atelier_payments_strays_total",
            "Payments and notices that fit no order.",
            labels: ["reason"]
        )
        creditedKopecks = metrics.counter("atelier_payments_credited_kopecks_total", "Kopecks credited to users.")
        refused = metrics.counter(
            "atelier_payments_refused_total",
            "Credits and facts that their receiver refused for good.",
            labels: ["target"]
        )
        reconciled = metrics.counter(
            "atelier_payments_reconciled_total",
            "Payments that only the comparison with YooKassa's list found."
        )
        ledgerDifference = metrics.gauge(
            "atelier_payments_ledger_difference_kopecks",
            "Billing's credits from YooKassa beyond (or below) what orders explain; compared with the provider's list."
        )
        creditSeconds = metrics.histogram(
            "atelier_payments_credit_seconds",
            "From creating an order to crediting it.",
            buckets: [5, 10, 20, 40, 60, 120, 300, 600, 1_800, 3_600, 7_200, 86_400]
        )
    }
}

extension LogKey {
    static let rail = LogKey(rawValue: "payment.rail")
    static let paymentID = LogKey(rawValue: "payment.id")
    static let providerError = LogKey(rawValue: "provider.error.id")
    static let providerCode = LogKey(rawValue: "provider.error.code")
    static let providerParameter = LogKey(rawValue: "provider.error.parameter")
}
