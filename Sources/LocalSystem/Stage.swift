internal import Concurrency
internal import Configuration
internal import Contracts
package import EventLoop
internal import Foundation
package import Glibc
internal import HTTPClient
internal import Postgres
internal import ServiceKit
internal import Telemetry
internal import Time

/// A whole system of its own for the demo and for load: `atelier up` on a fresh folder, with failpoints that can be armed.
package struct Stage: Sendable {
    package let project: Project
    package let loop: EventLoop
    private let process: pid_t
    private let ended: Locked<ExitStatus?>
    private let environment: [String: String]

    /// How long a cold start may take: a new cluster, six migrations, seven processes.
    private static let startLimit = Duration.seconds(90)

    package var failpoints: String { project.state + "/failpoints" }

    /// Starts `atelier up` and waits until everything is ready.
    package static func open(root: Project, environment: [String: String], loop: EventLoop) async throws -> Stage {
        let folder = NSTemporaryDirectory() + "atelier-stage-\(getpid())"
        var environment = environment
        environment["ATELIER_DATA"] = folder
        environment["ATELIER_PROJECT"] = root.root
        environment[Failpoint.key] = folder + "/failpoints"
        // A person waits: the sandbox's tasks take 2 s, and a lost callback is looked for soon.
        environment["ATELIER_SANDBOX_KIE_DELAY"] = environment["ATELIER_SANDBOX_KIE_DELAY"] ?? "2s"
        environment["ATELIER_KIE_POLL_FIRST"] = environment["ATELIER_KIE_POLL_FIRST"] ?? "4s"
        environment["ATELIER_KIE_POLL_INTERVAL"] = environment["ATELIER_KIE_POLL_INTERVAL"] ?? "2s"
        try FileManager.default.createDirectory(atPath: folder + "/failpoints", withIntermediateDirectories: true)
        // PostgreSQL runs as another user where this one is root.
        unsafe chmod(folder, 0o755)

        let project = Project(environment: environment, workingDirectory: root.root, executable: root.binary("atelier"))
        let ended = Locked<ExitStatus?>(nil)
        let command = Command(
            executable: root.binary("atelier"),
            arguments: ["up"],
            environment: environment,
            input: .heldOpen,
            output: .file(folder + "/up.log"),
            ownSession: true
        )
        let pid = try command.start { status in ended.withLock { $0 = status } }
        let stage = Stage(project: project, loop: loop, process: pid, ended: ended, environment: environment)
        try await stage.waitUntilReady()
        return stage
    }

    private func waitUntilReady() async throws {
        let deadline = Deadline.after(Self.startLimit)
        while !deadline.isExpired {
            if let status = ended.withLock({ $0 }) {
                throw OperatorError(
                    "The system did not start (\(status)):\n\(LogTail.last(ofFile: project.state + "/up.log"))",
                    "Its logs are in \(project.logs)."
                )
            }
            if let run = RunFile.read(project.runFile) {
                let left = deadline.remaining
                if await Probe(loop: loop, ports: run.ports).waitUntilReady(within: left).isEmpty { return }
            }
            try await loop.sleep(for: .milliseconds(100))
        }
        throw OperatorError("The system was not ready within 90 s.", "Its logs are in \(project.logs).")
    }

    /// Stops everything; the folder is removed after a success and kept for a look otherwise.
    package func close(keep: Bool) async {
        kill(process, SIGTERM)
        let deadline = Deadline.after(.seconds(30))
        while ended.withLock({ $0 }) == nil && !deadline.isExpired {
            // Only a cancelled demo ends the wait early.
            guard (try? await loop.sleep(for: .milliseconds(50))) != nil else { break }
        }
        if ended.withLock({ $0 }) == nil { kill(process, SIGKILL) }
        guard !keep else { return }
        let placement = ClusterPlacement.forProject(project, name: "postgres")
        for folder in [placement.folder, project.state] {
            // What can't be removed lies in the temporary folder and harms nobody.
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    // MARK: - Ways in

    package var ports: [String: Int] { RunFile.read(project.runFile)?.ports ?? [:] }
    package var sandboxURL: String { "http://127.0.0.1:\(ports["sandbox"] ?? 0)" }

    package func children() throws -> ChildEnvironment {
        ChildEnvironment(
            project: project,
            ports: PortPlan(wanted: ports.map { ($0.key, $0.value) }, isFree: { _ in true }),
            credentials: try Credentials.load(from: project.secretsFile),
            placement: ClusterPlacement.forProject(project, name: "postgres"),
            operatorEnvironment: environment
        )
    }

    // MARK: - Processes

    /// The server process of PostgreSQL, from the first line of its pid file.
    package var postgresProcess: pid_t? {
        let file = ClusterPlacement.forProject(project, name: "postgres").data + "/postmaster.pid"
        guard let text = FileManager.default.contents(atPath: file).map({ String(decoding: $0, as: UTF8.self) }) else {
            return nil
        }
        return text.split(separator: "\n").first.flatMap { pid_t($0) }
    }

    /// Ids of the running processes of a child, found by executable and parent.
    package func processes(of name: String) -> [pid_t] {
        let executable = project.binary(name)
        return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
            .filter { pid in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")) == executable
                    && Self.parent(of: pid) == process
            }
    }

    /// Proportional set size of a child in bytes.
    package func memory(of name: String) -> Int64? {
        guard let pid = processes(of: name).first,
            let data = FileManager.default.contents(atPath: "/proc/\(pid)/smaps_rollup"),
            let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first(where: {
                $0.hasPrefix("Pss:")
            })
        else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * 1_024 }
    }

    private static func parent(of pid: pid_t) -> pid_t? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        // The name in parentheses may hold spaces; what follows the last one is state, then the parent.
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
    }
}
