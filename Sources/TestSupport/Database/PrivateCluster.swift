internal import Concurrency
internal import EventLoop
internal import FaultProxy
internal import Foundation
internal import Glibc
package import Testing
internal import Time

/// A PostgreSQL server that one suite owns, to stop, kill and restart it, with TLS and passwords.
///
/// Made by initdb in a temporary folder; the superuser `root` may connect through the socket without a password, over
/// TCP everybody needs TLS and a password (SCRAM). fsync is off.
package final class PrivateCluster: Sendable {
    /// How `stop` ends the server.
    package enum Stop: String, Sendable {
        /// Sessions are ended, everything is written.
        case fast
        /// As a crash: the next start recovers from the log.
        case immediate
    }

    /// The folder of the socket and of `authority.pem`, which signed the server's certificate for `localhost`.
    package let folder: String
    /// The TCP port on 127.0.0.1.
    package let port: Int
    private let binaries: String
    private let process = Locked<Process?>(nil)

    @TaskLocal private static var bound: PrivateCluster?

    /// The cluster of the suite that runs; only with the trait `.privateCluster`.
    package static var current: PrivateCluster {
        guard let bound else { preconditionFailure("the suite lacks the trait .privateCluster") }
        return bound
    }

    /// For the superuser, through the socket.
    package func url(database: String = "postgres") -> String {
        "postgresql://root@/\(database)?host=\(folder)&port=\(port)"
    }

    /// Over TCP.
    package func networkURL(user: String, password: String, host: String, options: String) -> String {
        "postgresql://\(user):\(password)@\(host):\(port)/postgres?\(options)"
    }

    package var certificateAuthorityFile: String { folder + "/authority.pem" }

    private init() throws {
        binaries = try Self.findBinaries()
        folder = FileManager.default.temporaryDirectory.path + "/atelier-pg-" + UUID().uuidString.prefix(8)
        port = try FaultProxy.freePort()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0 { try run("/bin/chown", ["postgres:postgres", folder], asOwner: false) }
        try run(
            binaries + "/initdb",
            ["-D", folder + "/data", "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        )
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        try write(rules, to: "data/pg_hba.conf")
        try makeCertificates()
    }

    // MARK: The server

    /// Starts the server and waits until it answers.
    package func start() async throws {
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(folder)", "fsync=off",
            "ssl=on", "ssl_cert_file=\(folder)/server.pem", "ssl_key_file=\(folder)/server.key",
            "max_connections=40", "password_encryption=scram-sha-256", "autovacuum=off", "shared_buffers=16MB",
        ]
        // The server ends by itself if this process dies without stopping it.
        let arguments = ["-s", "INT", "600", binaries + "/postgres", "-D", folder + "/data"]
        let started = try launch("/usr/bin/timeout", arguments + settings.flatMap { ["-c", $0] })
        process.withLock { $0 = started }
        for _ in 0..<400 {
            if try status(binaries + "/pg_isready", ["-q", "-h", folder, "-p", "\(port)"]) == 0 { return }
            try await ScratchDatabase.loop.sleep(for: .milliseconds(25))
        }
        throw ClusterFailure("the server does not answer: " + text(of: "log"))
    }

    /// Ends the server and waits for it.
    package func stop(_ how: Stop) throws {
        _ = try status(binaries + "/pg_ctl", ["stop", "-s", "-w", "-D", folder + "/data", "-m", how.rawValue])
        process.withLock { $0.take() }?.waitUntilExit()
    }

    /// Stops and starts.
    package func restart(_ how: Stop) async throws {
        try stop(how)
        try await start()
    }

    /// A cluster for as long as `body` runs.
    static func with(_ body: @Sendable () async throws -> Void) async throws {
        let cluster = try PrivateCluster()
        defer {
            try? cluster.stop(.immediate)  // A test may have stopped it.
            try? FileManager.default.removeItem(atPath: cluster.folder)  // Litter in a temporary folder fails nothing.
        }
        try await cluster.start()
        try await $bound.withValue(cluster) { try await body() }
    }

    // MARK: Files and processes

    /// An authority, and a certificate of it for `localhost`.
    private func makeCertificates() throws {
        let openssl = "/usr/bin/openssl"
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try run(
            openssl,
            ["req", "-x509"] + key + ["-keyout", "\(folder)/authority.key", "-out", certificateAuthorityFile]
                + ["-days", "2", "-subj", "/CN=test authority"]
        )
        try run(
            openssl,
            ["req"] + key + [
                "-keyout", "\(folder)/server.key", "-out", "\(folder)/server.csr", "-subj", "/CN=localhost",
            ]
        )
        try write("subjectAltName=DNS:localhost\n", to: "server.ext")
        try run(
            openssl,
            ["x509", "-req", "-in", "\(folder)/server.csr", "-CA", certificateAuthorityFile, "-days", "2"]
                + ["-CAkey", "\(folder)/authority.key", "-CAcreateserial", "-extfile", "\(folder)/server.ext"]
                + ["-out", "\(folder)/server.pem"]
        )
        try run("/bin/chmod", ["0600", "\(folder)/server.key"])
    }

    private func write(_ text: String, to file: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(file)"))
    }

    private func text(of file: String) -> String {
        (try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)) ?? ""
    }

    private func run(_ tool: String, _ arguments: [String], asOwner: Bool = true) throws {
        guard try status(tool, arguments, asOwner: asOwner) == 0 else {
            throw ClusterFailure("\(tool) \(arguments.joined(separator: " ")) failed: " + text(of: "log"))
        }
    }

    private func status(_ tool: String, _ arguments: [String], asOwner: Bool = true) throws -> Int32 {
        let process = try launch(tool, arguments, asOwner: asOwner)
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// PostgreSQL refuses to run as root, so that root runs it as `postgres`.
    private func launch(_ tool: String, _ arguments: [String], asOwner: Bool = true) throws -> Process {
        let process = Process()
        let isRoot = getuid() == 0 && asOwner
        process.executableURL = URL(filePath: isRoot ? "/usr/sbin/runuser" : tool)
        process.arguments = (isRoot ? ["-u", "postgres", "--", tool] : []) + arguments
        process.currentDirectoryURL = URL(filePath: "/")
        process.standardInput = FileHandle.nullDevice
        let log = folder + "/log"
        if !FileManager.default.fileExists(atPath: log) { try Data().write(to: URL(filePath: log)) }
        let handle = try FileHandle(forWritingTo: URL(filePath: log))
        try handle.seekToEnd()
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        return process
    }

    private static func findBinaries() throws -> String {
        if let folder = ProcessInfo.processInfo.environment["ATELIER_POSTGRES_BIN"], !folder.isEmpty { return folder }
        let base = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: base).compactMap(Int.init)
        guard let newest = versions.max() else { throw ClusterFailure("PostgreSQL is not installed") }
        return "\(base)/\(newest)/bin"
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
