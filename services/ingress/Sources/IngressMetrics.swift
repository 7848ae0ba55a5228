internal import Contracts
internal import Telemetry

/// Every metric that ingress adds to the standard ones.
struct IngressMetrics: Sendable {
    let received: Counter
    /// The two outcomes of nearly every webhook.
    let storedUpdates: BoundCounter
    let duplicateUpdates: BoundCounter
    let commits: Counter
    let commitSeconds: Histogram
    let batchEvents: Histogram
    let dispatched: Counter
    let dispatchCalls: Counter
    let dispatchSeconds: Histogram
    let ownedSlots: Gauge
    let notices: Counter
    let conversationAway: Gauge
    let deadLetters: Gauge
    let dispatchLag: Gauge
    let callbackErrors: Counter
    let files: Counter
    let fileBytes: Counter

    init(_ metrics: Metrics) {
        received = metrics.counter(
            "atelier_ingress_webhooks_total",
            "Webhooks by source and what became of them: stored, duplicate, malformed, truncated, refused, shed, unavailable.",
            labels: ["source", "outcome"]
        )
        storedUpdates = received.bound("telegram", "stored")
        duplicateUpdates = received.bound("telegram", "duplicate")
        commits = metrics.counter(
            "atelier_ingress_commits_total",
            "Group commits by outcome.",
            labels: ["outcome"]
        )
        commitSeconds = metrics.histogram("atelier_ingress_commit_seconds", "Time of a group commit.")
        batchEvents = metrics.histogram(
            "atelier_ingress_commit_events",
            "Arrivals in a group commit.",
            buckets: .batchSizes
        )
        dispatched = metrics.counter(
            "atelier_ingress_dispatched_total",
            "Verdicts on events by consumer: ok, retry, dead.",
            labels: ["consumer", "verdict"]
        )
        dispatchCalls = metrics.counter(
            "atelier_ingress_dispatch_failures_total",
            "Calls to consumers that brought no verdicts.",
            labels: ["consumer", "reason"]
        )
        dispatchSeconds = metrics.histogram(
            "atelier_ingress_dispatch_seconds",
            "From the webhook to the consumer's ok.",
            labels: ["consumer"]
        )
        ownedSlots = metrics.gauge("atelier_ingress_owned_slots", "Slots that this instance dispatches, of 64.")
        notices = metrics.counter("atelier_ingress_passive_notices_total", "Passive notices sent in webhook answers.")
        conversationAway = metrics.gauge(
            "atelier_ingress_conversation_away",
            "1 while conversation can't take updates and persons are told to wait, else 0."
        )
        deadLetters = metrics.gauge("atelier_ingress_dead_letters", "Dead letters that wait for a replay.")
        dispatchLag = metrics.gauge(
            "atelier_ingress_dispatch_lag_seconds",
            "Age of the oldest event in memory that its consumer has not handled yet.",
            labels: ["consumer"]
        )
        callbackErrors = metrics.counter(
            "atelier_ingress_callback_errors_total",
            "Callbacks of KIE that were answered 401 or 503, by status.",
            labels: ["status"]
        )
        files = metrics.counter(
            "atelier_ingress_files_total",
            "Downloads by what became of them: served, asked, not_modified, left, broken, or why they were refused.",
            labels: ["outcome"]
        )
        fileBytes = metrics.counter("atelier_ingress_file_bytes_total", "Bytes of downloads that were served whole.")
    }

    /// Gauges that are read when scraped.
    func observe(_ metrics: Metrics, commit: CommitEvents, dispatch: Dispatch, seats: FileSeats) {
        metrics.gauge("atelier_ingress_file_streams", "Downloads under way.") { Double(seats.streams) }
        metrics.gauge("atelier_ingress_commit_waiting", "Arrivals that wait for a commit.") {
            Double(commit.waitingCount)
        }
        metrics.gauge("atelier_ingress_events_waiting", "Events in memory that are not handled yet.") {
            Double(dispatch.eventCount)
        }
        metrics.gauge(
            "atelier_ingress_groups_behind",
            "Groups of lanes (a slot's for one consumer, of 192) that are read from the table."
        ) { Double(dispatch.groupsBehind) }
    }
}
