internal import Concurrency
internal import Cryptography
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import Postgres
internal import Telemetry
internal import Time

/// `make chaos-ingress`: everything behind and under the webhooks is killed at random while chats post, and afterwards
/// three books are compared: what was answered 200, what ingress has, and what the consumer did.
struct ChaosIngress: Sendable {
    static let scenario = LoadtestCommand.Scenario("chaos-ingress") { loop, _ in try await run(loop) }

    /// How a run is made; `CHAOS_SECONDS`, `CHAOS_CHATS`, `CHAOS_PAUSE_MS` and `CHAOS_SEED` change it.
    struct Settings: Sendable {
        let seconds: Int
        let chats: Int
        let pause: Duration
        let seed: UInt64

        init(_ environment: [String: String]) {
            seconds = max(20, environment["CHAOS_SECONDS"].flatMap { Int($0) } ?? 600)
            chats = environment["CHAOS_CHATS"].flatMap { Int($0) } ?? 1_200
            pause = .milliseconds(environment["CHAOS_PAUSE_MS"].flatMap { Int64($0) } ?? 2_000)
            seed = environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64(UInt32.max))
        }

        /// Kills that a run must have: sixty in ten minutes.
        var kills: Int { seconds / 10 }
        /// At the beginning nobody dies, so that it shows what is repeated without a reason.
        var calmSeconds: Int { min(15, seconds / 4) }
    }

    static func run(_ loop: EventLoop) async throws -> Int32 {
        let settings = Settings(ProcessInfo.processInfo.environment)
        Console.say(
            "chaos-ingress: \(settings.seconds) s, \(settings.chats) chats, seed \(settings.seed) (CHAOS_SEED repeats its kills)"
        )
        let world = try await ChaosWorld.open(loop)
        let report: Report
        do {
            report = try await play(settings, world, loop)
        } catch {
            Console.complain("The logs are in \(world.rig.project.logs).")
            await world.close(keep: true)
            throw error
        }
        let code = report.finish()
        await world.close(keep: code != 0)
        if code != 0 { Console.complain("The logs and the database are kept in \(world.rig.project.state).") }
        return code
    }

    private static func play(_ settings: Settings, _ world: ChaosWorld, _ loop: EventLoop) async throws -> Report {
        let end = Deadline.after(.seconds(Int64(settings.seconds)))
        let load = ChaosLoad(
            chats: settings.chats,
            pause: settings.pause,
            doors: world.doors,
            secret: world.rig.credentials["telegram.webhook_secret"],
            callbackKey: try world.callbackKey(),
            loop: loop
        )
        let calm = Locked((events: 0, repeats: 0))
        let killers = Locked<(any Error)?>(nil)
        await withDiscardingTaskGroup { group in
            group.addTask { await load.run { end.isExpired } }
            group.addTask {
                do {
                    try await loop.sleep(for: .seconds(Int64(settings.calmSeconds)))
                    let repeats = try await world.repeatedDispatches()
                    let events = try await world.count("select count(*) from effect", in: .journal)
                    calm.withLock { $0 = (events, repeats) }
                    try await ChaosKiller(settings: settings, world: world, loop: loop).run(until: end)
                } catch {
                    killers.withLock { $0 = error }
                }
            }
        }
        if let error = killers.withLock({ $0 }) { throw error }
        Console.say("The load is over: \(load.acknowledged.count) webhooks answered 200. Waiting for their dispatch …")
        let began = Deadline.monotonicNow()
        try await world.waitUntilDispatched(within: .seconds(120))
        return Report(
            settings: settings,
            acknowledged: load.acknowledged,
            books: try await world.books(load.acknowledged.lanes),
            kills: world.kills,
            calm: calm.withLock { $0 },
            dispatches: try await world.count("select count(*) from dispatch", in: .journal),
            repeats: try await world.repeatedDispatches(),
            deadLetters: try await world.count("select count(*) from parked where is_dead", in: .ingress),
            drainSeconds: Double(Deadline.monotonicNow() - began) * 1e-9
        )
    }

    /// What a run is judged by.
    struct Report {
        var settings: Settings
        var acknowledged: ChaosLoad.Acknowledged
        var books: ChaosBooks
        var kills: [String: Int]
        var calm: (events: Int, repeats: Int)
        var dispatches: Int
        var repeats: Int
        var deadLetters: Int
        var drainSeconds: Double

        /// - Returns: The exit code.
        func finish() -> Int32 {
            let verdict = books.verdict
            var bench = Bench("chaos-ingress")
            bench.note("seed", Double(settings.seed))
            bench.note("seconds", Double(settings.seconds))
            bench.require("chats", Double(settings.chats), .atLeast(1_000))
            bench.note("posts", Double(acknowledged.posts))
            bench.note("answers_not_200", Double(acknowledged.refusals))
            bench.require("acknowledged_events", Double(acknowledged.count), .atLeast(Double(settings.seconds)))
            bench.note("stored_events", Double(books.stored.count))
            bench.require("duplicate_share", Double(acknowledged.repeats) / Double(acknowledged.posts), .atLeast(0.45))
            for (name, count) in kills.sorted(by: { $0.key < $1.key }) { bench.note("kills_\(name)", Double(count)) }
            bench.require("kills", Double(kills.values.reduce(0, +)), .atLeast(Double(settings.kills)))
            bench.require("lost", Double(verdict.lost), .equal(0))
            bench.require("stored_twice", Double(verdict.storedTwice), .equal(0))
            bench.require("unprocessed", Double(verdict.unprocessed), .equal(0))
            bench.require("effects_twice", Double(verdict.effectsTwice), .equal(0))
            bench.require("effects_invented", Double(verdict.invented), .equal(0))
            bench.require("lanes_out_of_order", Double(verdict.lanesOutOfOrder), .equal(0))
            bench.require("dead_letters", Double(deadLetters), .equal(0))
            bench.require("calm_events", Double(calm.events), .atLeast(Double(settings.calmSeconds)))
            bench.require("calm_repeated_dispatches", Double(calm.repeats), .equal(0))
            bench.note("dispatches", Double(dispatches))
            bench.note("repeated_dispatch_share", Double(repeats) / Double(max(1, dispatches)))
            bench.note("drain_seconds", drainSeconds)
            return bench.finish()
        }
    }
}
