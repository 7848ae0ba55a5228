import Contracts
import Foundation
import Postgres
import ProofKit
import TestSupport
import Testing

@testable import BillingService

/// Many clients on few accounts over HTTP, on PostgreSQL; what they saw must have an order that explains it.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct ConcurrencyTests {
    private static let clients = 64
    private static let accounts: ClosedRange<UserID> = 1...5
    /// `RACE_CALLS` says how many calls each client makes.
    private static let calls = environment("RACE_CALLS").flatMap { Int($0) } ?? 25
    /// `RACE_SEED` repeats a run's choices, though not who comes first.
    private static let seed = environment("RACE_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)

    private static func environment(_ key: String) -> String? { ProcessInfo.processInfo.environment[key] }

    @Test func `each account is linearizable, sums are exact, and planted mistakes are found`() async throws {
        let race = try await TestService<BillingService>.run { service in
            var plan = Race.Plan(accounts: Self.accounts, seed: Self.seed)
            plan.clients = Self.clients
            let race = Race(plan, doors: [RaceDoor { service.client(as: $0) }])
            await race.run(callsPerClient: Self.calls)
            return race
        }
        let attempts = race.attempts
        let verdicts = race.verdicts
        print("ledger race: \(attempts.count) attempts, seed \(Self.seed), \(verdicts.sorted { $0.key < $1.key })")
        let missing = Self.wanted.subtracting(verdicts.keys)
        #expect(missing.isEmpty, "seed \(Self.seed): never answered \(missing)")
        let violations = race.history(of: attempts).violations()
        #expect(violations.isEmpty, "seed \(Self.seed): \(violations.joined(separator: "\n"))")
        try await LedgerBench().expectSound()
        for mistake in PlantedMistake.allCases {
            let (changed, account) = try #require(mistake.plant(in: attempts), "nowhere to plant: \(mistake)")
            let calls = race.history(of: changed).calls[account] ?? []
            guard case .violated = HistoryCheck.check(calls) else {
                Issue.record("seed \(Self.seed): \(mistake) is not noticed")
                continue
            }
        }
    }

    private static let wanted: Set = [
        "ok", "nothing", "mismatch", "insufficient_funds", "hold_not_found", "hold_already_charged",
        "hold_already_released", "hold_expired", "exceeds_hold", "account_frozen", "limit_exceeded",
        "idempotency_mismatch",
    ]
}
