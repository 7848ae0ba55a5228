internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
import ProofKit
internal import Time

/// `make chaos-generation`: 2,000 jobs while services and PostgreSQL are killed and callbacks are lost, doubled and late.
///
/// Variables: `CHAOS_JOBS` (2000), `CHAOS_SEED` (random; printed).
struct ChaosGeneration: Sendable {
    let loop: EventLoop

    /// Longer than a job's hard limit would be too long to wait for; jobs of the stand-in take seconds.
    private static let settlePatience = Duration.seconds(240)
    /// A delivery that was killed again and again backs off for up to a minute.
    private static let chatPatience = Duration.seconds(120)

    func run() async throws -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        let jobs = environment["CHAOS_JOBS"].flatMap { Int($0) } ?? 2_000
        let seed = environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...(.max))
        Console.say("seed \(seed); \(jobs) jobs")
        let system = try await WholeSystem.open(
            "chaos-generation",
            loop: loop,
            variables: [
                "ATELIER_MAXIMUM_OPEN_JOBS": "1000", "ATELIER_MAXIMUM_RUNNING_JOBS": "20",
                "ATELIER_KIE_POLL_FIRST": "4s", "ATELIER_KIE_POLL_INTERVAL": "4s", "ATELIER_KIE_UNKNOWN_GRACE": "20s",
            ]
        )
        let load = try await JobLoad.prepare(system, users: 100)
        let kills = try await disturb(system, load, jobs, seed)
        let all = (0..<jobs).map { Self.shape($0)?.jobs ?? 1 }.reduce(0, +)
        let audit = ChaosAudit(system: system, jobs: all)
        let drained = try await waitUntilSettled(system, audit)
        var bench = Bench("chaos-generation")
        bench.note("seed", Double(seed % 1_000_000_007))
        bench.require("kills", Double(kills), .atLeast(Double(min(60, jobs / 34))))
        bench.note("seconds_until_settled", drained)
        try await audit.judge(&bench)
        let code = bench.finish()
        if code == 0 { try await system.close() } else { Console.say("Its logs are in \(system.rig.project.logs).") }
        return code
    }

    /// - Returns: How many processes were killed.
    private func disturb(_ system: WholeSystem, _ load: JobLoad, _ jobs: Int, _ seed: UInt64) async throws -> Int {
        let isOver = Locked(false)
        let counter = Locked(0)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                var random = SeededGenerator(seed: seed)
                var kills = 0
                while !isOver.withLock({ $0 }) {
                    try await loop.sleep(for: .milliseconds(.random(in: 300...2_500, using: &random)))
                    guard let victim = WholeSystem.victims.randomElement(using: &random) else { continue }
                    try await system.kill(victim)
                    kills += 1
                }
                return kills
            }
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { workers in
                    for _ in 0..<16 {
                        workers.addTask {
                            while true {
                                let number = counter.withLock { counter in
                                    counter += 1
                                    return counter - 1
                                }
                                guard number < jobs else { return }
                                if let shape = Self.shape(number) {
                                    try await load.createGroup(number, prompt: Self.prompt(number), shape)
                                } else {
                                    _ = try await load.create(number, prompt: Self.prompt(number))
                                }
                                if number % 100 == 99 { Console.say("\(number + 1) jobs created") }
                                // About twelve a second: the kills are to meet jobs at every step.
                                try await loop.sleep(for: .milliseconds(1_200))
                            }
                        }
                    }
                    try await workers.waitForAll()
                }
                isOver.withLock { $0 = true }
                return 0
            }
            return try await group.reduce(0, +)
        }
    }

    /// Two of seven confirms make several jobs; seven goes into no other rhythm, so that each meets every trouble.
    private static func shape(_ number: Int) -> JobLoad.GroupShape? {
        switch number % 7 {
        case 3: .copies
        case 5: .chain
        default: nil
        }
    }

    /// A tenth of the callbacks is lost, a fifth doubled, some are late, early or in swarms; some tasks fail.
    private static func prompt(_ number: Int) -> String {
        let word: String
        switch number % 20 {
        case 0, 1: word = " #lost"
        case 2, 3, 4, 5: word = " #double"
        case 6: word = " #late"
        case 7: word = " #early"
        case 8: word = " #storm"
        case 9: word = " #temporary"
        case 10: word = " #refuse"
        default: word = ""
        }
        return "picture \(number)\(word)"
    }

    /// Waits until every job has ended and is told, and the results are in the chats.
    ///
    /// - Returns: Seconds until the last job was told.
    private func waitUntilSettled(_ system: WholeSystem, _ audit: ChaosAudit) async throws -> Double {
        let begun = Deadline.monotonicNow()
        let deadline = Deadline.after(Self.settlePatience)
        while !deadline.isExpired {
            let open = try await system.number(
                .generation,
                "select count(*) from job where step not in ('ended', 'refused') or step = 'ended' and reported_at is null"
            )
            if open == 0 { break }
            try await loop.sleep(for: .seconds(1))
        }
        let settled = Double(Deadline.monotonicNow() - begun) / 1e9
        // Conversation's and delivery's queues have their own pace, and a back-off after the last kill.
        let patience = Deadline.after(Self.chatPatience)
        while !patience.isExpired, try await audit.results().missing > 0 { try await loop.sleep(for: .seconds(1)) }
        return settled
    }
}
