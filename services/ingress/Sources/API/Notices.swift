internal import Concurrency
internal import Postgres
internal import Telemetry
internal import Time

/// Decides which webhook is answered with a passive notice.
final class Notices: Sendable {
    /// What a person does and then waits for the bot.
    private static let kinds: Set = ["message", "callback_query"]

    private let watch: WatchConversation
    private let store: NoticeStore
    private let clock: WallClock
    private let metrics: IngressMetrics
    private let log: Log
    private let memory = Locked(PassiveNotice())

    init(watch: WatchConversation, store: NoticeStore, clock: WallClock, metrics: IngressMetrics, log: Log) {
        self.watch = watch
        self.store = store
        self.clock = clock
        self.metrics = metrics
        self.log = log
    }

    /// Whether `body` has to be asked. Costs nothing while conversation is there.
    func mayBeDue(for outline: UpdateOutline) -> Bool {
        watch.isAway && outline.isPrivate && !outline.isPayment && Self.kinds.contains(outline.kind)
    }

    /// The body for the answer to a stored update; nil where none is due.
    func body(for outline: UpdateOutline, bot: String) async -> [UInt8]? {
        guard mayBeDue(for: outline), let id = outline.chatID else { return nil }
        let chat = PassiveNotice.Chat(bot: bot, id: id)
        guard memory.withLock({ $0.isDue(in: chat, now: clock.now) }) else { return nil }
        do {
            guard try await store.claim(chat) else { return nil }
        } catch {
            // The update is stored; a notice that may be one too many is not worth the risk.
            log.warning("a notice was not claimed", [.error: .describing(error.code)])
            return nil
        }
        metrics.notices.increment()
        return PassiveNotice.body(for: chat)
    }
}
