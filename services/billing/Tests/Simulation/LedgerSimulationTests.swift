import Foundation
import Testing

@testable import BillingService

/// Crashes between any two steps, on a virtual clock; `make sim-ledger` runs many more.
@Suite struct LedgerSimulationTests {
    private static let calls = 150
    private static let runs = environment("SIM_RUNS").flatMap { Int($0) } ?? 80
    private static let seed = environment("SIM_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)

    private static func environment(_ key: String) -> String? { ProcessInfo.processInfo.environment[key] }

    @Test func `nothing is lost, doubled or decided out of order, wherever a process dies`() async {
        var events: [String: Int] = [:]
        var answered = 0
        for number in 0..<Self.runs {
            var simulator = LedgerSimulator(seed: Self.seed &+ UInt64(number))
            simulator.run(calls: Self.calls)
            await Task.yield()
            events.merge(simulator.events, uniquingKeysWith: +)
            answered += simulator.answered
            if let failure = simulator.failure {
                Issue.record("seed \(Self.seed &+ UInt64(number)): \(failure)")
                return
            }
        }
        print("ledger simulation: \(Self.runs) runs, \(answered) answered calls, \(events), seed \(Self.seed)")
        for event in ["instance crash", "database crash", "connection lost", "unknown commit", "unique violation"] {
            #expect((events[event] ?? 0) * 4 > Self.runs, "\(event) is too rare")
        }
    }

    @Test(arguments: Blunder.allCases)
    func `the simulator notices a protocol that is wrong`(blunder: Blunder) async {
        let seed = UInt64.random(in: 0...UInt64.max)
        for number in 0..<400 {
            var simulator = LedgerSimulator(seed: seed &+ UInt64(number), blunder: blunder)
            simulator.run(calls: Self.calls)
            await Task.yield()
            let found = blunder == .takesUnknownForNo ? simulator.doubleEffect : simulator.failure
            if found != nil { return print("blunder \(blunder): noticed in run \(number + 1)") }
        }
        Issue.record("not noticed in 400 runs: \(blunder), seed \(seed)")
    }
}
