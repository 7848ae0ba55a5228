internal import Telemetry
internal import Time

/// What a pool tells about itself. Every metric has the label `pool`.
struct DatabaseMetrics: Sendable {
    private let pool: String
    private let connections: Gauge
    private let waiting: Gauge
    private let acquireSeconds: Histogram
    private let querySeconds: Histogram
    private let opened: Counter

    init(_ metrics: Metrics, pool: String) {
        self.pool = pool
        self.connections = metrics.gauge(
            "atelier_database_connections",
            "Sessions with PostgreSQL by state: idle, busy, opening.",
            labels: ["pool", "state"]
        )
        self.waiting = metrics.gauge(
            "atelier_database_waiting",
            "Callers that wait for a database connection.",
            labels: ["pool"]
        )
        self.acquireSeconds = metrics.histogram(
            "atelier_database_acquire_seconds",
            "How long callers waited for a database connection.",
            labels: ["pool"]
        )
        self.querySeconds = metrics.histogram(
            "atelier_database_query_seconds",
            "Round trips to PostgreSQL by outcome: ok, rejected (the server refused), failed (no answer).",
            labels: ["pool", "outcome"]
        )
        self.opened = metrics.counter(
            "atelier_database_connects_total",
            "Attempts to open a connection by outcome: ok, failed.",
            labels: ["pool", "outcome"]
        )
    }

    func update(_ state: PoolState) {
        connections.set(Double(state.idle.count), pool, "idle")
        connections.set(Double(state.leased.count), pool, "busy")
        connections.set(Double(state.opening), pool, "opening")
        waiting.set(Double(state.waitingCount), pool)
    }

    func acquired(since start: UInt64) {
        acquireSeconds.observe(Self.seconds(since: start), pool)
    }

    func answered<Value>(_ result: Result<Value, PostgresError>, since start: UInt64) {
        let outcome =
            switch result {
            case .success: "ok"
            case .failure(let error): error.sqlState.isEmpty ? "failed" : "rejected"
            }
        querySeconds.observe(Self.seconds(since: start), pool, outcome)
    }

    func opened(_ isOpen: Bool) {
        opened.add(1, pool, isOpen ? "ok" : "failed")
    }

    private static func seconds(since start: UInt64) -> Double {
        Double(Deadline.monotonicNow() - start) * 1e-9
    }
}
