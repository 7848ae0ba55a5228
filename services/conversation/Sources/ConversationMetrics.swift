internal import Contracts
internal import Telemetry

/// Every metric of the service beside those of its clients and workers.
struct ConversationMetrics: Sendable {
    /// `answered`, `quiet`, `repeated`, `rejected`, `failed`.
    let updates: Counter
    let updateSeconds: Histogram
    /// Must stay 0: updates that ask for an answer and got nothing that a user can see.
    let unanswered: Counter
    let screens: Counter
    let facts: Counter
    let conflicts: Counter
    /// Sessions that could not be read.
    let resets: Counter
    /// Commands that were refused for good, e.g. a message that delivery finds invalid.
    let refusedCommands: Counter

    /// Kinds that Telegram has today (Bot API 10.3); others count as `other`.
    private static let kinds: Set<String> = [
        "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
        "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction",
        "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "shipping_query",
        "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member",
        "chat_join_request", "chat_boost", "removed_chat_boost", "managed_bot", "subscription",
        "stopped_message_generation", "none",
    ]

    init(_ metrics: Metrics) {
        updates = metrics.counter(
            "atelier_conversation_updates_total",
            "Updates handled.",
            labels: ["kind", "outcome"]
        )
        updateSeconds = metrics.histogram(
            "atelier_conversation_update_seconds",
            "From the hand-over of an update to its commit.",
            labels: ["kind"]
        )
        unanswered = metrics.counter(
            "atelier_conversation_unanswered_total",
            "Updates that should have been answered and were not.",
            labels: ["kind"]
        )
        screens = metrics.counter("atelier_conversation_screens_total", "Panels drawn.", labels: ["screen"])
        facts = metrics.counter("atelier_conversation_facts_total", "Facts reported.", labels: ["kind", "outcome"])
        conflicts = metrics.counter(
            "atelier_conversation_conflicts_total",
            "Turns decided anew because the session had changed."
        )
        resets = metrics.counter(
            "atelier_conversation_sessions_reset_total",
            "Sessions that could not be read and were begun anew."
        )
        refusedCommands = metrics.counter(
            "atelier_conversation_refused_commands_total",
            "Commands refused for good.",
            labels: ["target", "code"]
        )
    }

    func label(kind: String) -> String { Self.kinds.contains(kind) ? kind : "other" }

    func count(_ decision: Decision, for happening: Happening, toast: Toast?) {
        if let screen = decision.shown { screens.increment(screen) }
        guard case .update(let update) = happening, decision.outcome == .answered else { return }
        let isVisible = decision.commands.contains(where: \.isVisible) || toast?.text.isEmpty == false
        // A disabled button stops its spinner and does no more.
        if !isVisible, toast == nil { unanswered.increment(label(kind: update.kind)) }
    }
}
