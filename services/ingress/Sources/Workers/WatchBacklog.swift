internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import Telemetry
internal import Time

/// Measures what waits: how old the oldest undispatched event of each consumer is, and how many dead letters wait for a
/// person. The latter are counted in the table, so that every instance says the same.
final class WatchBacklog: Worker {
    let name = "events.watch"
    private static let tick = Duration.seconds(1)
    private static let ticksPerCount = 5

    private let dispatch: Dispatch
    private let queries: EventQueries
    private let metrics: IngressMetrics
    private let loop: EventLoop
    private let clock: WallClock

    init(dispatch: Dispatch, queries: EventQueries, metrics: IngressMetrics, loop: EventLoop, clock: WallClock) {
        self.dispatch = dispatch
        self.queries = queries
        self.metrics = metrics
        self.loop = loop
        self.clock = clock
    }

    func run() async throws {
        var ticks = 0
        while !Task.isCancelled {
            measureLag()
            // While the database is away the last count stands.
            if ticks % Self.ticksPerCount == 0, let count = try? await queries.deadLetters() {
                metrics.deadLetters.set(Double(count))
            }
            ticks += 1
            try await loop.sleep(for: Self.tick)
        }
    }

    private func measureLag() {
        let oldest = dispatch.oldestArrivals
        let now = clock.now
        for consumer in Consumer.allCases {
            let lag = oldest[consumer].map { max(now - $0, .zero) } ?? .zero
            metrics.dispatchLag.set(lag.inSeconds, consumer.rawValue)
        }
    }
}
