package import Contracts
internal import Foundation

/// Databases and roles, one set a service: database `atelier_<service>`, role `atelier_<service>_owner` for migrations
/// and role `atelier_<service>` for the service, which gets only the rights that migrations grant it.
///
/// Every statement may be repeated; passwords are set each time, so that lost secrets heal.
package struct Provisioning: Sendable {
    package let cluster: Cluster
    package let credentials: Credentials

    package init(cluster: Cluster, credentials: Credentials) {
        self.cluster = cluster
        self.credentials = credentials
    }

    /// Connections of one service role: two instances, so that a rollout fits, and some for people.
    private static let connectionLimit = 30

    package static func database(_ service: ServiceName) -> String { "atelier_\(service.rawValue)" }
    package static func serviceRole(_ service: ServiceName) -> String { "atelier_\(service.rawValue)" }
    package static func ownerRole(_ service: ServiceName) -> String { "atelier_\(service.rawValue)_owner" }

    /// Runs the script through psql, since statements that make roles can't take bound parameters.
    package func run(log: String) async throws {
        let script = Self.script(for: Project.services)
        let file = FileManager.default.temporaryDirectory.path + "/atelier-\(HostSystem.processID)-provision.sql"
        try Data(script.utf8).write(to: URL(filePath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }  // Holds no secret.
        let command = Command(
            executable: cluster.installation.psql,
            arguments: ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, adminURL],
            environment: environment,
            output: .file(log)
        )
        let status = try await command.run()
        guard status == .exited(0) else {
            throw OperatorError(
                "Databases and roles can't be made (\(status)):\n\(LogTail.last(ofFile: log))",
                "See \(log)."
            )
        }
    }

    private var adminURL: String {
        cluster.placement.url(database: "postgres", user: Cluster.administrator)
    }

    /// Passwords travel in the environment, which other users can't read, and not in the arguments, which they can.
    private var environment: [String: String] {
        var environment = Cluster.plainEnvironment
        for service in Project.services {
            for role in [Self.serviceRole(service), Self.ownerRole(service)] {
                environment["PASSWORD_\(role)"] = credentials.password(of: role)
            }
        }
        return environment
    }

    /// The names come from a closed list of plain words and need no quoting.
    package static func script(for services: [ServiceName]) -> String {
        services.map { service in
            let (database, role, owner) = (database(service), serviceRole(service), ownerRole(service))
            let roles = [(role, connectionLimit), (owner, 5)].map { name, limit in
                """
                select 'create role \(name) login' where not exists (select from pg_roles where rolname = '\(name)') \\gexec
                \\getenv password PASSWORD_\(name)
                alter role \(name) login nosuperuser nocreatedb nocreaterole connection limit \(limit) password :'password';
                """
            }
            return roles.joined(separator: "\n") + """

                select 'create database \(database) owner \(owner)'
                    where not exists (select from pg_database where datname = '\(database)') \\gexec
                revoke all on database \(database) from public;
                grant connect, temporary on database \(database) to \(role), \(owner);

                """
        }.joined()
    }
}
