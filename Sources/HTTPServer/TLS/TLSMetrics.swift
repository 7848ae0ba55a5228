internal import Telemetry

/// What a listener with TLS counts.
///
/// `atelier_tls_handshakes_total{listener,outcome}`, `atelier_tls_reloads_total{listener,outcome}`,
/// `atelier_tls_certificate_seconds_left{listener}`.
struct TLSMetrics: Sendable {
    private let listener: String
    private let handshakes: Counter
    private let reloads: Counter
    private let secondsLeft: BoundGauge

    init(_ metrics: Metrics, listener: String) {
        self.listener = listener
        handshakes = metrics.counter(
            "atelier_tls_handshakes_total",
            "TLS handshakes by outcome: full, resumed, failed, too_slow.",
            labels: ["listener", "outcome"]
        )
        reloads = metrics.counter(
            "atelier_tls_reloads_total",
            "Certificates read again by outcome: ok, failed.",
            labels: ["listener", "outcome"]
        )
        secondsLeft = metrics.gauge(
            "atelier_tls_certificate_seconds_left",
            "Time until the first certificate of the listener ends.",
            labels: ["listener"]
        ).bound(listener)
    }

    func handshake(_ outcome: String) {
        handshakes.add(1, listener, outcome)
    }

    func reloaded(_ outcome: String) {
        reloads.add(1, listener, outcome)
    }

    func certificate(secondsLeft seconds: Int) {
        secondsLeft.set(Double(seconds))
    }
}
