import Concurrency
import Configuration
import Contracts
import EventLoop
import Foundation
import HTTPClient
import LoadtestKit
import LocalSystem
import ServiceKit
import Telemetry
import Time

/// `make bench-client`: calls of our client to another process of ours, through `InternalClient` and a service's route.
///
/// `bench-client [rounds] [seconds]`. The callee is the executable `payments` with its tokens, limits, metrics and trace;
/// `getPaymentOptions` is answered from memory, so that the figure is that of the client and the route. A second row
/// calls billing's `getBalance`, which also asks PostgreSQL.
struct ClientBench {
    let rounds: Int
    let seconds: Double
    let loop: EventLoop
    let http: HTTPClient
    let children: ChildEnvironment

    /// Calls that wait at a time in the closed loop.
    private static let callers = 64
    /// Calls a second of the open loop.
    private static let openRate = 2_000

    static func run(_ loop: EventLoop, _ words: [String]) async throws -> Int32 {
        let (rig, postgres) = try await Rig.open("bench-client", loop: loop)
        let children = rig.children(
            ports: try (["sandbox", "public"] + Project.services.map(\.rawValue)).map { ($0, try Tool.freePort()) }
        )
        var services: [RunningProcess] = []
        for service in [ServiceName.payments, .billing] {
            try await rig.migrate(service, children)
            services.append(try await rig.start(service, children))
        }
        let log = Log(service: "bench", level: .error)
        let bench = ClientBench(
            rounds: words.first.flatMap { Int($0) } ?? 5,
            seconds: words.dropFirst().first.flatMap { Double($0) } ?? 4,
            loop: loop,
            http: HTTPClient(loop: loop, metrics: Metrics(service: "bench"), log: log),
            children: children
        )
        let code = try await bench.measure(payments: services[0])
        await bench.http.shutdown()
        for service in services { try await service.stop(loop) }
        try await postgres.stop(loop, SIGINT)
        rig.removeFolders()
        return code
    }

    private func measure(payments: RunningProcess) async throws -> Int32 {
        let options = client(.payments)
        let balances = client(.billing)
        let user = UserID(700_000_001)
        _ = try await options.call(GetPaymentOptions.self)
        var rates: [Double] = []
        var databaseRates: [Double] = []
        var open: [(p50: Double, p99: Double)] = []
        var cpu: [(client: Double, service: Double)] = []
        for round in 1...rounds {
            Console.say("round \(round) of \(rounds)")
            let before = (own: ProcessUsage.of(getpid()), service: payments.usage)
            let (rate, count) = try await closedLoop { _ = try await options.call(GetPaymentOptions.self) }
            rates.append(rate)
            cpu.append(
                (perCall(before.own, ProcessUsage.of(getpid()), count), perCall(before.service, payments.usage, count))
            )
            open.append(try await openLoop { _ = try await options.call(GetPaymentOptions.self) })
            databaseRates.append(
                try await closedLoop {
                    _ = try await balances.call(GetBalance.self, parameters: GetBalance.Parameters(userID: user))
                }.rate
            )
        }
        return report(rates, databaseRates, open, cpu)
    }

    private func report(
        _ rates: [Double],
        _ databaseRates: [Double],
        _ open: [(p50: Double, p99: Double)],
        _ cpu: [(client: Double, service: Double)]
    ) -> Int32 {
        let (p50, p99) = (open.map(\.p50).median, open.map(\.p99).median)
        let (clientMicros, serviceMicros) = (cpu.map(\.client).median, cpu.map(\.service).median)
        Console.say(
            TextTable(
                [
                    ["calls between two processes, HTTP/1.1 keep-alive", ""],
                    ["getPaymentOptions, \(Self.callers) callers, calls/s", Bench.format(rates.median)],
                    ["  client's CPU, µs a call", Bench.format(clientMicros)],
                    ["  service's CPU, µs a call", Bench.format(serviceMicros)],
                    ["getPaymentOptions at \(Self.openRate)/s, p50 ms", Bench.format(p50)],
                    ["getPaymentOptions at \(Self.openRate)/s, p99 ms", Bench.format(p99)],
                    ["getBalance (with PostgreSQL), calls/s", Bench.format(databaseRates.median)],
                ],
                numbersFrom: 1
            ).text
        )
        var bench = Bench("bench-client")
        bench.require("calls_per_s", rates.median, .atLeast(15_000))
        bench.note("client_cpu_us", clientMicros)
        bench.note("service_cpu_us", serviceMicros)
        bench.note("open_p50_ms", p50)
        bench.require("open_p99_ms", p99, .atMost(5))
        bench.note("balance_calls_per_s", databaseRates.median)
        return bench.finish()
    }

    private func client(_ service: ServiceName) -> InternalClient {
        let access = children.operatorAccess(service)
        return InternalClient(
            service: service,
            baseURL: access.url,
            token: Secret(access.token),
            http: http,
            metrics: Metrics(service: "bench")
        )
    }

    /// Microseconds of CPU a call.
    private func perCall(_ before: ProcessUsage?, _ after: ProcessUsage?, _ count: Int) -> Double {
        guard let before, let after else { return .nan }
        return (after.cpuSeconds - before.cpuSeconds) * 1e6 / Double(count)
    }

    // MARK: Load

    /// Each caller makes its next call when it has the answer of the one before.
    private func closedLoop(_ call: @escaping @Sendable () async throws -> Void) async throws -> (
        rate: Double, count: Int
    ) {
        let started = Deadline.monotonicNow()
        let end = started + UInt64(seconds * 1e9)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<Self.callers {
                group.addTask {
                    var done = 0
                    while Deadline.monotonicNow() < end {
                        try await call()
                        done += 1
                    }
                    return done
                }
            }
            return try await group.reduce(0, +)
        }
        return (Double(count) / (Double(Deadline.monotonicNow() - started) * 1e-9), count)
    }

    /// Calls are due at a fixed rate, whether or not earlier ones have been answered; latency counts from there.
    private func openLoop(
        _ call: @escaping @Sendable () async throws -> Void
    ) async throws -> (p50: Double, p99: Double) {
        let recorder = Locked(LatencyRecorder())
        let gap = UInt64(1_000_000_000 / Self.openRate)
        let total = Int(seconds * Double(Self.openRate))
        let first = Deadline.monotonicNow()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<total {
                let due = Deadline(nanoseconds: first + UInt64(number) * gap)
                if !due.isExpired { try await loop.sleep(for: due.remaining) }
                group.addTask {
                    try await call()
                    let late = Duration.nanoseconds(Int64(Deadline.monotonicNow() - due.nanoseconds))
                    recorder.withLock { $0.record(late) }
                }
            }
            try await group.waitForAll()
        }
        return recorder.withLock { ($0.milliseconds(0.5), $0.milliseconds(0.99)) }
    }
}
