internal import Contracts
internal import Telemetry
internal import Time

/// What an outbox tells about itself.
struct OutboxMetrics: Sendable {
    enum Outcome: String {
        /// A success that was stored.
        case accepted
        /// A final refusal that was stored.
        case refused
        /// The callee asked for a repeat.
        case again
        /// No answer.
        case unreachable
        /// The answer could not be stored or handled.
        case failed
    }

    private let sent: Counter
    private let seconds: Histogram
    private let waiting: Gauge
    private let oldest: Gauge

    init(_ metrics: Metrics) {
        self.sent = metrics.counter(
            "atelier_outbox_sent_total",
            "Tries to send a stored command by outcome: accepted, refused, again, unreachable, failed.",
            labels: ["target", "outcome"]
        )
        self.seconds = metrics.histogram(
            "atelier_outbox_delivery_seconds",
            "From storing a command to storing its answer.",
            labels: ["target"],
            buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]
        )
        self.waiting = metrics.gauge("atelier_outbox_waiting", "Stored commands without an answer.")
        self.oldest = metrics.gauge(
            "atelier_outbox_oldest_seconds",
            "How long the oldest stored command has waited for its answer."
        )
    }

    func sent(_ claimed: ClaimedCommand, _ outcome: Outcome) {
        let target = claimed.command.target.rawValue
        sent.increment(target, outcome.rawValue)
        guard outcome == .accepted || outcome == .refused else { return }
        // Two machines' clocks: a small negative age counts as none.
        seconds.observe(max(0, (WallClock.system.now - claimed.createdAt).inSeconds), target)
    }

    func backlog(_ backlog: (count: Int, oldestSeconds: Double)) {
        waiting.set(Double(backlog.count))
        oldest.set(backlog.oldestSeconds)
    }
}
