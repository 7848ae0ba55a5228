internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem
internal import Time

/// `make bench-generation`: how fast the whole stack is when the provider is not what it waits for.
///
/// 1. At 15 jobs a second, each with a picture of 1 MB: how long creating a job takes, and how long it is from the
///    provider's callback (before the request) to the call to Telegram (its head has arrived), with recordInfo's
///    confirmation and the durable copy in between.
/// 2. With as many jobs as 64 callers can create: jobs a second from the first create to the last delivery.
/// 3. Fairness, with one provider account: one person has fifty jobs waiting, another makes one. How many of the fifty are
///    submitted before it.
///
/// Variables: `BENCH_JOBS` (600 and 1,200).
struct BenchGeneration: Sendable {
    let loop: EventLoop

    private static let pause = Duration.milliseconds(66)
    private static let sending: Set = ["sendPhoto", "sendDocument", "sendMediaGroup", "editMessageMedia"]

    func run() async throws -> Int32 {
        let jobs = ProcessInfo.processInfo.environment["BENCH_JOBS"].flatMap { Int($0) } ?? 600
        let system = try await WholeSystem.open(
            "bench-generation",
            loop: loop,
            variables: [
                "ATELIER_MAXIMUM_OPEN_JOBS": "1000", "ATELIER_MAXIMUM_RUNNING_JOBS": "1000",
                // Polls would hide callbacks that are late.
                "ATELIER_KIE_POLL_FIRST": "60s", "ATELIER_KIE_POLL_INTERVAL": "60s", "ATELIER_JOB_CONCURRENCY": "256",
                // Telegram's pace (27 a second) is not what is measured.
                "ATELIER_TELEGRAM_MESSAGES_PER_SECOND": "1000", "ATELIER_DELIVERY_LANES": "256",
            ]
        )
        // One job a person in the first part, so that a chat's call to Telegram is that job's.
        let load = try await JobLoad.prepare(system, users: jobs)
        try await system.sandbox.post(
            "/sandbox/settings",
            ["kie_limits": false, "kie_delay": 1, "kie_visibility": 0, "kie_picture_bytes": 1_000_000]
        )
        var bench = Bench("bench-generation")
        let created = try await paced(load, jobs)
        try await untilDelivered(system, jobs)
        try await judge(created, system, jobs, &bench)
        let cpu = system.cpuSeconds()
        let seconds = try await saturated(load, system, jobs, 2 * jobs)
        bench.note("jobs_per_second", Double(2 * jobs) / seconds)
        for (name, before) in cpu.sorted(by: { $0.key < $1.key }) {
            let used = (system.cpuSeconds()[name] ?? before) - before
            bench.note("cpu_ms_per_job_\(name.replacing("-", with: "_"))", used / Double(2 * jobs) * 1_000)
        }
        try await judgeFairness(load, system, after: 3 * jobs, &bench)
        let code = bench.finish()
        try await system.close()
        return code
    }

    /// All accounts but one rest, so that submissions wait for each other: twenty in ten seconds.
    private func judgeFairness(_ load: JobLoad, _ system: WholeSystem, after number: Int, _ bench: inout Bench)
        async throws
    {
        try await system.change(
            .generation,
            "update provider_account set paused_until = now() + interval '1 hour' where name <> 'account-1'"
        )
        let (many, one) = (load.users[0], load.users[1])
        for place in 0..<50 { _ = try await load.create(number + place, of: many, prompt: "one of fifty \(place)") }
        _ = try await load.create(number + 50, of: one, prompt: "the only one")
        let theirs = "from attempt join job using (job_id) where prompt = 'the only one'"
        let deadline = Deadline.after(.seconds(60))
        while try await system.number(.generation, "select count(*) \(theirs)") == 0, !deadline.isExpired {
            try await loop.sleep(for: .milliseconds(200))
        }
        let passed = try await system.number(
            .generation,
            """
            select count(*) from attempt join job using (job_id) where prompt like 'one of fifty%'
                and submitted_at > (select created_at from job where prompt = 'the only one')
                -- What is submitted in the same moment is not before it.
                and submitted_at < (select min(submitted_at) - interval '0.5 seconds' \(theirs))
            """
        )
        bench.require("submitted_before_a_single_job", passed, .atMost(1))
    }

    /// Creates a job each 66 ms and waits for nobody.
    private func paced(_ load: JobLoad, _ jobs: Int) async throws -> LatencyRecorder {
        let latencies = Locked(LatencyRecorder())
        let begun = Deadline.monotonicNow()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<jobs {
                group.addTask {
                    try await load.system.rig.loop.sleep(for: Self.pause * number)
                    let took = try await load.create(number, prompt: "picture \(number)")
                    latencies.withLock { $0.record(took) }
                }
            }
            try await group.waitForAll()
        }
        Console.say("\(jobs) jobs created in \(Bench.format(Double(Deadline.monotonicNow() - begun) / 1e9)) s")
        return latencies.withLock { $0 }
    }

    /// - Returns: Seconds from the first create to the last delivery.
    private func saturated(_ load: JobLoad, _ system: WholeSystem, _ before: Int, _ jobs: Int) async throws -> Double {
        let begun = Deadline.monotonicNow()
        let counter = Locked(before)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    while true {
                        let number = counter.withLock { counter in
                            counter += 1
                            return counter - 1
                        }
                        guard number < before + jobs else { return }
                        _ = try await load.create(number, prompt: "picture \(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
        try await untilDelivered(system, before + jobs)
        return Double(Deadline.monotonicNow() - begun) / 1e9
    }

    /// Waits until as many results as jobs are in the chats.
    private func untilDelivered(_ system: WholeSystem, _ jobs: Int) async throws {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.isExpired {
            let sent = try await system.number(
                .generation,
                "select count(*) from job where step = 'ended' and reported_at is not null"
            )
            let waiting = try await system.number(
                .delivery,
                "select count(*) from message where state in ('queued', 'sending')"
            )
            if sent >= Double(jobs), waiting == 0 { return }
            try await loop.sleep(for: .milliseconds(100))
        }
        throw OperatorError("Not all results were delivered within 240 s.", "See \(system.rig.project.logs).")
    }

    private func judge(
        _ created: LatencyRecorder,
        _ system: WholeSystem,
        _ jobs: Int,
        _ bench: inout Bench
    ) async throws {
        bench.note("create_p50_ms", created.milliseconds(0.5))
        bench.require("create_p99_ms", created.milliseconds(0.99), .atMost(50))
        let calls = try await system.sandbox.get("/sandbox/calls?provider=telegram&direction=in&limit=20000")
        var sendings: [String: [Int64]] = [:]
        for call in calls["calls"]?.array ?? [] {
            guard let operation = call["operation"]?.string, Self.sending.contains(operation),
                let at = call["at"]?.string.flatMap({ Timestamp(rfc3339: $0) }), let note = call["note"]?.string
            else { continue }
            sendings[note, default: []].append(at.microseconds / 1_000)
        }
        var latencies = LatencyRecorder()
        for task in try await system.sandbox.tasks() {
            guard let prompt = task["input"]?["prompt"]?.string,
                let number = Int(prompt.split(separator: " ").last ?? ""),
                let calledBack = task["deliveries"]?.array?.first?["at"]?.integer,
                let sent = sendings["chat \(810_000_000 + number)"]?.first(where: { $0 >= calledBack })
            else { continue }
            latencies.record(.milliseconds(sent - calledBack))
        }
        bench.require("results_timed", Double(latencies.count), .atLeast(Double(jobs) * 0.98))
        bench.require("callback_to_telegram_p50_ms", latencies.milliseconds(0.5), .atMost(50))
        bench.require("callback_to_telegram_p99_ms", latencies.milliseconds(0.99), .atMost(250))
    }
}
