internal import EventLoop
internal import LoadtestKit
internal import LocalSystem
internal import ProofKit
internal import Time

/// Kills with SIGKILL at random, each kind in a row of its own: the two ingress instances, the consumer, and PostgreSQL,
/// of which either every process dies at once or one session's process, which makes the server start anew by itself.
/// Some ingress instances are frozen instead, for longer than their leases last, and come back unaware.
struct ChaosKiller: Sendable {
    let settings: ChaosIngress.Settings
    let world: ChaosWorld
    let loop: EventLoop

    /// Kills until the end, and longer if there were too few.
    func run(until end: Deadline) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for (index, row) in [killIngress, killConsumer, killPostgres].enumerated() {
                group.addTask {
                    var dice = SeededGenerator(seed: settings.seed &+ UInt64(index))
                    while !end.isExpired || total < settings.kills { try await row(&dice) }
                }
            }
        }
    }

    private var total: Int { world.kills.values.reduce(0, +) }

    @Sendable private func killIngress(_ dice: inout SeededGenerator) async throws {
        try await loop.sleep(for: .milliseconds(Int64.random(in: 3_000...14_000, using: &dice)))
        let victim = world.ingress[Int.random(in: 0..<world.ingress.count, using: &dice)]
        let pause = Duration.milliseconds(Int64.random(in: 0...3_000, using: &dice))
        if Int.random(in: 0..<4, using: &dice) == 0 {
            say("freezing \(victim.name)")
            return try await victim.freeze(for: .seconds(4) + pause)
        }
        say("killing \(victim.name)")
        try await victim.kill(dead: pause)
    }

    @Sendable private func killConsumer(_ dice: inout SeededGenerator) async throws {
        try await loop.sleep(for: .milliseconds(Int64.random(in: 4_000...24_000, using: &dice)))
        say("killing the consumer")
        try await world.consumer.kill(dead: .milliseconds(Int64.random(in: 0...2_000, using: &dice)))
    }

    @Sendable private func killPostgres(_ dice: inout SeededGenerator) async throws {
        try await loop.sleep(for: .milliseconds(Int64.random(in: 6_000...26_000, using: &dice)))
        if Int.random(in: 0..<3, using: &dice) == 0 {
            say("killing one process of PostgreSQL")
            world.postgres.killChild(Int.random(in: 0..<1_000, using: &dice))
        } else {
            say("killing PostgreSQL")
            try await world.postgres.kill(dead: .milliseconds(Int64.random(in: 0...1_000, using: &dice)))
        }
    }

    private func say(_ text: String) { Console.say("  \(text)") }
}
