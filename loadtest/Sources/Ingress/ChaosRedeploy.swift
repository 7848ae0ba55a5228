internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import Time

/// `make chaos-redeploy`: people write while everything behind ingress is replaced, one service after the other and then
/// all at once; nothing may be lost. While conversation is down, persons are told so, and pre-checkout queries are
/// answered within Telegram's time all the same.
struct ChaosRedeploy: Sendable {
    static let scenario = LoadtestCommand.Scenario("chaos-redeploy") { loop, _ in try await run(loop) }

    private static let persons = 30
    private static let preCheckouts = 200

    private let system: RedeploySystem
    private let loop: EventLoop
    /// Whole rollouts, `REDEPLOY_ROUNDS`.
    private let rounds: Int
    private let running: Locked<[ServiceName: RunningProcess]>
    private let isOver = Locked(false)
    private let written = Locked(0)
    private let latencies = Locked(LatencyRecorder())
    private let unanswered = Locked(0)

    private static func run(_ loop: EventLoop) async throws -> Int32 {
        let system = try await RedeploySystem.open(loop)
        let rounds = ProcessInfo.processInfo.environment["REDEPLOY_ROUNDS"].flatMap { Int($0) } ?? 3
        let proof = ChaosRedeploy(
            system: system,
            loop: loop,
            rounds: max(1, rounds),
            running: Locked([:])
        )
        let code: Int32
        do {
            code = try await proof.play()
        } catch {
            Console.complain("The logs are in \(system.rig.project.logs).")
            await proof.stopAll()
            await system.close(keep: true)
            throw error
        }
        await proof.stopAll()
        await system.close(keep: code != 0)
        if code != 0 { Console.complain("The logs and the database are kept in \(system.rig.project.state).") }
        return code
    }

    private init(system: RedeploySystem, loop: EventLoop, rounds: Int, running: Locked<[ServiceName: RunningProcess]>) {
        self.system = system
        self.loop = loop
        self.rounds = rounds
        self.running = running
    }

    private func play() async throws -> Int32 {
        try await startAll()
        try await system.post("/sandbox/settings", ["telegram_limits": false])
        try await waitForWebhook()
        let failure = Locked<(any Error)?>(nil)
        await withDiscardingTaskGroup { group in
            for person in 1...Self.persons { group.addTask { await write(as: Int64(7_000_000 + person)) } }
            group.addTask {
                do { try await redeploy() } catch { failure.withLock { $0 = error } }
                isOver.withLock { $0 = true }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        Console.say("The load is over: \(written.withLock { $0 }) updates. Waiting for everything to arrive …")
        return try await judge()
    }

    // MARK: - Load

    /// Telegram's side is played by the sandbox: one update of a chat at a time, repeated until it is answered 200.
    private func write(as person: Int64) async {
        var number = 0
        while !isOver.withLock({ $0 }) {
            number += 1
            do {
                let text = number == 1 ? "/start" : "сообщение \(number)"
                try await system.post("/sandbox/updates", ["user": .integer(person), "text": .string(text)])
                written.withLock { $0 += 1 }
                try await loop.sleep(for: .milliseconds(Int64.random(in: 1_500...4_500)))
            } catch {
                Console.complain("a person could not write: \(error)")
                return
            }
        }
    }

    /// How long a person waits from paying to the bot's word, conversation being down.
    private func payWithoutConversation() async throws {
        let link = try await system.makeInvoice()
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<Self.preCheckouts {
                group.addTask {
                    let person = Int64(7_000_001 + number % Self.persons)
                    let began = ContinuousClock.now
                    let answer = try await system.post(
                        "/sandbox/updates",
                        ["user": .integer(person), "pay": ["link": .string(link)]]
                    )
                    latencies.withLock { $0.record(ContinuousClock.now - began) }
                    // The invoice is nobody's: the bot's word is no, and silence would be another error.
                    let said = answer["error"]?["description"]?.string ?? answer["error"]?.string ?? ""
                    if said.lowercased().contains("time") { unanswered.withLock { $0 += 1 } }
                }
                try await loop.sleep(for: .milliseconds(60))
            }
        }
    }

    // MARK: - Deploys

    private func startAll() async throws {
        for service in RedeploySystem.behind {
            let process = try await system.start(service)
            running.withLock { $0[service] = process }
        }
    }

    private func stop(_ service: ServiceName) async throws {
        try await running.withLock { $0.removeValue(forKey: service) }?.stop(loop)
    }

    private func start(_ service: ServiceName) async throws {
        let process = try await system.start(service)
        running.withLock { $0[service] = process }
    }

    private func stopAll() async {
        for service in RedeploySystem.behind {
            // Everything is being ended.
            try? await stop(service)
        }
    }

    private func redeploy() async throws {
        try await loop.sleep(for: .seconds(8))
        for round in 1...rounds {
            for service in RedeploySystem.behind {
                Console.say("  round \(round): replacing \(service.rawValue)")
                try await stop(service)
                try await loop.sleep(for: .milliseconds(Int64.random(in: 500...2_500)))
                try await start(service)
                try await loop.sleep(for: .milliseconds(500))
            }
            Console.say("  round \(round): replacing everything at once")
            for service in RedeploySystem.behind { try await stop(service) }
            try await loop.sleep(for: .seconds(3))
            try await startAll()
            try await loop.sleep(for: .seconds(2))
        }
        Console.say("  conversation is down; \(Self.preCheckouts) people pay")
        try await stop(.conversation)
        try await loop.sleep(for: .seconds(3))
        try await payWithoutConversation()
        try await start(.conversation)
        try await loop.sleep(for: .seconds(3))
    }

    /// Delivery registers the webhook; until then the sandbox keeps what people write.
    private func waitForWebhook() async throws {
        let deadline = Deadline.after(.seconds(30))
        try await system.post("/sandbox/updates", ["user": 7_000_001, "text": "/start"])
        while try await system.count("select count(*) from event", .ingress) == 0 {
            guard !deadline.isExpired else { throw OperatorError("No update reaches ingress.", "") }
            try await loop.sleep(for: .milliseconds(200))
        }
        written.withLock { $0 += 1 }
    }

    // MARK: - Judgement

    private func judge() async throws -> Int32 {
        let deadline = Deadline.after(.seconds(90))
        while !deadline.isExpired {
            let waiting = try await system.count(Self.undelivered, .delivery)
            let undecided = try await undecided()
            if waiting == 0 && undecided == 0 { break }
            try await loop.sleep(for: .milliseconds(500))
        }
        var bench = Bench("chaos-redeploy")
        bench.note("rollouts", Double(rounds))
        let written = written.withLock { $0 }
        let messages = try await system.count(
            "select count(distinct update_id) from event where kind = 'message'",
            .ingress
        )
        bench.require("updates_written", Double(written), .atLeast(100))
        bench.require("updates_lost_before_ingress", Double(written - messages), .equal(0))
        bench.require("updates_not_decided", Double(try await undecided()), .equal(0))
        let dead = try await system.count("select count(*) from parked where is_dead", .ingress)
        bench.require("dead_letters", Double(dead), .equal(0))
        let undelivered = try await system.count(Self.undelivered, .delivery)
        bench.require("answers_not_delivered", Double(undelivered), .equal(0))
        let failed = try await system.count("select count(*) from message where state = 'failed'", .delivery)
        bench.require("answers_failed", Double(failed), .equal(0))
        let unknown = try await system.count("select count(*) from message where state = 'unknown'", .delivery)
        bench.note("answers_unknown", Double(unknown))
        let notices = try await system.metric("atelier_ingress_passive_notices_total")
        bench.require("passive_notices", notices, .atLeast(Double(Self.persons) / 2))
        let recorder = latencies.withLock { $0 }
        bench.require("pre_checkouts", Double(recorder.count), .atLeast(Double(Self.preCheckouts)))
        bench.require("pre_checkouts_unanswered", Double(unanswered.withLock { $0 }), .equal(0))
        bench.note("pre_checkout_p50_milliseconds", recorder.milliseconds(0.5))
        bench.require("pre_checkout_p99_milliseconds", recorder.milliseconds(0.99), .atMost(1_000))
        return bench.finish()
    }

    private static let undelivered = "select count(*) from message where state in ('queued', 'sending')"

    /// Updates that ingress has and conversation has not decided on.
    private func undecided() async throws -> Int {
        let stored = try await system.eventIDs(
            "select id from event where source = 'telegram' and lane not like 'pay:%' and not is_malformed",
            .ingress
        )
        let decided = try await system.eventIDs(
            "select substr(key, 8) from seen_events where key like 'update-%'",
            .conversation
        )
        return stored.subtracting(decided).count
    }
}
