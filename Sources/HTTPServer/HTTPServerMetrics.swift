internal import HTTP
internal import Telemetry

/// What one listener counts.
///
/// `atelier_http_requests_total{listener,method,route,status}`, `atelier_http_request_seconds{listener,route}`,
/// `atelier_http_requests_in_flight{listener}`, `atelier_http_connections{listener}`,
/// `atelier_http_connections_total{listener}`, `atelier_http_refused_total{listener,reason}`,
/// `atelier_http_connections_closed_total{listener,reason}`, `atelier_http_throttled_total{listener,reason}`. Label values are closed sets: the template and not the path,
/// the status's class (`2xx`), `other` for methods that HTTP does not name.
final class HTTPServerMetrics: Sendable {
    let inFlight: BoundGauge
    let connections: BoundGauge
    let accepted: BoundCounter
    private let listener: String
    private let requests: Counter
    private let seconds: Histogram
    private let refused: Counter
    private let closed: Counter
    private let resets: Counter
    private let throttled: Counter
    /// By route number; the last one is the fallback's.
    private let routes: [RouteMetrics]

    init(_ metrics: Metrics, listener: String, table: RouteTable) {
        self.listener = listener
        requests = metrics.counter(
            "atelier_http_requests_total",
            "Requests answered.",
            labels: ["listener", "method", "route", "status"]
        )
        seconds = metrics.histogram(
            "atelier_http_request_seconds",
            "Time from a request's first byte to its answer.",
            labels: ["listener", "route"]
        )
        refused = metrics.counter(
            "atelier_http_refused_total",
            "Requests and connections refused without calling a handler.",
            labels: ["listener", "reason"]
        )
        closed = metrics.counter(
            "atelier_http_connections_closed_total",
            "Connections that the server gave up.",
            labels: ["listener", "reason"]
        )
        resets = metrics.counter(
            "atelier_http2_streams_reset_total",
            "HTTP/2 streams that the server reset.",
            labels: ["listener", "error"]
        )
        throttled = metrics.counter(
            "atelier_http_throttled_total",
            "Times that a connection had to wait because it asked for too much at once.",
            labels: ["listener", "reason"]
        )
        inFlight = metrics.gauge(
            "atelier_http_requests_in_flight",
            "Requests being handled.",
            labels: ["listener"]
        ).bound(listener)
        connections = metrics.gauge(
            "atelier_http_connections",
            "Open connections.",
            labels: ["listener"]
        ).bound(listener)
        accepted = metrics.counter(
            "atelier_http_connections_total",
            "Connections accepted.",
            labels: ["listener"]
        ).bound(listener)
        let templates = table.routes.map(\.template) + ["none"]
        routes = templates.map { [seconds] in RouteMetrics(template: $0, seconds: seconds.bound(listener, $0)) }
    }

    func answered(_ route: Route, method: HTTPMethod, status: Int, nanoseconds: UInt64) {
        let metrics = routes[min(route.number, routes.count - 1)]
        metrics.seconds.observe(Double(nanoseconds) * 1e-9)
        metrics.counter(method: method, statusClass: status / 100) { method, status in
            requests.bound(listener, method, metrics.template, status)
        }.add()
    }

    func refuse(_ reason: String) {
        refused.add(1, listener, reason)
    }

    /// - Parameter error: By its name in RFC 9113, section 7.
    func reset(_ error: String) {
        resets.add(1, listener, error)
    }

    func throttle(_ reason: ThrottleReason) {
        throttled.add(1, listener, reason.rawValue)
    }

    func close(_ reason: CloseReason) {
        closed.add(1, listener, reason.rawValue)
    }
}

/// Why a connection has to wait for a moment.
enum ThrottleReason: String {
    /// It has had as many answers in a row as others should wait for.
    case pipeliningDepth = "pipelining_depth"
    /// It sends ahead of its answers.
    case readAhead = "read_ahead"
    /// It does not take its answers.
    case output
}

/// Why the server gave a connection up.
enum CloseReason: String {
    case idle
    case writeDeadline = "write_deadline"
    case brokenBody = "broken_body"
    case peerGone = "peer_gone"
    case stopping
    case handlerTimeout = "handler_timeout"
    case requestLimit = "request_limit"
    case http2Resets = "http2_resets"
    case http2ControlFrames = "http2_control_frames"
    case http2HeaderBlock = "http2_header_block"
    case http2Protocol = "http2_protocol"
    case tlsHandshake = "tls_handshake"
}

/// The counters of one route, found by array index instead of label text. Loop thread only.
private final class RouteMetrics: @unchecked Sendable {
    // @unchecked: `counters` is touched on the loop's thread only, as whoever counts is there.
    let template: String
    let seconds: BoundHistogram
    private var counters: [BoundCounter?]

    private static let methods: [HTTPMethod] = [.get, .post, .put, .delete, .head, .patch, .options]

    init(template: String, seconds: BoundHistogram) {
        self.template = template
        self.seconds = seconds
        counters = Array(repeating: nil, count: (Self.methods.count + 1) * 6)
    }

    func counter(
        method: HTTPMethod,
        statusClass: Int,
        make: (_ method: String, _ status: String) -> BoundCounter
    ) -> BoundCounter {
        let row = Self.methods.firstIndex(of: method) ?? Self.methods.count
        let column = (1...5).contains(statusClass) ? statusClass : 0
        let index = row * 6 + column
        if let counter = counters[index] { return counter }
        let name = row < Self.methods.count ? method.rawValue : "other"
        let counter = make(name, column == 0 ? "other" : "\(column)xx")
        counters[index] = counter
        return counter
    }
}
