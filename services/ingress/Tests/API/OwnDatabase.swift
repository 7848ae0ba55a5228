import Foundation
import Postgres
import Telemetry
import TestSupport

/// A database of ingress on a server that the suite may stop (trait `.privateCluster`), migrated as in production.
struct OwnDatabase: Sendable {
    private static let (role, owner) = ("atelier_ingress", "atelier_ingress_owner")

    /// For the service's role; the socket asks nobody for a password.
    let url: String

    static func make(on cluster: PrivateCluster) async throws -> OwnDatabase {
        let name = "ingress_" + UUID().uuidString.prefix(8).lowercased()
        try await with(cluster.url()) { admin in
            for role in [role, owner] {
                let found = try await admin.query("select from pg_roles where rolname = \(role)")
                if found.isEmpty { try await admin.execute(SQL("create role \(identifier: role) login").once()) }
            }
            try await admin.execute(SQL("create database \(identifier: name) owner \(identifier: owner)").once())
        }
        let url = try DatabaseURL(cluster.url()).with(database: name)
        let migrator = Migrator(
            directory: Repository.root + "/services/ingress/migrations",
            loop: ScratchDatabase.loop,
            metrics: Metrics(service: "test"),
            log: MemoryLog().log()
        )
        _ = try await migrator.migrate(url.with(user: owner).text)
        return OwnDatabase(url: url.with(user: role).text)
    }

    /// The texts that a query with one column finds.
    func query(_ sql: SQL) async throws -> [String] {
        try await Self.with(url) { database in
            try await database.query(sql).map { try $0.decode(String.self) }
        }
    }

    private static func with<Value: Sendable>(
        _ url: String,
        _ body: (Database) async throws -> Value
    ) async throws -> Value {
        let database = Database(
            DatabaseConfiguration(url: url, applicationName: "test"),
            loop: ScratchDatabase.loop,
            metrics: Metrics(service: "test"),
            log: MemoryLog().log()
        )
        do {
            let value = try await body(database)
            await database.shutdown()
            return value
        } catch {
            await database.shutdown()
            throw error
        }
    }
}
