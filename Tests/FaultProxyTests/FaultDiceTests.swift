import FaultProxy
import Testing

@Suite struct FaultDiceTests {
    @Test func `one seed gives the same fates`() {
        let plan = FaultPlan(delays: 0.2, splits: 0.2, cuts: 0.1, resets: 0.1)
        var (first, second, other) = (FaultDice(seed: 7), FaultDice(seed: 7), FaultDice(seed: 8))
        let fates = (0..<200).map { _ in first.roll(plan, count: 100) }
        #expect(fates == (0..<200).map { _ in second.roll(plan, count: 100) })
        #expect(fates != (0..<200).map { _ in other.roll(plan, count: 100) })
    }

    @Test func `every fate of the plan happens about as often as it says, and within its chunk`() {
        let plan = FaultPlan(delays: 0.1, splits: 0.1, cuts: 0.1, resets: 0.1)
        var dice = FaultDice(seed: 1)
        var counts: [String: Int] = [:]
        for _ in 0..<10_000 {
            switch dice.roll(plan, count: 50) {
            case .pass: counts["pass", default: 0] += 1
            case .delay(let duration):
                counts["delay", default: 0] += 1
                #expect(duration <= plan.longestDelay)
            case .split(let bytes):
                counts["split", default: 0] += 1
                #expect((1...50).contains(bytes))
            case .cut(let bytes):
                counts["cut", default: 0] += 1
                #expect((0...50).contains(bytes))
            case .reset(let bytes):
                counts["reset", default: 0] += 1
                #expect((0...50).contains(bytes))
            }
        }
        for kind in ["delay", "split", "cut", "reset"] { #expect((800...1_200).contains(counts[kind] ?? 0)) }
        #expect((5_700...6_300).contains(counts["pass"] ?? 0))
    }

    @Test func `without a plan everything passes`() {
        var dice = FaultDice(seed: 3)
        #expect((0..<1_000).allSatisfy { _ in dice.roll(.none, count: 10) == .pass })
    }
}
