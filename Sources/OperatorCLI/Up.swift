internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Foundation
internal import Lifecycle
internal import LocalSystem
internal import Time

/// `atelier up`: a private PostgreSQL, the sandbox and the six services on this machine, until told to stop.
struct Up: Sendable {
    private let project: Project
    private let environment: [String: String]
    private let loop: EventLoop
    private let started = Deadline.monotonicNow()

    init(project: Project, environment: [String: String], loop: EventLoop) {
        self.project = project
        self.environment = environment
        self.loop = loop
    }

    /// - Returns: The exit code: 0 after an orderly stop, 1 if something kept it from starting.
    func run() async throws -> Int32 {
        try project.prepare()
        try checkBinaries()
        guard let lock = HostSystem.lock(project.lockFile) else {
            throw OperatorError(
                "Atelier runs already for \(project.root).",
                "Look at it with: atelier status\nStop it with Ctrl-C in its own terminal."
            )
        }
        defer { HostSystem.unlock(lock) }
        // What a killed child left there; it is made again by the next line.
        try? FileManager.default.removeItem(atPath: project.temporary)
        try project.prepare()
        let installation = try PostgresInstallation.find(environment: environment)
        let cluster = Cluster(
            placement: ClusterPlacement.forProject(project, name: "postgres"),
            installation: installation,
            purpose: .lasting
        )
        let credentials = try Credentials.load(from: project.secretsFile)
        Console.say("Preparing the database (PostgreSQL \(installation.version)) …")
        if try await cluster.prepare() { Console.say("Made a new one in \(cluster.placement.folder).") }
        let ports = PortPlan(wanted: PortPlan.wanted(environment), isFree: HostSystem.isFree)
        let children = ChildEnvironment(
            project: project,
            ports: ports,
            credentials: credentials,
            placement: cluster.placement,
            operatorEnvironment: environment
        )
        return try await supervise(cluster, credentials, ports, children)
    }

    private func supervise(
        _ cluster: Cluster,
        _ credentials: Credentials,
        _ ports: PortPlan,
        _ children: ChildEnvironment
    ) async throws -> Int32 {
        let supervision = Supervision(
            Self.children,
            commands: commands(cluster, children),
            loop: loop,
            beforeStart: { name in if name == "postgres" { await cluster.stopLeftOver() } },
            say: { Console.say($0) }
        )
        let decision = Locked(StopDecision())
        StopSignals.listen { number in
            switch decision.withLock({ $0.signalled() }) {
            case .stop:
                Console.say("\nStopping …")
                supervision.send(.stop)
            case .exitAtOnce:
                // Children see the end of their input and stop by themselves.
                exit(128 + number)
            }
        }
        let failure = Locked<(any Error)?>(nil)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await bringUp(supervision, cluster, credentials, ports, children)
                } catch is CancellationError {
                    // Stopped by the operator.
                } catch {
                    // What fails because everything is being stopped is no news.
                    if !decision.withLock({ $0.isStopping }) { failure.withLock { $0 = error } }
                    supervision.send(.stop)
                }
            }
            await supervision.run()
            group.cancelAll()
        }
        RunFile.remove(project.runFile)
        if let error = failure.withLock({ $0 }) { throw error }
        Console.say("Stopped. Everything is kept in \(project.state).")
        return 0
    }

    private func bringUp(
        _ supervision: Supervision,
        _ cluster: Cluster,
        _ credentials: Credentials,
        _ ports: PortPlan,
        _ children: ChildEnvironment
    ) async throws {
        supervision.send(.bringUp(tier: 0))
        try await waitForDatabase(cluster)
        try await Provisioning(cluster: cluster, credentials: credentials).run(log: project.log("provision"))
        try await migrate(children)
        Console.say("Starting the sandbox and the services …")
        supervision.send(.bringUp(tier: 1))
        try RunFile(ports: ports).write(to: project.runFile)
        let waiting = Probe(loop: loop, ports: ports)
        let missing = await waiting.waitUntilReady(within: .seconds(60))
        await waiting.close()
        let seconds = Double(Deadline.monotonicNow() - started) * 1e-9
        Console.say(StartReport(project: project, ports: ports, missing: missing, seconds: seconds).text)
        if missing.isEmpty == false { throw StartReport.failure(missing, project) }
        try await keepLogsSmall()
    }

    private func waitForDatabase(_ cluster: Cluster) async throws {
        // Redo after a crash takes about 5 s for the 512 MB of log that a cluster may have.
        let deadline = Deadline.after(.seconds(60))
        while !deadline.isExpired {
            if await cluster.isAnswering() { return }
            try await loop.sleep(for: .milliseconds(50))
        }
        throw OperatorError(
            "The database does not answer. The end of its log:\n\(LogTail.last(ofFile: project.log("postgres")))",
            "Mend what it says, then start again; nothing was lost."
        )
    }

    private func migrate(_ children: ChildEnvironment) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in Project.services {
                group.addTask {
                    let log = project.log("\(service.rawValue)-migrate")
                    let command = Command(
                        executable: project.binary(service.rawValue),
                        arguments: ["migrate"],
                        environment: children.migration(service),
                        output: .file(log)
                    )
                    let status = try await command.run()
                    guard status == .exited(0) else {
                        throw OperatorError(
                            "The migrations of \(service.rawValue) failed (\(status)):\n\(LogTail.last(ofFile: log))",
                            "Everything is as it was before; see \(log)."
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Children append to their logs themselves; what grows beyond the limit is moved aside once.
    private func keepLogsSmall() async throws {
        while true {
            try await loop.sleep(for: .seconds(60))
            LogFiles.trim(folder: project.logs)
        }
    }

    private func commands(_ cluster: Cluster, _ children: ChildEnvironment) -> [String: Command] {
        LogFiles.trim(folder: project.logs)
        let server = cluster.server
        var commands = [
            "postgres": Command(
                executable: project.binary("atelier"),
                arguments: ["keep", server.executable] + server.arguments,
                environment: Cluster.plainEnvironment.merging([StopSignals.stopsWithInputVariable: "1"]) { $1 },
                input: .heldOpen,
                output: .file(project.log("postgres")),
                ownSession: true
            ),
            "sandbox": Command(
                executable: project.binary("sandbox"),
                environment: children.sandbox(),
                input: .heldOpen,
                output: .file(project.log("sandbox")),
                ownSession: true
            ),
        ]
        for service in Project.services {
            commands[service.rawValue] = Command(
                executable: project.binary(service.rawValue),
                arguments: ["serve"],
                environment: children.service(service),
                input: .heldOpen,
                output: .file(project.log(service.rawValue)),
                ownSession: true
            )
        }
        return commands
    }

    private func checkBinaries() throws(OperatorError) {
        let names = ["sandbox"] + Project.services.map(\.rawValue)
        let missing = names.filter { !FileManager.default.isExecutableFile(atPath: project.binary($0)) }
        guard !missing.isEmpty else { return }
        throw OperatorError(
            "These are not built beside atelier: \(missing.joined(separator: ", ")).",
            "Build everything with: make build"
        )
    }

    /// PostgreSQL below everything that uses it; a service gets longer than its own bound for stopping.
    static let children: [Supervisor.Child] =
        [Supervisor.Child(name: "postgres", tier: 0, grace: .seconds(30))]
        + (["sandbox"] + Project.services.map(\.rawValue)).map { .init(name: $0, tier: 1, grace: .seconds(15)) }
}
