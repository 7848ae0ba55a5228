internal import EventLoop
internal import Lifecycle
internal import Time

/// Keeps this instance's figures about models fresh: they are read often and computed seldom, by whichever instance finds
/// them too old.
final class StatisticsKeeper: Worker {
    let name = "statistics.keep"
    private let tools: Toolbox
    private let loop: EventLoop
    private static let rhythm = Duration.seconds(30)
    private static let window = Duration.seconds(7 * 86_400)

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        while !Task.isCancelled {
            try await tools.statistics.refresh(olderThan: tools.configuration.statisticsAge, window: Self.window)
            tools.models.measure(try await tools.statistics.read())
            try await loop.sleep(for: min(Self.rhythm, tools.configuration.statisticsAge))
        }
    }
}
