internal import Concurrency
internal import EventLoop
internal import Foundation
internal import Glibc
internal import LocalSystem
internal import Time

/// `atelier test-cluster`: a throw-away PostgreSQL for tests, without fsync.
///
/// With a command behind it, runs the command with `ATELIER_TEST_DATABASE_URL` set and stops the cluster afterwards.
/// Without one, leaves it running and prints the URL; `atelier test-cluster stop` ends it.
struct TestCluster: Sendable {
    static let variable = "ATELIER_TEST_DATABASE_URL"

    let project: Project
    let environment: [String: String]
    let loop: EventLoop

    func run(_ arguments: [String]) async throws -> Int32 {
        try project.prepare()
        let cluster = Cluster(
            placement: ClusterPlacement.forProject(project, name: "test-postgres"),
            installation: try PostgresInstallation.find(environment: environment),
            purpose: .throwAway
        )
        if arguments == ["stop"] {
            await cluster.stopLeftOver()
            return 0
        }
        let users = HostSystem.lock(project.state + "/test-cluster.lock", .shared)
        defer { if let users { HostSystem.unlock(users) } }
        try await start(cluster)
        let url = cluster.placement.url(database: "postgres", user: Cluster.administrator)
        guard !arguments.isEmpty else {
            Console.say(url)
            return 0
        }
        // Ctrl-C reaches the command too, which ends; we stay to stop the cluster.
        signal(SIGINT, SIG_IGN)
        let command = Command(
            executable: "/usr/bin/env",
            arguments: arguments,
            environment: environment.merging([Self.variable: url]) { $1 },
            input: .inherit
        )
        let status = try await command.run()
        // Another run may use it as well; the last one stops it.
        if let users, HostSystem.makeExclusive(users) { await cluster.stopLeftOver() }
        return status.shellCode
    }

    /// Starts the server unless it runs already. A cluster without fsync may be broken after the machine failed; it
    /// holds nothing of worth, so that it is made anew then.
    private func start(_ cluster: Cluster) async throws {
        _ = try await cluster.prepare()
        if cluster.leftOver() != nil, await cluster.isAnswering() { return }
        if try await startOnce(cluster, patience: .seconds(20)) { return }
        await cluster.stopLeftOver()
        try cluster.discard()
        _ = try await cluster.prepare()
        if try await startOnce(cluster, patience: .seconds(20)) { return }
        throw OperatorError(
            "The test database does not answer. The end of its log:\n\(LogTail.last(ofFile: log))",
            "See \(log)."
        )
    }

    private func startOnce(_ cluster: Cluster, patience: Duration) async throws -> Bool {
        var server = cluster.server
        server.output = .file(log)
        server.ownSession = true
        let hasEnded = Locked(false)
        _ = try server.start { _ in hasEnded.withLock { $0 = true } }
        let deadline = Deadline.after(patience)
        while !deadline.isExpired && !hasEnded.withLock({ $0 }) {
            if await cluster.isAnswering() { return true }
            try await loop.sleep(for: .milliseconds(50))
        }
        return false
    }

    private var log: String { project.log("test-postgres") }
}
