internal import Contracts
internal import EventLoop
internal import Foundation
internal import LoadtestKit
internal import LocalSystem

/// `make bench-idle`: what a whole system costs when nobody asks it for anything.
///
/// Starts a system of its own, gives it `IDLE_REST` (10) seconds to come to rest and watches it for `IDLE_SECONDS` (30).
enum IdleSystem {
    static let scenario = LoadtestCommand.Scenario("bench-idle") { loop, _ in
        let environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
        let stage = try await Stage.open(root: Project.current(), environment: environment, loop: loop)
        var bench = Bench("bench-idle")
        do {
            try await measure(stage, &bench)
        } catch {
            await stage.close(keep: true)
            throw error
        }
        await stage.close(keep: false)
        return bench.finish()
    }

    private static func measure(_ stage: Stage, _ bench: inout Bench) async throws {
        let rest = seconds("IDLE_REST", 10)
        let span = seconds("IDLE_SECONDS", 30)
        try await endProviderSync(stage)
        try await stage.loop.sleep(for: .seconds(rest))
        let names = ServiceName.allCases.filter { $0 != .operator }.map(\.rawValue)
        let before = try names.map { try Sample(stage, $0) }
        let database = stage.postgresProcess.map { ProcessUsage.ofTree($0).cpuSeconds } ?? .nan
        try await stage.loop.sleep(for: .seconds(span))
        var table = [["nobody asks", "% of a core", "wakes a second", "MB"]]
        func percent(_ cpuSeconds: Double) -> Double { 100 * cpuSeconds / Double(span) }
        for (name, first) in zip(names, before) {
            let second = try Sample(stage, name)
            let share = percent(second.usage.cpuSeconds - first.usage.cpuSeconds)
            let wakes = Double(second.wakes - first.wakes) / Double(span)
            table.append([
                name, Bench.format(share), Bench.format(wakes), Bench.format(Double(second.usage.residentBytes) / 1e6),
            ])
            bench.require("\(name)_cpu_percent", share, .atMost(0.2))
        }
        let used = (stage.postgresProcess.map { ProcessUsage.ofTree($0).cpuSeconds } ?? .nan) - database
        table.append(["PostgreSQL for all of them", Bench.format(percent(used)), "", ""])
        bench.note("postgres_cpu_percent", percent(used))
        Console.say(TextTable(table, numbersFrom: 1).text)
    }

    /// Four times a day generation reads the provider's catalogue for some minutes, at a call a second, and begins with it:
    /// that is work, and over.
    private static func endProviderSync(_ stage: Stage) async throws {
        let url = try stage.children().migration(.generation)["ATELIER_DATABASE_OWNER_URL"] ?? ""
        let installation = try PostgresInstallation.find(environment: ProcessInfo.processInfo.environment)
        let sql = "update provider_view set looked_at = now()"
        _ = try await Tool.output(installation.psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
    }

    private static func seconds(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
    }

    /// What one process has used so far.
    private struct Sample {
        let usage: ProcessUsage
        /// How often its threads went to sleep and were woken.
        let wakes: Int

        init(_ stage: Stage, _ name: String) throws {
            guard let pid = stage.processes(of: name).first, let usage = ProcessUsage.of(pid) else {
                throw OperatorError("\(name) does not run.", "Its log is in \(stage.project.logs).")
            }
            self.usage = usage
            wakes = ProcessUsage.sleeps(of: pid)
        }
    }
}
