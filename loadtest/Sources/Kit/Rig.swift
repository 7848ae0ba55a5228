package import Contracts
package import EventLoop
internal import Foundation
internal import Glibc
internal import HTTPClient
package import LocalSystem
internal import Telemetry
internal import Time

/// A private PostgreSQL that keeps what it is told, and services on it that a benchmark starts, kills and starts again.
///
/// Lives in a folder of its own on the checkout's disk, because a temporary folder may lie in memory, where fsync costs
/// nothing. Unlike `Stage`, nothing is restarted by itself.
package struct Rig: Sendable {
    /// The folder's project: same executables as this one, state of its own.
    package let project: Project
    package let cluster: Cluster
    package let credentials: Credentials
    package let loop: EventLoop

    /// Makes the cluster anew, starts it and makes the databases and roles of all services.
    ///
    /// - Parameters:
    ///   - name: The folder's name below `.atelier/loadtest`; one rig at a time has it.
    ///   - settings: PostgreSQL settings beyond those of `atelier up`.
    ///   - variables: Environment of the server, e.g. `LD_PRELOAD` for a slower disk.
    ///   - keeps: Goes on with the databases of the last run if there are any.
    /// - Returns: The rig and its running server.
    package static func open(
        _ name: String,
        loop: EventLoop,
        settings: [String: String] = [:],
        variables: [String: String] = [:],
        keeps: Bool = false
    ) async throws -> (rig: Rig, postgres: RunningProcess) {
        let root = Project.current()
        let state = root.state + "/loadtest/\(name)"
        let project = Project(
            environment: ["ATELIER_PROJECT": root.root, "ATELIER_DATA": state],
            workingDirectory: root.root,
            executable: root.binary("loadtest")
        )
        let rig = Rig(
            project: project,
            cluster: Cluster(
                placement: ClusterPlacement.forProject(project, name: "postgres"),
                installation: try PostgresInstallation.find(environment: ProcessInfo.processInfo.environment),
                purpose: .lasting,
                settings: settings,
                variables: variables
            ),
            credentials: Credentials(),
            loop: loop
        )
        await rig.cluster.stopLeftOver()
        if !keeps { rig.removeFolders() }
        try project.prepare()
        _ = try await rig.cluster.prepare()
        let postgres = try await rig.startPostgres()
        try await Provisioning(cluster: rig.cluster, credentials: rig.credentials).run(log: project.log("provision"))
        try await rig.checkDurability()
        return (rig, postgres)
    }

    /// Starts the server on the data that is there and waits until it answers, also after `kill -9`.
    package func startPostgres() async throws -> RunningProcess {
        var server = cluster.server
        server.output = .file(project.log("postgres"))
        let deadline = Deadline.after(.seconds(60))
        while true {
            let process = try RunningProcess("postgres", server)
            // For about two seconds after a kill a start is refused because the old one's memory is still in use.
            while process.ending == nil && !deadline.isExpired {
                if await cluster.isAnswering() { return process }
                try await loop.sleep(for: .milliseconds(20))
            }
            guard !deadline.isExpired else {
                throw OperatorError("PostgreSQL does not answer:\n\(LogTail.last(ofFile: project.log("postgres")))", "")
            }
            try await loop.sleep(for: .milliseconds(200))
        }
    }

    /// A figure that was measured on a database which may lose commits says nothing.
    private func checkDurability() async throws {
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = try await psql("show \(setting)").trimmingCharacters(in: .whitespacesAndNewlines)
            guard value == "on" else {
                throw OperatorError("\(setting) is \(value): this database may lose commits.", "Switch it on.")
            }
        }
    }

    /// Runs SQL as administrator and returns psql's unaligned output.
    package func psql(_ sql: String, database: String = "postgres") async throws -> String {
        let url = cluster.placement.url(database: database, user: Cluster.administrator)
        return try await Tool.output(
            cluster.installation.psql,
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]
        )
    }

    /// Settings of a server that keeps the files of its log for `warmLog`.
    package static let warmLogSettings = ["min_wal_size": "2GB", "max_wal_size": "4GB"]

    /// Gives a new server the log files that one has which has run for a day. It makes each of them anew otherwise: every
    /// 16 MB all commits wait until a file is filled with zeros, which is what the slowest hundredth would tell.
    package func warmLog() async throws {
        let switches = """
            do $$ begin
                for n in 1..128 loop
                    perform pg_logical_emit_message(false, 'warm', 'log'); perform pg_switch_wal();
                end loop;
            end $$
            """
        // Twice: a file is kept for later when it is older than the checkpoint before.
        for sql in [switches, "checkpoint", "checkpoint"] { _ = try await psql(sql) }
    }

    /// The environment of services whose listeners have these ports; see `ChildEnvironment`.
    package func children(ports: [(listener: String, port: Int)]) -> ChildEnvironment {
        ChildEnvironment(
            project: project,
            ports: PortPlan(wanted: ports, isFree: { _ in true }),
            credentials: credentials,
            placement: cluster.placement,
            operatorEnvironment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
        )
    }

    /// Migrates a service's database.
    package func migrate(_ service: ServiceName, _ children: ChildEnvironment) async throws {
        let log = project.log("\(service.rawValue)-migrate")
        let status = try await Command(
            executable: project.binary(service.rawValue),
            arguments: ["migrate"],
            environment: children.migration(service),
            output: .file(log)
        ).run()
        guard status == .exited(0) else {
            throw OperatorError("\(service.rawValue) can't migrate:\n\(LogTail.last(ofFile: log))", "See \(log).")
        }
    }

    /// Starts a service and waits until it is ready.
    ///
    /// - Parameters:
    ///   - instance: Names its log; several instances of a service need listeners of their own in `children`.
    ///   - variables: Configuration beyond that of `children`.
    package func start(
        _ service: ServiceName,
        _ children: ChildEnvironment,
        instance: String = "",
        variables: [String: String] = [:],
        within: Duration = .seconds(30)
    ) async throws -> RunningProcess {
        let log = project.log(service.rawValue + instance)
        let process = try RunningProcess(
            service.rawValue + instance,
            Command(
                executable: project.binary(service.rawValue),
                arguments: ["serve"],
                environment: children.service(service).merging(variables) { $1 },
                output: .file(log)
            )
        )
        let deadline = Deadline.after(within)
        let probe = Probe(loop: loop, ports: children.ports)
        var trouble = "it has ended"
        while process.ending == nil && !deadline.isExpired {
            guard let missing = await probe.trouble(of: service) else {
                await probe.close()
                return process
            }
            trouble = missing
            try await loop.sleep(for: .milliseconds(20))
        }
        await probe.close()
        process.signal(SIGKILL)
        throw OperatorError(
            "\(service.rawValue) does not become ready (\(trouble)):\n\(LogTail.last(ofFile: log))",
            "See \(log)."
        )
    }

    /// Removes everything; call it when the server has been stopped.
    package func removeFolders() {
        for folder in [cluster.placement.folder, project.state] {
            // What can't be removed is found by the next run, which says so.
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
}
