import Foundation
import Testing

@testable import IngressService

/// Random walks through `DispatchWalk`; a failure prints the seed that repeats it.
/// `ATELIER_WALK_SEED=<number>` plays that one walk.
@Suite struct `On random walks the dispatch` {
    private static let walks: UInt64 = 1_000

    private func walk(_ rules: DispatchWalk.Rules) async -> (crashes: Int, walks: UInt64) {
        let given = ProcessInfo.processInfo.environment["ATELIER_WALK_SEED"].flatMap { UInt64($0) }
        let start = given ?? UInt64.random(in: 0...(.max / 2))
        let count = given == nil ? Self.walks : 1
        var crashes = 0
        for seed in start..<start + count {
            var walk = DispatchWalk(seed: seed, rules: rules)
            walk.run()
            // The pool's few threads are the other tests' as well.
            await Task.yield()
            crashes += walk.crashes
            if let fault = walk.fault {
                Issue.record("seed \(seed): \(fault)")
                break
            }
        }
        return (crashes, count)
    }

    @Test func `keeps order, loses nothing and repeats only what a crash made unsure`() async {
        let (crashes, walks) = await walk(DispatchWalk.Rules())
        // A walk that never crashes proves nothing about crashes.
        #expect(walks == 1 || crashes > walks)
    }

    @Test func `keeps its promises through consumers' faults alone`() async {
        _ = await walk(DispatchWalk.Rules(crashes: false))
    }

    @Test func `dispatches everything exactly once when nothing goes wrong`() async {
        _ = await walk(DispatchWalk.Rules(crashes: false, faults: false))
    }
}
