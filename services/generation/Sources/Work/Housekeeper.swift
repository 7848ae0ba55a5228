internal import EventLoop
internal import Jobs
internal import Lifecycle
internal import Telemetry
internal import Time

/// Reads the queue for metrics, keeps the keys' rows there, and sweeps old quotes.
final class Housekeeper: Worker {
    let name = "job.watch"
    private let tools: Toolbox
    private let loop: EventLoop
    /// Quotes are kept for a day after their end, so that late repeats of their call get the same answer.
    private static let quoteRetention = Duration.seconds(86_400)
    /// Rows at a time, so that a sweep holds no locks for long.
    private static let batch = 1_000

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        var round = 0
        while true {
            try await observe()
            if round % 12 == 0 { try await tools.keys.register() }
            if round % 60 == 0 { try await sweepQuotes() }
            if round % 60 == 30 { try await sweepPromptHelp() }
            round += 1
            try await loop.sleep(for: .seconds(5))
        }
    }

    private func sweepQuotes() async throws {
        while try await tools.quotes.sweep(olderThan: Self.quoteRetention, atMost: Self.batch) >= Self.batch {
            try Task.checkCancellation()
        }
    }

    private func sweepPromptHelp() async throws {
        while try await tools.promptHelp.sweep(olderThan: Self.quoteRetention * 2, atMost: Self.batch) >= Self.batch {
            try Task.checkCancellation()
        }
    }

    private func observe() async throws {
        let backlog = try await tools.jobs.backlog()
        let metrics = tools.metrics
        for step in JobStep.allCases {
            for output in ["image", "video", "audio"] {
                let count = backlog.counts.first { $0.step == step && $0.output == output }?.count ?? 0
                metrics.jobs.set(Double(count), step.rawValue, output)
            }
        }
        metrics.due.set(Double(backlog.due))
        metrics.lag.set(backlog.lag.inSeconds)
        metrics.settleLag.set(backlog.settleLag.inSeconds)
        metrics.unreported.set(Double(backlog.unreported))
        let (pool, now) = try await tools.keys.pool()
        for state in KeyState.allCases {
            let count = pool.keys.count { KeyState($0, pool.accounts[$0.account], now: now) == state }
            metrics.providerKeys.set(Double(count), state.rawValue)
        }
    }
}
