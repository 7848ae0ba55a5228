internal import EventLoop
internal import Lifecycle
internal import ServiceKit
internal import Synchronization
internal import Telemetry

/// Knows within two seconds that conversation can't take updates, also while nobody writes and also if it hangs: asks its
/// readiness, and believes in an absence when two questions in a row were not answered with yes.
final class WatchConversation: Worker {
    let name = "conversation.watch"
    /// 0.4 + 0.6 + 0.1 + 0.6 s: the longest way from the absence to its discovery.
    private static let tick = Duration.milliseconds(400)
    private static let patience = Duration.milliseconds(600)
    private static let pause = Duration.milliseconds(100)

    private let conversation: InternalClient
    private let notices: NoticeStore
    private let loop: EventLoop
    private let metrics: IngressMetrics
    private let log: Log
    private let away = Atomic(false)

    init(
        conversation: InternalClient,
        notices: NoticeStore,
        loop: EventLoop,
        metrics: IngressMetrics,
        log: Log
    ) {
        self.conversation = conversation
        self.notices = notices
        self.loop = loop
        self.metrics = metrics
        self.log = log
    }

    /// Whether persons should be told to wait.
    var isAway: Bool { away.load(ordering: .relaxed) }

    func run() async throws {
        defer { set(false) }
        while !Task.isCancelled {
            var isThere = await conversation.isReady(within: Self.patience)
            if !isThere {
                try await loop.sleep(for: Self.pause)
                isThere = await conversation.isReady(within: Self.patience)
            }
            if isThere && isAway { try await notices.tidy() }
            set(!isThere)
            try await loop.sleep(for: Self.tick)
        }
    }

    private func set(_ isAway: Bool) {
        metrics.conversationAway.set(isAway ? 1 : 0)
        guard away.exchange(isAway, ordering: .relaxed) != isAway else { return }
        log.info(isAway ? "conversation is away, persons are told" : "conversation is back")
    }
}
