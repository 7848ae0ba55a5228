internal import Foundation
internal import Glibc

/// A private PostgreSQL cluster: reachable by its socket only, unknown to Debian's own tooling and never its 5432.
package struct Cluster: Sendable {
    /// The superuser; may connect through the socket without a password, since only its owner and root reach it.
    package static let administrator = "atelier_admin"

    /// What a cluster is for.
    package enum Purpose: Sendable {
        /// Keeps what it is told, whatever happens to the machine.
        case lasting
        /// For tests: fast, and lost when the machine fails.
        case throwAway
    }

    package let placement: ClusterPlacement
    package let installation: PostgresInstallation
    package let purpose: Purpose
    /// Names the socket; of TCP only if `listen_addresses` is set.
    private let port: Int
    /// Settings beyond ours, by name; they win.
    private let settings: [String: String]
    /// Environment variables of the server beyond our own.
    private let variables: [String: String]

    package init(
        placement: ClusterPlacement,
        installation: PostgresInstallation,
        purpose: Purpose,
        port: Int = 5432,
        settings: [String: String] = [:],
        variables: [String: String] = [:]
    ) {
        self.placement = placement
        self.installation = installation
        self.purpose = purpose
        self.port = port
        self.settings = settings
        self.variables = variables
    }

    /// Makes the cluster if there is none yet. Its data appears under its name only when initdb has finished, so that a
    /// half-made one is never used.
    ///
    /// - Returns: Whether it is new.
    package func prepare() async throws -> Bool {
        try makeFolders()
        if isMade {
            try checkVersion()
            return false
        }
        try checkSpace()
        let draft = placement.folder + "/data.new"
        _ = try Command(executable: "/bin/rm", arguments: ["-rf", draft]).asUser(placement.user).runAndWait()
        let arguments = [
            "--pgdata=\(draft)", "--username=\(Self.administrator)", "--auth=scram-sha-256", "--auth-local=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        ]
        let made = try Command(
            executable: installation.initdb,
            arguments: arguments + (purpose == .throwAway ? ["--no-sync"] : []),
            environment: Self.plainEnvironment
        ).asUser(placement.user).runAndWait()
        guard made.status == .exited(0) else {
            throw OperatorError(
                "PostgreSQL's initdb failed (\(made.status)):\n\(LogTail.last(of: made.output))",
                "Make room or mend what it says, then start again; nothing was lost."
            )
        }
        let finish = "printf '%s' '\(Self.accessRules)' > \(draft)/pg_hba.conf && mv \(draft) \(placement.data)"
        let moved = try Command(executable: "/bin/sh", arguments: ["-c", finish]).asUser(placement.user).runAndWait()
        guard moved.status == .exited(0) else {
            throw OperatorError("The new database can't be put into place: \(moved.output)", "")
        }
        return true
    }

    /// The server as `atelier keep-postgres` starts it. All settings that matter stand here, none in files.
    package var server: Command {
        var settings = [
            "listen_addresses": "", "port": "\(port)", "unix_socket_directories": placement.socketFolder,
            "unix_socket_permissions": "0700", "max_connections": "200", "max_wal_size": "512MB", "timezone": "UTC",
            "log_timezone": "UTC", "log_checkpoints": "off", "cluster_name": "atelier",
        ]
        switch purpose {
        case .lasting: settings["fsync"] = "on"
        case .throwAway:
            for (name, value) in [
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
                "cluster_name": "atelier-test", "max_wal_size": "2GB",
            ] { settings[name] = value }
        }
        settings.merge(self.settings) { $1 }
        let arguments = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        return Command(
            executable: installation.postgres,
            arguments: ["-D", placement.data] + arguments,
            environment: Self.plainEnvironment.merging(variables) { $1 }
        ).asUser(placement.user)
    }

    /// The process of a server that an earlier run left behind; nil if there is none.
    ///
    /// Ask only while holding the lock of the project: then every server of this cluster is a left-over.
    package func leftOver() -> Int32? {
        guard let text = try? String(contentsOfFile: placement.data + "/postmaster.pid", encoding: .utf8),
            let pid = text.split(separator: "\n").first.flatMap({ Int32($0) }), HostSystem.isAlive(pid),
            HostSystem.workingDirectory(of: pid) == placement.data
        else { return nil }
        return pid
    }

    /// Stops a server that an earlier run left behind: first politely, then at once. Its data heals by itself.
    package func stopLeftOver() async {
        for (signal, seconds) in [(SIGINT, 10), (SIGQUIT, 5), (SIGKILL, 2)] {
            guard let pid = leftOver() else { return }
            HostSystem.signal(pid, signal)
            for _ in 0..<(seconds * 20) where HostSystem.isAlive(pid) {
                try? await Task.sleep(for: .milliseconds(50))  // Being cancelled only makes us ask more often.
            }
        }
    }

    /// Removes the data; only for a cluster that is thrown away anyway, and only while its server is stopped.
    package func discard() throws(OperatorError) {
        precondition(purpose == .throwAway, "data that somebody counts on is never removed")
        _ = try Command(executable: "/bin/rm", arguments: ["-rf", placement.data]).asUser(placement.user).runAndWait()
    }

    /// Whether the server takes connections.
    package func isAnswering() async -> Bool {
        let command = Command(
            executable: installation.isReady,
            arguments: [
                "-q", "-t", "1", "-h", placement.socketFolder, "-p", "\(port)", "-U", Self.administrator,
                "-d", "postgres",
            ],
            environment: Self.plainEnvironment
        )
        return (try? await command.run()) == .exited(0)
    }

    private var isMade: Bool { FileManager.default.fileExists(atPath: placement.data + "/PG_VERSION") }

    private func checkVersion() throws(OperatorError) {
        let text = try? String(contentsOfFile: placement.data + "/PG_VERSION", encoding: .utf8)
        guard let version = text.flatMap({ Int($0.filter(\.isNumber)) }), version != installation.version else {
            return
        }
        throw OperatorError(
            "The data in \(placement.data) belongs to PostgreSQL \(version), but \(installation.version) would run it.",
            "Install PostgreSQL \(version) again and set ATELIER_POSTGRES_BIN to its bin folder, or move the data away."
        )
    }

    /// A new cluster takes 40 MB and its log up to 512 MB more.
    private func checkSpace() throws(OperatorError) {
        let needed: Int64 = 700 << 20
        guard let free = HostSystem.freeBytes(at: placement.folder), free < needed else { return }
        throw OperatorError(
            "Only \(free >> 20) MB are free where the database is to live (\(placement.folder)).",
            "Free \(needed >> 20) MB, or name a folder on another disk in ATELIER_DATA."
        )
    }

    private func makeFolders() throws(OperatorError) {
        let owner = placement.user.map { ["-o", $0, "-g", $0] } ?? []
        for folder in [placement.folder, placement.socketFolder] {
            let parent = (folder as NSString).deletingLastPathComponent
            // A failure shows in the next step, which says why.
            try? FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            let made = try Command(executable: "/usr/bin/install", arguments: ["-d", "-m", "0700"] + owner + [folder])
                .runAndWait()
            guard made.status == .exited(0) else {
                throw OperatorError(
                    "The folder \(folder) can't be made for the database: \(made.output)",
                    "Give this user the right to write there, or name another folder in ATELIER_DATA."
                )
            }
        }
    }

    /// The administrator needs no password because the socket's folder lets nobody else in.
    private static let accessRules = """
        local all \(administrator) trust
        local all all scram-sha-256

        """

    /// Without the user's own PG… variables, which would lead the tools elsewhere.
    package static var plainEnvironment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
    }
}
