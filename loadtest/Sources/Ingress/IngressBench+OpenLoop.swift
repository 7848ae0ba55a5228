internal import EventLoop
internal import LoadtestKit

extension IngressBench {
    /// 5,000 unique updates a second; every one of them is in the table afterwards, and has been handled.
    mutating func measureOpenLoop(_ test: IngressUnderTest) async throws {
        let before = try await test.rows()
        let handledBefore = try await handled(test, least: before)
        var results: [PostResult] = []
        for _ in 0..<rounds {
            let load = OpenLoop(
                port: test.port,
                secret: test.secret,
                perSecond: 5_000,
                seconds: max(seconds, 10),
                firstID: nextID,
                loop: loop
            )
            nextID += 10_000_000
            results.append(try await load.run())
        }
        let rows = try await test.rows() - before
        let (p50, p99) = (
            results.map { $0.latencies.milliseconds(0.5) }.median,
            results.map { $0.latencies.milliseconds(0.99) }.median
        )
        table.append([
            "ingress, open loop", "-", "5000", Bench.format(p50), Bench.format(p99), "-", "-", "-", "-",
            "\(rows / rounds)",
        ])
        bench.require("open_loop_p99_ms", p99, .atMost(5))
        bench.require("open_loop_refused", Double(results.map(\.refused).reduce(0, +)), .equal(0))
        let acknowledged = results.map(\.acknowledged).reduce(0, +)
        bench.require("open_loop_rows_without_200", Double(rows - acknowledged), .equal(0))
        let handled = try await handled(test, least: handledBefore.all + rows)
        let all = handled.all - handledBefore.all
        bench.require("open_loop_rows_not_handled", Double(rows - all), .equal(0))
        bench.require(
            "open_loop_handled_within_5_ms",
            Double(handled.soon - handledBefore.soon) / Double(all),
            .atLeast(0.5)
        )
    }

    /// Waits a moment for updates that are still on their way.
    private func handled(_ test: IngressUnderTest, least: Int) async throws -> (all: Int, soon: Int) {
        for _ in 1..<50 {
            let handled = try await test.handled()
            if handled.all >= least { return handled }
            try await loop.sleep(for: .milliseconds(100))
        }
        return try await test.handled()
    }
}
