import Testing

@testable import BillingService

/// A proof that can't fail proves nothing: every mistake must be found, and soon.
@Suite struct MutantTests {
    /// Sequences until a mutant counts as missed.
    private static let patience = 500

    @Test(arguments: Mutant.all)
    func `the walk finds a planted mistake`(mutant: Mutant) async {
        let seed = UInt64.random(in: 0...UInt64.max)
        for number in 0..<Self.patience {
            var walk = LedgerWalk(seed: seed &+ UInt64(number), decide: mutant.decide)
            walk.run(operations: 200)
            await Task.yield()
            if walk.failure != nil { return print("mutant \"\(mutant.name)\": found in sequence \(number + 1)") }
        }
        Issue.record("not found in \(Self.patience) sequences: \(mutant.name), seed \(seed)")
    }
}
