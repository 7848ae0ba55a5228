internal import EventLoop
internal import LoadtestKit
internal import LocalSystem

/// The rows in PostgreSQL and ingress' own counts, before and after a row of a benchmark.
struct Books {
    private let test: IngressUnderTest
    private let rows: Int
    private let outcomes: [String: Int]

    init(_ test: IngressUnderTest) async throws {
        self.test = test
        rows = try await test.rows()
        outcomes = try await test.outcomes()
    }

    /// What was answered 200 as new is in the table once, and nothing else is; about one update in ten was a repeat.
    ///
    /// - Parameters:
    ///   - seen: Answers that the load generator has seen.
    ///   - unseen: How many it may have left without seeing. wrk goes without the answers to its last requests, one a
    ///     connection at most, so that the exact count of acknowledged ones is ingress' own.
    /// - Returns: The new rows.
    @discardableResult
    func check(seen: Int, unseen: Int) async throws -> Int {
        try await test.loop.sleep(for: .milliseconds(300))
        let after = try await test.outcomes()
        func grown(_ outcome: String) -> Int { after[outcome, default: 0] - outcomes[outcome, default: 0] }
        let rows = try await test.rows() - rows
        let acknowledged = grown("stored") + grown("duplicate")
        guard rows == grown("stored"), (0...unseen).contains(acknowledged - seen),
            grown("duplicate") > acknowledged / 12
        else {
            throw OperatorError(
                "The books differ: \(rows) rows, \(grown("stored")) stored, \(acknowledged - seen) unseen answers.",
                ""
            )
        }
        return rows
    }
}
