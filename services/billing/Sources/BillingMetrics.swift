import Telemetry
import Time

/// What the ledger tells about itself.
struct BillingMetrics: Sendable {
    private let verdicts: Counter
    private let items: Histogram
    private let seconds: Histogram
    private let queue: Gauge
    private let imbalance: Gauge
    private let broken: Gauge
    private let brokenSeals: Gauge
    private let seals: Gauge
    private let sealLag: Gauge

    init(_ metrics: Metrics) {
        self.verdicts = metrics.counter(
            "atelier_billing_verdicts_total",
            "Decided operations by kind and verdict: ok, replayed, mismatch or a problem code.",
            labels: ["operation", "verdict"]
        )
        self.items = metrics.histogram(
            "atelier_billing_batch_items",
            "Operations in one batch.",
            buckets: .batchSizes
        )
        self.seconds = metrics.histogram(
            "atelier_billing_commit_seconds",
            "From the start of a batch to its commit, by outcome: ok, failed.",
            labels: ["outcome"]
        )
        self.queue = metrics.gauge("atelier_billing_queue_items", "Operations that wait for a batch.")
        self.imbalance = metrics.gauge(
            "atelier_billing_imbalance_kopecks",
            "Sum of all entries at the last audit; anything but 0 is an alarm."
        )
        self.broken = metrics.gauge(
            "atelier_billing_broken_accounts",
            "Accounts whose sums differ from their entries at the last round of audits; anything but 0 is an alarm."
        )
        self.brokenSeals = metrics.gauge(
            "atelier_billing_broken_seals",
            "Links of the hash chain that don't match at the last round of audits; anything but 0 is an alarm."
        )
        self.seals = metrics.gauge("atelier_billing_seals", "Number of the newest seal of the hash chain.")
        self.sealLag = metrics.gauge(
            "atelier_billing_seal_lag_seconds",
            "Age of the oldest entry of the newest seal when it was sealed; above 1 the sealer is too slow."
        )
    }

    func decided(_ kind: OperationKind, _ verdict: Verdict) {
        let label =
            switch verdict {
            case .fresh(let answer): answer.verdict
            case .replayed: "replayed"
            case .mismatch: "mismatch"
            }
        verdicts.increment(kind.rawValue, label)
    }

    func flew(_ count: Int, since started: UInt64, _ outcome: String) {
        items.observe(Double(count))
        seconds.observe(Double(Deadline.monotonicNow() - started) * 1e-9, outcome)
    }

    func queued(_ count: Int) {
        queue.set(Double(count))
    }

    func audited(_ finding: LedgerAuditor.Finding) {
        imbalance.set(Double(finding.sumKopecks))
        broken.set(Double(finding.brokenAccounts))
        brokenSeals.set(Double(finding.brokenSeals))
    }

    func sealed(number: Int64) {
        seals.set(Double(number))
    }

    func sealed(lag: Duration) {
        sealLag.set(lag.inSeconds)
    }
}
