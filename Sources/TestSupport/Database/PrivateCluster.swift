internal import Concurrency
internal import EventLoop
internal import FaultProxy
internal import Foundation
internal import LocalSystem
package import Testing
internal import Time

/// A PostgreSQL server that one suite owns, to stop, kill and restart it, with TLS and passwords.
///
/// Lives in a temporary folder; the administrator may connect through the socket without a password, over TCP everybody
/// needs TLS and a password (SCRAM). fsync is off.
package final class PrivateCluster: Sendable {
    /// How `stop` ends the server.
    package enum Stop: String, Sendable {
        /// Sessions are ended, everything is written.
        case fast
        /// As a crash: the next start recovers from the log.
        case immediate
    }

    private let folder: String
    private let port: Int
    private let cluster: Cluster
    /// Set when the server that was started last has ended.
    private let hasEnded = Locked(true)

    @TaskLocal private static var bound: PrivateCluster?

    /// The cluster of the suite that runs; only with the trait `.privateCluster`.
    package static var current: PrivateCluster {
        guard let bound else { preconditionFailure("the suite lacks the trait .privateCluster") }
        return bound
    }

    /// For the administrator, through the socket.
    package func url(database: String = "postgres") -> String {
        cluster.placement.url(database: database, user: Cluster.administrator) + "&port=\(port)"
    }

    /// Over TCP.
    package func networkURL(user: String, password: String, host: String, options: String) -> String {
        "postgresql://\(user):\(password)@\(host):\(port)/postgres?\(options)"
    }

    /// What signed the server's certificate for `localhost`.
    package var certificateAuthorityFile: String { cluster.placement.data + "/authority.pem" }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/atelier-pg-" + UUID().uuidString.prefix(8)
        port = try FaultProxy.freePort()
        cluster = Cluster(
            placement: ClusterPlacement(
                name: "postgres",
                state: folder,
                isRoot: HostSystem.isRoot,
                postgresCanEnter: true
            ),
            installation: try PostgresInstallation.find(environment: ProcessInfo.processInfo.environment),
            purpose: .throwAway,
            port: port,
            settings: [
                "listen_addresses": "127.0.0.1", "ssl": "on", "ssl_cert_file": "server.pem",
                "ssl_key_file": "server.key", "max_connections": "40", "shared_buffers": "16MB",
                // What was acknowledged must be there after a crash of the server, which has no fsync, not of the machine.
                "synchronous_commit": "on",
            ]
        )
    }

    private func prepare() async throws {
        _ = try await cluster.prepare()
        try write("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n", to: "pg_hba.conf")
        try makeCertificates()
    }

    // MARK: The server

    /// Starts the server and waits until it answers.
    package func start() async throws {
        var server = cluster.server
        // The server ends by itself if this process dies without stopping it.
        server.arguments = ["-s", "INT", "600", server.executable] + server.arguments
        server.executable = "/usr/bin/timeout"
        server.output = .file(folder + "/log")
        hasEnded.withLock { $0 = false }
        _ = try server.start { [hasEnded] _ in hasEnded.withLock { $0 = true } }
        let deadline = Deadline.after(.seconds(20))
        while !deadline.isExpired, !hasEnded.withLock({ $0 }) {
            if await cluster.isAnswering() { return }
            try await ScratchDatabase.loop.sleep(for: .milliseconds(25))
        }
        throw ClusterFailure("the server does not answer: " + LogTail.last(ofFile: folder + "/log"))
    }

    /// Ends the server and waits for it.
    package func stop(_ how: Stop) async throws {
        let arguments = ["stop", "-s", "-w", "-D", cluster.placement.data, "-m", how.rawValue]
        try run(cluster.installation.binaries + "/pg_ctl", arguments)
        while !hasEnded.withLock({ $0 }) { try await ScratchDatabase.loop.sleep(for: .milliseconds(5)) }
    }

    /// Stops and starts.
    package func restart(_ how: Stop) async throws {
        try await stop(how)
        try await start()
    }

    /// A cluster for as long as `body` runs.
    static func with(_ body: @Sendable () async throws -> Void) async throws {
        let cluster = try PrivateCluster()
        // Litter in a temporary folder fails nothing.
        defer { try? FileManager.default.removeItem(atPath: cluster.folder) }
        do {
            try await cluster.prepare()
            try await cluster.start()
            try await $bound.withValue(cluster) { try await body() }
        } catch {
            try? await cluster.stop(.immediate)  // What went wrong before is what counts.
            throw error
        }
        if !cluster.hasEnded.withLock({ $0 }) { try await cluster.stop(.immediate) }
    }

    // MARK: Files

    /// An authority, and a certificate of it for `localhost`.
    private func makeCertificates() throws {
        let openssl = "/usr/bin/openssl"
        let data = cluster.placement.data
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try run(
            openssl,
            ["req", "-x509"] + key + ["-keyout", "\(data)/authority.key", "-out", certificateAuthorityFile]
                + ["-days", "2", "-subj", "/CN=test authority"]
        )
        try run(
            openssl,
            ["req"] + key + ["-keyout", "\(data)/server.key", "-out", "\(data)/server.csr", "-subj", "/CN=localhost"]
        )
        try write("subjectAltName=DNS:localhost\n", to: "server.ext")
        try run(
            openssl,
            ["x509", "-req", "-in", "\(data)/server.csr", "-CA", certificateAuthorityFile, "-days", "2"]
                + ["-CAkey", "\(data)/authority.key", "-CAcreateserial", "-extfile", "\(data)/server.ext"]
                + ["-out", "\(data)/server.pem"]
        )
        try run("/bin/chmod", ["0600", "\(data)/server.key"])
    }

    private func write(_ text: String, to file: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(cluster.placement.data)/\(file)"))
    }

    /// Runs a tool as the user that the server runs as.
    private func run(_ tool: String, _ arguments: [String]) throws {
        let done = try Command(executable: tool, arguments: arguments).asUser(cluster.placement.user).runAndWait()
        guard done.status == .exited(0) else {
            throw ClusterFailure("\(tool) \(arguments.joined(separator: " ")) failed: \(LogTail.last(of: done.output))")
        }
    }
}

/// Why a private cluster can't be used.
struct ClusterFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Gives a suite a PostgreSQL server of its own; its tests run one after the other.
package struct PrivateClusterTrait: SuiteTrait, TestScoping {
    package var isRecursive: Bool { false }

    @concurrent package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await PrivateCluster.with(function)
    }
}

extension Trait where Self == PrivateClusterTrait {
    /// Use it together with `.serialized`.
    package static var privateCluster: Self { PrivateClusterTrait() }
}
