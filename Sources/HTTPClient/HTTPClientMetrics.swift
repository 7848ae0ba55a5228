internal import Telemetry

/// What a client counts.
final class HTTPClientMetrics: Sendable {
    private let requests: Counter
    private let seconds: Histogram
    private let inFlight: Gauge
    private let connections: Gauge
    private let opens: Counter
    private let repeats: Counter
    /// Sockets that the event loop could not watch.
    let unwatchedSockets: Counter

    init(_ metrics: Metrics) {
        requests = metrics.counter(
            "atelier_http_client_requests_total",
            "Calls to other services and providers by peer and outcome (a status class or why there was no answer).",
            labels: ["peer", "outcome"]
        )
        seconds = metrics.histogram(
            "atelier_http_client_request_seconds",
            "Time from the call to its whole answer.",
            labels: ["peer"]
        )
        inFlight = metrics.gauge(
            "atelier_http_client_requests_in_flight",
            "Calls that wait for their answer, or for a connection."
        )
        connections = metrics.gauge(
            "atelier_http_client_connections",
            "Open outgoing connections, idle ones included."
        )
        opens = metrics.counter("atelier_http_client_connections_opened_total", "Outgoing connections begun.")
        repeats = metrics.counter(
            "atelier_http_client_repeats_total",
            "Requests sent again by the client itself, because they were marked as safe to repeat.",
            labels: ["peer"]
        )
        unwatchedSockets = metrics.counter(
            "atelier_http_client_unwatched_sockets_total",
            "Sockets that the event loop could not watch."
        )
    }

    func began() { inFlight.add(1) }

    func ended(peer: String, outcome: String, after duration: Double) {
        inFlight.add(-1)
        requests.increment(peer, outcome)
        seconds.observe(duration, peer)
    }

    func repeated(peer: String) { repeats.increment(peer) }

    func opened() {
        connections.add(1)
        opens.increment()
    }

    func closed() { connections.add(-1) }
}
