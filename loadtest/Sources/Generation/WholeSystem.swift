internal import Concurrency
internal import Configuration
internal import Contracts
internal import EventLoop
internal import Foundation
internal import Glibc
internal import HTTPClient
internal import LoadtestKit
internal import LocalSystem
internal import Postgres
internal import ServiceKit
internal import Telemetry

/// The sandbox, six services, a second generation and their PostgreSQL, all of which can be killed one by one.
final class WholeSystem: Sendable {
    let rig: Rig
    let children: ChildEnvironment
    let sandbox: SandboxClient
    private let http: HTTPClient
    private let secondGeneration: Int
    private let variables: [String: String]
    private let processes = Locked<[String: RunningProcess]>([:])

    /// Everything that `kill` takes.
    static let victims = ["generation", "generation-2", "billing", "ingress", "delivery", "postgres"]

    /// Provider accounts: so many that their pace of two submissions a second each is not what is measured.
    private static let accounts = 60

    /// Starts everything.
    ///
    /// - Parameter variables: Configuration of the services beyond that of `atelier up`.
    static func open(_ name: String, loop: EventLoop, variables: [String: String]) async throws -> WholeSystem {
        let (rig, postgres) = try await Rig.open(name, loop: loop)
        let listeners = ["sandbox", "public"] + Project.services.map(\.rawValue)
        let ports = try listeners.map { (listener: $0, port: try Tool.freePort()) }
        let system = WholeSystem(
            rig: rig,
            children: rig.children(ports: ports),
            secondGeneration: try Tool.freePort(),
            variables: variables
        )
        system.processes.withLock { $0["postgres"] = postgres }
        for service in Project.services { try await rig.migrate(service, system.children) }
        try await system.startSandbox()
        for service in Project.services { try await system.start(service.rawValue) }
        try await system.start("generation-2")
        return system
    }

    private init(rig: Rig, children: ChildEnvironment, secondGeneration: Int, variables: [String: String]) {
        self.rig = rig
        self.children = children
        self.secondGeneration = secondGeneration
        http = HTTPClient(
            loop: rig.loop,
            configuration: HTTPClientConfiguration(),
            metrics: Metrics(service: "loadtest"),
            log: Log(service: "loadtest", level: .error)
        )
        sandbox = SandboxClient(http: http, baseURL: "http://127.0.0.1:\(children.ports["sandbox"])")
        let keys = (1...Self.accounts).map { "account-\($0)/loadtest-key-\($0)" }
        self.variables = variables.merging(["ATELIER_KIE_KEYS": keys.joined(separator: ",")]) { $1 }
    }

    /// A caller's way to a service.
    ///
    /// - Parameter second: Whether the second instance of generation is meant.
    func client(_ caller: ServiceName, to callee: ServiceName, second: Bool = false) -> InternalClient {
        let port = second ? secondGeneration : children.ports[callee.rawValue]
        return InternalClient(
            service: callee,
            baseURL: "http://127.0.0.1:\(port)",
            token: Secret(rig.credentials.token(caller: caller, callee: callee)),
            http: http,
            metrics: Metrics(service: "loadtest")
        )
    }

    /// CPU time that each process has used so far; PostgreSQL with its backends.
    func cpuSeconds() -> [String: Double] {
        processes.withLock { processes in
            processes.reduce(into: [:]) { seconds, process in
                let (name, pid) = (process.key, process.value.pid)
                seconds[name] =
                    name == "postgres" ? ProcessUsage.ofTree(pid).cpuSeconds : ProcessUsage.of(pid)?.cpuSeconds ?? 0
            }
        }
    }

    /// Kills a process and starts it again at once.
    func kill(_ name: String) async throws {
        try await processes.withLock { $0[name] }?.kill9(rig.loop)
        try await start(name)
    }

    /// Stops everything and removes its data.
    func close() async throws {
        let running = processes.withLock { $0 }
        for (name, process) in running where name != "postgres" { try await process.stop(rig.loop) }
        try await running["postgres"]?.stop(rig.loop, SIGINT)
        rig.removeFolders()
    }

    /// One number out of a service's database.
    func number(_ service: ServiceName, _ sql: String) async throws -> Double {
        let text = try await rig.psql(sql, database: Provisioning.database(service))
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .nan
    }

    /// Changes rows of a service's database, as a situation that is hard to bring about otherwise.
    func change(_ service: ServiceName, _ sql: String) async throws {
        _ = try await rig.psql(sql, database: Provisioning.database(service))
    }

    private func start(_ name: String) async throws {
        let process: RunningProcess
        switch name {
        case "postgres":
            process = try await rig.startPostgres()
        case "generation-2":
            let listen = ["ATELIER_INTERNAL_LISTEN": "127.0.0.1:\(secondGeneration)"]
            // Readiness is asked at the first instance's port, which is enough: nobody is routed to this one by it.
            process = try await rig.start(
                .generation,
                children,
                instance: "-2",
                variables: variables.merging(listen) { $1 }
            )
        default:
            guard let service = ServiceName(rawValue: name) else { return }
            process = try await rig.start(service, children, variables: variables)
        }
        processes.withLock { $0[name] = process }
    }

    private func startSandbox() async throws {
        let keys = (1...Self.accounts).map { "loadtest-key-\($0)" }.joined(separator: ",")
        let process = try RunningProcess(
            "sandbox",
            Command(
                executable: rig.project.binary("sandbox"),
                environment: children.sandbox().merging([
                    "ATELIER_SANDBOX_KIE_KEY": keys, "ATELIER_SANDBOX_KIE_DELAY": "1s",
                ]) { $1 },
                output: .file(rig.project.log("sandbox"))
            )
        )
        processes.withLock { $0["sandbox"] = process }
        while (try? await sandbox.get("/sandbox/chats")) == nil {
            guard process.ending == nil else {
                throw OperatorError("The sandbox ended:\n\(LogTail.last(ofFile: rig.project.log("sandbox")))", "")
            }
            try await rig.loop.sleep(for: .milliseconds(20))
        }
        try await sandbox.post("/sandbox/settings", ["telegram_limits": false, "kie_balance": 10_000_000])
    }
}
