internal import Contracts
internal import EventLoop
internal import LocalSystem

/// `atelier status`: what runs, where, and what it lacks.
struct Status: Sendable {
    let project: Project
    let loop: EventLoop

    /// - Returns: The text, and 0 if everything is ready.
    func run() async -> (text: String, code: Int32) {
        guard let run = RunFile.read(project.runFile) else {
            return ("Atelier is not running for \(project.root). Start it with: make run", 1)
        }
        let probe = Probe(loop: loop, ports: run.ports)
        let missing = await probe.missing()
        var rows = [["service", "address", "state", "up", "migrations"]]
        rows.append(["sandbox", address(run, "sandbox"), missing["sandbox"] ?? "ready", "", ""])
        for service in Project.services {
            let health = await probe.health(service)
            rows.append([
                service.rawValue, address(run, service.rawValue), missing[service.rawValue] ?? "ready",
                Self.uptime(health?["uptime_seconds"]?.integer), Self.migrations(health?["database"]),
            ])
        }
        return (TextTable(rows).text, missing.isEmpty ? 0 : 1)
    }

    private func address(_ run: RunFile, _ name: String) -> String { "http://127.0.0.1:\(run.ports[name] ?? 0)" }

    static func uptime(_ seconds: Int64?) -> String {
        guard let seconds else { return "" }
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7_200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3_600) h"
        default: return "\(seconds / 86_400) d"
        }
    }

    static func migrations(_ database: JSONValue?) -> String {
        guard let applied = database?["migrations_applied"]?.array,
            let expected = database?["migrations_expected"]?.array
        else { return "" }
        return "\(applied.count) of \(expected.count)"
    }
}
