internal import Telemetry
internal import Time

/// What a pool tells about itself. Every metric has the label `pool`; the series are looked up once, here.
///
/// A class, because every call carries it and a copy of the series would be counted one by one.
final class DatabaseMetrics: Sendable {
    private let idle: BoundGauge
    private let busy: BoundGauge
    private let opening: BoundGauge
    private let waiting: BoundGauge
    private let acquireSeconds: BoundHistogram
    private let answeredSeconds: BoundHistogram
    private let rejectedSeconds: BoundHistogram
    private let failedSeconds: BoundHistogram
    private let opened: BoundCounter
    private let failedToOpen: BoundCounter
    private let repeats: Counter
    private let cancels: BoundCounter
    private let unknownCommits: BoundCounter
    private let pool: String

    init(_ metrics: Metrics, pool: String) {
        let connections = metrics.gauge(
            "atelier_database_connections",
            "Sessions with PostgreSQL by state: idle, busy, opening.",
            labels: ["pool", "state"]
        )
        idle = connections.bound(pool, "idle")
        busy = connections.bound(pool, "busy")
        opening = connections.bound(pool, "opening")
        waiting = metrics.gauge(
            "atelier_database_waiting",
            "Callers that wait for a database connection.",
            labels: ["pool"]
        ).bound(pool)
        acquireSeconds = metrics.histogram(
            "atelier_database_acquire_seconds",
            "How long callers waited for a database connection.",
            labels: ["pool"]
        ).bound(pool)
        let queries = metrics.histogram(
            "atelier_database_query_seconds",
            "Round trips to PostgreSQL by outcome: ok, rejected (the server refused), failed (no answer).",
            labels: ["pool", "outcome"]
        )
        answeredSeconds = queries.bound(pool, "ok")
        rejectedSeconds = queries.bound(pool, "rejected")
        failedSeconds = queries.bound(pool, "failed")
        let connects = metrics.counter(
            "atelier_database_connects_total",
            "Attempts to open a connection by outcome: ok, failed.",
            labels: ["pool", "outcome"]
        )
        opened = connects.bound(pool, "ok")
        failedToOpen = connects.bound(pool, "failed")
        repeats = metrics.counter(
            "atelier_database_repeats_total",
            "Transactions run again by reason: serialization, deadlock, connection_lost, unknown_commit.",
            labels: ["pool", "reason"]
        )
        cancels = metrics.counter(
            "atelier_database_abandoned_total",
            "Statements given up at their deadline or because their caller was gone.",
            labels: ["pool"]
        ).bound(pool)
        unknownCommits = metrics.counter(
            "atelier_database_unknown_commits_total",
            "Commits whose answer was lost.",
            labels: ["pool"]
        ).bound(pool)
        self.pool = pool
    }

    func update(_ state: PoolState) {
        idle.set(Double(state.idle.count))
        busy.set(Double(state.leased.count))
        opening.set(Double(state.opening))
        waiting.set(Double(state.waitingCount))
    }

    func acquired(after nanoseconds: UInt64) {
        acquireSeconds.observe(Double(nanoseconds) * 1e-9)
    }

    func answered<Value>(_ result: Result<Value, PostgresError>, since start: UInt64) {
        let seconds = Double(Deadline.monotonicNow() - start) * 1e-9
        switch result {
        case .success: answeredSeconds.observe(seconds)
        case .failure(let error):
            (error.sqlState.isEmpty ? failedSeconds : rejectedSeconds).observe(seconds)
            switch error.code {
            case .deadlineExceeded, .cancelled: cancels.add()
            case .unknownCommit: unknownCommits.add()
            default: break
            }
        }
    }

    func repeated(_ reason: Repetition) {
        repeats.increment(pool, reason.rawValue)
    }

    func opened(_ isOpen: Bool) {
        (isOpen ? opened : failedToOpen).add()
    }
}
