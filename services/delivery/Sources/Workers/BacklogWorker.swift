package import EventLoop
internal import Lifecycle
internal import Telemetry

/// Measures how much waits, for metrics; every ten seconds.
package struct BacklogWorker: Worker {
    package let name = "delivery.backlog"
    private let chats: ChatStore
    private let loop: EventLoop
    private let metrics: DeliveryMetrics

    package init(_ chats: ChatStore, loop: EventLoop, metrics: DeliveryMetrics) {
        self.chats = chats
        self.loop = loop
        self.metrics = metrics
    }

    package func run() async throws {
        while true {
            let backlog = try await chats.backlog()
            metrics.waiting.set(Double(backlog.queued))
            metrics.oldest.set(backlog.oldestSeconds)
            metrics.blocked.set(Double(backlog.blockedChats))
            try await loop.sleep(for: .seconds(10))
        }
    }
}
