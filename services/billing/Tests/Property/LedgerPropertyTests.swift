import Foundation
import Testing

@testable import BillingService

/// Random calls against the reference: a fresh slice in each run, all of it with `make sim-ledger`.
@Suite struct LedgerPropertyTests {
    /// Calls of one sequence.
    private static let operations = 200
    /// `SIM_SEQUENCES` says how many; few by default, since every run has others.
    private static let sequences = environment("SIM_SEQUENCES").flatMap { Int($0) } ?? 400
    /// `SIM_SEED` repeats a run.
    private static let seed = environment("SIM_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)

    private static func environment(_ key: String) -> String? { ProcessInfo.processInfo.environment[key] }

    @Test func `batches decide what the reference does, call by call, and every verdict is reached`() async {
        let started = ContinuousClock.now
        // Beside other tests one is enough: the pool's threads, two on a small machine, are theirs as well.
        let workers = Self.environment("SIM_SEQUENCES") == nil ? 1 : 8
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var outcome = Outcome()
                    for number in stride(from: worker, to: Self.sequences, by: workers) where outcome.failure == nil {
                        outcome.add(seed: Self.seed &+ UInt64(number), operations: Self.operations)
                        await Task.yield()
                    }
                    return outcome
                }
            }
            return await group.reduce(into: Outcome()) { $0.merge($1) }
        }
        report(outcome, ContinuousClock.now - started)
        #expect(outcome.failure == nil, "\(outcome.failure ?? "")")
        #expect(outcome.sequences == Self.sequences)
        // Most are met in every sequence; the rarest about once in fifty.
        let rare = Self.verdicts.filter { (outcome.reached[$0] ?? 0) * 400 < Self.sequences }
        #expect(rare.isEmpty, "reached too rarely: \(rare)")
        let unknown = Set(outcome.reached.keys).subtracting(Self.verdicts).subtracting(Self.rareVerdicts)
        #expect(unknown.isEmpty, "verdicts that nobody wrote down: \(unknown)")
    }

    private func report(_ outcome: Outcome, _ duration: Duration) {
        let counts = outcome.reached.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        print("ledger walk: \(outcome.sequences) sequences, \(outcome.operations) operations, seed \(Self.seed)")
        print(counts.joined(separator: "\n"))
        let isSound = outcome.failure == nil && outcome.sequences == Self.sequences
        let seconds = Double(duration.components.seconds)
        print(
            """
            {"bench":"sim-ledger","figures":{"sequences":\(outcome.sequences),"operations":\(outcome.operations),\
            "verdicts":\(outcome.reached.count),"seed":\(Self.seed),"seconds":\(seconds)},\
            "targets":{"sequences":">= \(Self.sequences)"},"holds":\(isSound)}
            """
        )
    }

    private struct Outcome: Sendable {
        var sequences = 0
        var operations = 0
        var reached: [String: Int] = [:]
        var failure: String?

        mutating func add(seed: UInt64, operations count: Int) {
            var walk = LedgerWalk(seed: seed)
            walk.run(operations: count)
            sequences += 1
            operations += walk.operations
            reached.merge(walk.reached, uniquingKeysWith: +)
            if let found = walk.failure { failure = "seed \(seed): \(found)" }
        }

        mutating func merge(_ other: Outcome) {
            sequences += other.sequences
            operations += other.operations
            reached.merge(other.reached, uniquingKeysWith: +)
            failure = failure ?? other.failure
        }
    }

    /// Needs an account that fills up between a proposal and its approval.
    private static let rareVerdicts: Set = ["decide_adjustment limit_exceeded balance"]

    /// Every other verdict that a kind of call can get.
    private static let verdicts: Set<String> = {
        let own: [OperationKind: [String]] = [
            .openAccount: [],
            .placeHold: [
                "insufficient_funds", "account_frozen", "hold_expired", "hold_already_released",
                "idempotency_mismatch", "limit_exceeded daily_spend",
            ],
            .extendHold: ["hold_not_found", "hold_already_charged", "hold_already_released", "hold_expired"],
            .chargeHold: [
                "hold_not_found", "hold_already_charged", "hold_already_released", "hold_expired", "exceeds_hold",
            ],
            .releaseHold: [
                "hold_not_found", "hold_already_charged", "hold_already_released", "hold_expired", "exceeds_hold",
            ],
            .refundCharge: [
                "hold_not_found", "hold_already_released", "hold_expired", "limit_exceeded refundable",
            ],
            .credit: [
                "account_frozen", "limit_exceeded balance", "limit_exceeded daily_grant",
                "limit_exceeded lone_adjustment",
            ],
            .refundCredit: ["account_frozen", "insufficient_funds", "limit_exceeded refundable"],
            .gift: ["account_frozen", "insufficient_funds", "limit_exceeded balance"],
            .adjust: ["insufficient_funds", "limit_exceeded balance"],
            .decideAdjustment: ["not_found", "insufficient_funds", "limit_exceeded lone_adjustment"],
            .freezeAccount: [],
            .unfreezeAccount: [],
        ]
        return Set(
            own.flatMap { kind, codes in
                (["ok", "replayed", "mismatch"] + codes).map { "\(kind.rawValue) \($0)" }
            }
        )
    }()
}
