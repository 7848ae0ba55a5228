import Contracts
import Postgres
import ServiceKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import BillingService

@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerBatcherTests {
    private func item(_ key: String, _ user: UserID, _ action: LedgerAction) -> LedgerItem {
        LedgerItem(key: OperationKey(caller: "c", key: key), fingerprint: [1], userID: user, action: action)
    }

    private func credit(_ key: String, _ user: UserID, _ amount: Int64, reference: String) -> LedgerItem {
        item(
            key,
            user,
            .credit(CreditReference(source: .stars, reference: reference), amount: amount, orderID: nil, memo: "")
        )
    }

    private func hold(_ key: String, _ user: UserID, _ amount: Int64, id: HoldID = HoldID()) -> LedgerItem {
        let expiresAt = WallClock.system.now + .seconds(600)
        return item(key, user, .placeHold(id: id, amount: amount, expiresAt: expiresAt, memo: ""))
    }

    private func withBatcher<Value: Sendable>(
        _ limits: LedgerBatcher.Limits = .init(),
        _ body: @Sendable @escaping (LedgerBatcher) async throws -> Value
    ) async throws -> Value {
        let scratch = ScratchDatabase.current
        let batcher = LedgerBatcher(
            store: LedgerStore(database: scratch.database),
            limits: limits,
            metrics: BillingMetrics(scratch.metrics),
            log: scratch.log
        )
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try? await batcher.run()  // Ends by cancellation.
                return nil
            }
            let value = try await body(batcher)
            group.cancelAll()
            return value
        }
    }

    private func code(_ result: Result<Verdict, any Error>) -> ProblemCode? {
        if case .success(.fresh(.refused(let problem))) = result { problem.code } else { nil }
    }

    @Test func `an item that the database refuses does not fail the others of its group`() async throws {
        let scratch = ScratchDatabase.current
        try await withBatcher { batcher in
            // Bytes that PostgreSQL takes for no text; checks of the API keep them out.
            var broken = hold("broken\u{0}", 1, 1)
            broken.key.key = "broken\u{0}"
            let group = [credit("a", 1, 100, reference: "a"), broken, hold("b", 1, 60), hold("c", 1, 60)]
            let results = try await batcher.submit(group, deadline: .after(.seconds(20)))
            #expect(results.count == 4)
            #expect((try? results[0].get()) != nil)
            #expect((try? results[1].get()) == nil)
            #expect((try? results[2].get()) != nil)
            #expect(code(results[3]) == .insufficientFunds)
        }
        #expect(try await LedgerAudits(database: scratch.database).audit(within: .seconds(10)).finding.isSound)
    }

    @Test func `groups that come together are decided in their order`() async throws {
        try await withBatcher { batcher in
            _ = try await batcher.submit(credit("money", 1, 100, reference: "m"), deadline: .after(.seconds(20)))
            let granted = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    let items = (0..<10).map { hold("\(number)-\($0)", 1, 3) }
                    group.addTask {
                        let results = try await batcher.submit(items, deadline: .after(.seconds(20)))
                        let firstRefusal = results.firstIndex { code($0) == .insufficientFunds } ?? results.count
                        // Equal amounts: once one is refused, all later ones are.
                        let hasLaterGrant = results[firstRefusal...].contains { code($0) == nil }
                        #expect(!hasLaterGrant)
                        return firstRefusal
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(granted == 33)
        }
    }

    @Test func `a group that does not fit into the queue is refused as a whole`() async throws {
        let limits = LedgerBatcher.Limits(batchItems: 8, queuedItems: 4)
        try await withBatcher(limits) { batcher in
            let items = (0..<5).map { hold("\($0)", 1, 0) }
            do {
                _ = try await batcher.submit(items, deadline: .after(.seconds(20)))
                Issue.record("five items fit into a queue for four")
            } catch let problem as Problem {
                #expect(problem.code == .overloaded)
            }
            let rest = try await batcher.submit(Array(items.dropLast()), deadline: .after(.seconds(20)))
            #expect(rest.count == 4)
        }
    }
}
