internal import Telemetry
internal import Time

/// The service's own instruments.
struct GenerationMetrics: Sendable {
    let jobs: Gauge
    let due: Gauge
    let lag: Gauge
    let settleLag: Gauge
    let unreported: Gauge
    let attempts: Counter
    let providerCalls: Histogram
    let resultSeconds: Histogram
    let callbacks: Counter
    let lostLeases: Counter
    let ended: Counter
    let givenAway: Counter
    let storedBytes: Counter
    let costDifferences: Counter
    let workingJobs: Gauge
    let providerKeys: Gauge
    let models: Gauge
    let refusedFiles: Gauge
    let catalogueReloads: Counter
    let lateResults: Counter
    let salesStops: Counter
    let providerCredits: Gauge
    let drift: Gauge
    let removedAssets: Counter
    let waitingRemovals: Gauge

    init(_ metrics: Metrics) {
        jobs = metrics.gauge(
            "atelier_generation_jobs",
            "Jobs that are open.",
            labels: ["step", "output"]
        )
        due = metrics.gauge("atelier_generation_queue_depth", "Jobs that are due and that nobody works on.")
        lag = metrics.gauge("atelier_generation_queue_lag_seconds", "How long the oldest of them has been due.")
        settleLag = metrics.gauge(
            "atelier_generation_settle_lag_seconds",
            "Age of the oldest verdict that is not settled yet."
        )
        unreported = metrics.gauge(
            "atelier_generation_unreported_jobs",
            "Ended jobs of which conversation has not been told yet."
        )
        attempts = metrics.counter(
            "atelier_generation_attempts_total",
            "Submissions that came to an end.",
            labels: ["output", "outcome"]
        )
        providerCalls = metrics.histogram(
            "atelier_generation_provider_call_seconds",
            "Time that calls to the provider took.",
            labels: ["call", "outcome"]
        )
        resultSeconds = metrics.histogram(
            "atelier_generation_result_seconds",
            "Time from a job's creation to its stored result.",
            labels: ["output"],
            buckets: .jobSeconds
        )
        callbacks = metrics.counter(
            "atelier_generation_callbacks_total",
            "Callbacks by what they were about.",
            labels: ["match"]
        )
        lostLeases = metrics.counter(
            "atelier_generation_lost_leases_total",
            "Steps that did not count because the job had moved on."
        )
        ended = metrics.counter("atelier_generation_ended_jobs_total", "Jobs that ended.", labels: ["output", "end"])
        givenAway = metrics.counter(
            "atelier_generation_given_away_total",
            "Results delivered free because the hold had ended."
        )
        storedBytes = metrics.counter("atelier_generation_stored_bytes_total", "Bytes written to the asset store.")
        costDifferences = metrics.counter(
            "atelier_generation_cost_differences_total",
            "Runs for which the provider took other than the price table says.",
            labels: ["model"]
        )
        providerKeys = metrics.gauge(
            "atelier_generation_provider_keys",
            "Configured provider keys by whether they can be used now.",
            labels: ["state"]
        )
        workingJobs = metrics.gauge("atelier_generation_working_jobs", "Jobs that this instance works on now.")
        models = metrics.gauge(
            "atelier_generation_models",
            "Models of the catalogue by whether they are sold, or why not.",
            labels: ["state"]
        )
        refusedFiles = metrics.gauge(
            "atelier_generation_refused_model_files",
            "Model files that are refused; their old models stay on sale."
        )
        catalogueReloads = metrics.counter(
            "atelier_generation_catalogue_reloads_total",
            "Changes of model files that were taken up."
        )
        salesStops = metrics.counter(
            "atelier_generation_sales_stops_total",
            "Rows of price tables that went out of sale because their cost passes their price."
        )
        providerCredits = metrics.gauge(
            "atelier_generation_provider_credits",
            "The lowest credit among the provider's keys."
        )
        drift = metrics.gauge(
            "atelier_generation_drift",
            "Models about which the provider says other than what was approved, by what differs.",
            labels: ["kind"]
        )
        removedAssets = metrics.counter(
            "atelier_generation_removed_assets_total",
            "Files that were let go, by why: expired, erased on their user's wish.",
            labels: ["reason"]
        )
        waitingRemovals = metrics.gauge(
            "atelier_generation_waiting_removals",
            "Files whose bytes the asset store has not removed yet."
        )
        lateResults = metrics.counter(
            "atelier_generation_late_results_total",
            "Results that took longer than their model promises.",
            labels: ["output"]
        )
    }
}

/// Whether a provider key can be used, as metrics tell it.
enum KeyState: String, Sendable, CaseIterable {
    case ready
    /// Its account rests, after 429 or for want of credits.
    case accountResting = "account_resting"
    /// The provider refused it; the operator must look.
    case refused
    /// Has spent what it may today.
    case capped

    init(_ key: KeyBook, _ account: SlotBook?, now: Timestamp) {
        if let until = key.pausedUntil, until > now {
            self = .refused
        } else if key.isCapped {
            self = .capped
        } else {
            self = account?.pausedUntil.map { $0 > now } ?? false ? .accountResting : .ready
        }
    }
}

extension LogKey {
    static let attemptID = LogKey(rawValue: "attempt.id")
    static let model = LogKey(rawValue: "model")
    static let providerKey = LogKey(rawValue: "provider.key")
    static let failureClass = LogKey(rawValue: "failure.class")
    static let failureCode = LogKey(rawValue: "failure.code")
    static let assetID = LogKey(rawValue: "asset.id")
}
