package import Telemetry

/// What delivery counts.
package struct DeliveryMetrics: Sendable {
    let calls: Counter
    let callSeconds: Histogram
    let messages: Counter
    let messageSeconds: Histogram
    let floods: Counter
    let recovered: Counter
    let repeats: Counter
    let files: Counter
    let answersDropped: Counter
    let lanes: Gauge
    let waiting: Gauge
    let oldest: Gauge
    let blocked: Gauge

    package init(_ metrics: Metrics) {
        calls = metrics.counter(
            "atelier_delivery_telegram_calls_total",
            "Calls of the Bot API by method and answer.",
            labels: ["method", "outcome"]
        )
        callSeconds = metrics.histogram(
            "atelier_delivery_telegram_call_seconds",
            "Time that calls of the Bot API took.",
            labels: ["method"]
        )
        messages = metrics.counter(
            "atelier_delivery_messages_total",
            "Messages and revisions of cards that came to an end, by how.",
            labels: ["kind", "outcome"]
        )
        messageSeconds = metrics.histogram(
            "atelier_delivery_message_seconds",
            "Time from a message's arrival to its being in the chat.",
            labels: ["kind"],
            buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600]
        )
        floods = metrics.counter(
            "atelier_delivery_floods_total",
            "429 answers by whom they were taken to be about.",
            labels: ["scope"]
        )
        recovered = metrics.counter(
            "atelier_delivery_recovered_steps_total",
            "Calls that a dead process left under way, by step.",
            labels: ["step"]
        )
        repeats = metrics.counter(
            "atelier_delivery_repeated_sends_total",
            "Cards and texts in front of a medium that were sent again because no answer had come, by step.",
            labels: ["step"]
        )
        files = metrics.counter(
            "atelier_delivery_files_total",
            "Media sent, by where their bytes came from.",
            labels: ["source"]
        )
        answersDropped = metrics.counter(
            "atelier_delivery_callback_answers_dropped_total",
            "Callback answers that came too late or were too many.",
            labels: ["reason"]
        )
        lanes = metrics.gauge("atelier_delivery_lanes", "Chats that this instance is sending to.")
        waiting = metrics.gauge(
            "atelier_delivery_waiting_messages",
            "Messages and cards that wait, parked ones included."
        )
        oldest = metrics.gauge(
            "atelier_delivery_oldest_waiting_seconds",
            "Age of the oldest waiting message of a reachable chat."
        )
        blocked = metrics.gauge("atelier_delivery_blocked_chats", "Chats that can't be reached.")
    }
}
