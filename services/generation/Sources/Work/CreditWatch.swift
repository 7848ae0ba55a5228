internal import EventLoop
internal import Lifecycle
internal import Telemetry
internal import Time

/// Watches the provider's credit: when it is used up, every run fails.
final class CreditWatch: Worker {
    let name = "credit.watch"
    private let tools: Toolbox
    private let loop: EventLoop
    private static let rhythm = Duration.seconds(60)

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        while !Task.isCancelled {
            var lowest: Double?
            for name in tools.configuration.kieKeys.names {
                guard let credits = await tools.kie.credits(key: name) else { continue }
                lowest = min(lowest ?? credits, credits)
                if credits < Double(tools.configuration.lowCredits) {
                    tools.log.error(
                        "provider credit is low",
                        [.providerKey: .string(name), .count: .int(Int(credits))]
                    )
                }
            }
            // An account that does not answer says nothing about its credit; the last figure stays.
            if let lowest { tools.metrics.providerCredits.set(lowest) }
            try await loop.sleep(for: Self.rhythm)
        }
    }
}
