import BillingService
import Concurrency
import Configuration
import Contracts
import EventLoop
import Foundation
import HTTPClient
import LoadtestKit
import LocalSystem
import Postgres
import ProofKit
import ServiceKit
import Telemetry
import Time

/// `make chaos-billing`: two instances of billing and PostgreSQL are killed with -9 under load. Every client repeats a
/// call under its key until it is answered, now here, now there; afterwards the books must hold each call once. Other
/// clients race on accounts of their own, some without waiting for an answer; what they saw must be linearizable.
struct ChaosBilling {
    /// Few accounts, so that batches of both instances meet.
    private static let accounts: ClosedRange<UserID> = 1...8
    private static let racedAccounts: ClosedRange<UserID> = 11...15
    private static let clients = 24
    /// How long a client may go unanswered; a kill takes some three seconds to heal.
    private static let patience: Duration = .seconds(90)

    let test: LedgerUnderTest
    let victims: [Victim]
    let ledgers: [HTTPLedger]
    let doors: [RaceDoor]
    let kills: Int
    let seed: UInt64
    private let unanswered = Locked(0)

    /// `CHAOS_KILLS` (60) and `CHAOS_SEED` change what happens.
    static func run(loop: EventLoop, words: [String]) async throws -> Int32 {
        let environment = ProcessInfo.processInfo.environment
        let kills = environment["CHAOS_KILLS"].flatMap { Int($0) } ?? 60
        let seed = environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        Console.say("chaos-billing: \(kills) kills, seed \(seed) (CHAOS_SEED repeats its choices)")
        let test = try await LedgerUnderTest.open("chaos-billing", loop: loop)
        try await test.fund(accounts)
        let http = HTTPClient(
            loop: loop,
            metrics: Metrics(service: "client"),
            log: Log(service: "client", level: .error)
        )
        let chaos = try await make(test, http, kills, seed)
        let code = try await chaos.play()
        for victim in chaos.victims.dropLast() { try await victim.current.stop(loop) }
        await http.shutdown()
        await test.database.shutdown()
        try await chaos.victims[2].current.stop(loop)
        test.rig.removeFolders()
        return code
    }

    private static func make(
        _ test: LedgerUnderTest,
        _ http: HTTPClient,
        _ kills: Int,
        _ seed: UInt64
    ) async throws -> ChaosBilling {
        let rig = test.rig
        let token = rig.credentials.token(caller: .generation, callee: .billing)
        var victims: [Victim] = []
        var ledgers: [HTTPLedger] = []
        var doors: [RaceDoor] = []
        for number in 1...2 {
            let children = rig.children(ports: [("billing", try Tool.freePort())])
            let start: @Sendable () async throws -> RunningProcess = {
                try await rig.start(.billing, children, instance: "\(number)", within: .seconds(60))
            }
            victims.append(Victim("billing \(number)", loop: rig.loop, try await start(), start: start))
            let url = "http://127.0.0.1:\(children.ports["billing"])"
            ledgers.append(HTTPLedger(http: http, url: url, token: token))
            doors.append(
                RaceDoor { caller in
                    InternalClient(
                        service: .billing,
                        baseURL: url,
                        token: Secret(rig.credentials.token(caller: caller, callee: .billing)),
                        http: http,
                        metrics: Metrics(service: caller.rawValue)
                    )
                }
            )
        }
        victims.append(
            Victim("postgres", loop: rig.loop, test.postgres) { try await rig.startPostgres() }
        )
        return ChaosBilling(
            test: test,
            victims: victims,
            ledgers: ledgers,
            doors: doors,
            kills: kills,
            seed: seed
        )
    }

    private func play() async throws -> Int32 {
        let isOver = Locked(false)
        async let killed = killAll(isOver)
        let singles = ClosedLoop(
            clients: Self.clients,
            groupOrders: 1,
            accounts: Self.accounts,
            submit: repeating { try await $0.submitSingly($1) }
        )
        let groups = ClosedLoop(
            clients: 4,
            groupOrders: 20,
            accounts: Self.accounts,
            submit: repeating { try await $0.submitTogether($1) }
        )
        async let first = singles.run(seed: seed) { !isOver.withLock { $0 } }
        async let second = groups.run(seed: ~seed) { !isOver.withLock { $0 } }
        let race = Race(racePlan, doors: doors)
        async let raced: Void = race.run { isOver.withLock { $0 } }
        let result = try await first
        let tally = try await result.tally + second.tally
        let counts = try await killed
        await raced
        let books = Books(rig: test.rig, database: LedgerUnderTest.databaseName, accounts: Self.accounts)
        let differences = try await books.differences(tally)
        let violations = race.history(of: race.attempts).violations(budget: 20_000_000)
        for difference in differences + violations { Console.say("wrong: \(difference)") }
        var bench = Bench("chaos-billing")
        bench.note("calls", Double(tally.calls))
        bench.note("operations", Double(tally.operations))
        bench.note("unanswered_attempts", Double(unanswered.withLock { $0 }))
        bench.note("raced_attempts", Double(race.attempts.count))
        bench.note("raced_attempts_unanswered", Double(race.verdicts["nothing"] ?? 0))
        bench.note("longest_wait_seconds", Double(result.latencies.maximum.components.seconds))
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            bench.note("kills_\(name.replacing(" ", with: "_"))", Double(count))
        }
        bench.require("kills", Double(counts.values.reduce(0, +)), .atLeast(Double(kills)))
        bench.require("unanswered_attempts_seen", min(1, Double(unanswered.withLock { $0 })), .equal(1))
        bench.require("lost_or_doubled_or_unbalanced", Double(differences.count), .equal(0))
        bench.require("accounts_not_linearizable", Double(violations.count), .equal(0))
        return bench.finish()
    }

    private var racePlan: Race.Plan {
        var plan = Race.Plan(accounts: Self.racedAccounts, seed: seed)
        plan.clients = 16
        plan.timeout = .seconds(5)
        plan.hangUpsOneIn = 100
        plan.forgottenOneIn = 8
        plan.patience = Self.patience
        return plan
    }

    /// Tries an instance, then the other one, and so on, always with the same keys and bodies.
    private func repeating(
        _ submit: @Sendable @escaping (HTTPLedger, [OrderMix.Call]) async throws -> [InProcessLedger.Outcome]
    ) -> ClosedLoop.Submit {
        { [self] calls in
            let deadline = Deadline.after(Self.patience)
            var attempt = Int.random(in: 0...1)
            while true {
                do {
                    let outcomes = try await submit(ledgers[attempt % 2], calls)
                    return zip(calls, outcomes).map { call, outcome in
                        // After an attempt without an answer the first answer may come as a repeated one.
                        var outcome = outcome
                        if !call.expected.isReplayed { outcome.isReplayed = false }
                        return outcome
                    }
                } catch  where !deadline.isExpired {
                    unanswered.withLock { $0 += 1 }
                    attempt += 1
                    try await test.rig.loop.sleep(for: .milliseconds(Int.random(in: 20...120)))
                }
            }
        }
    }

    /// One victim after the other, chosen by the seed; every tenth time PostgreSQL and an instance at once.
    private func killAll(_ isOver: Locked<Bool>) async throws -> [String: Int] {
        defer { isOver.withLock { $0 = true } }
        var random = SeededGenerator(seed: seed)
        var counts: [String: Int] = [:]
        var done = 0
        while done < kills {
            try await test.rig.loop.sleep(for: .milliseconds(Int.random(in: 150...900, using: &random)))
            var chosen = [Int.random(in: 0...2, using: &random)]
            if Int.random(in: 0..<10, using: &random) == 0 { chosen = [2, Int.random(in: 0...1, using: &random)] }
            for index in chosen {
                try await victims[index].kill()
                counts[victims[index].name, default: 0] += 1
                done += 1
            }
            try await test.rig.loop.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
            for index in chosen { try await victims[index].revive() }
        }
        try await test.rig.loop.sleep(for: .seconds(1))
        return counts
    }
}
