internal import Concurrency
internal import EventLoop
internal import Foundation
internal import Glibc
internal import Postgres
internal import Telemetry

/// The PostgreSQL cluster that tests may do anything with.
struct ScratchCluster: Sendable {
    /// The environment key; `make test` starts a cluster and sets it.
    static let key = "ATELIER_TEST_DATABASE_URL"

    struct Made {
        let name: String
        let serviceURL: String
        let ownerURL: String
        let adminURL: String
    }

    struct MissingCluster: Error, CustomStringConvertible {
        let description =
            "\(ScratchCluster.key) is not set: run `make test`, or set it to a superuser's URL of a scratch cluster"
    }

    private static let password = "scratch"
    private static let lastNumber = Locked<Int>(0)
    private static let run = String(getpid(), radix: 36) + String(UInt32.random(in: 0...UInt32.max), radix: 36)
    /// One connection to the maintenance database for the whole process.
    private static let administration = Locked<Database?>(nil)

    private let admin: DatabaseURL
    private let database: Database

    init() throws {
        guard let text = ProcessInfo.processInfo.environment[Self.key], !text.isEmpty else { throw MissingCluster() }
        let url = try DatabaseURL(text)
        self.admin = url.with(database: url.database ?? "postgres")
        let adminText = admin.text
        self.database = Self.administration.withLock { shared in
            if let shared { return shared }
            let made = Self.connect(adminText, statementTimeout: .seconds(60))
            shared = made
            return made
        }
    }

    /// A clone of the template, which is made first if there is none for this state of the migrations.
    func create(service: String, migrations: String?) async throws -> Made {
        let (template, _) = try await template(service, migrations)
        let number = Self.lastNumber.withLock { last in
            last += 1
            return last
        }
        let name = "atelier_test_\(Self.run)_\(number)"
        let owner = "atelier_\(service)_owner"
        try await database.execute(
            SQL("create database \(identifier: name) template \(identifier: template) owner \(identifier: owner)")
                .once()
        )
        return Made(
            name: name,
            serviceURL: url(name, "atelier_\(service)"),
            ownerURL: url(name, owner),
            adminURL: admin.with(database: name).text
        )
    }

    func drop(_ name: String) async throws {
        try await database.execute(SQL("drop database if exists \(identifier: name) with (force)").once())
    }

    private func url(_ database: String, _ role: String) -> String {
        admin.with(database: database, user: role, password: Self.password).text
    }

    /// The template's name; made under a lock that holds for all test processes of the cluster.
    private func template(_ service: String, _ folder: String?) async throws -> (name: String, isNew: Bool) {
        let directory = folder.map { Repository.root + "/" + $0 }
        let checksum = try directory.map { Migration.checksum(of: try Migration.readAll(in: $0)) } ?? "empty"
        let name = "atelier_template_\(service)_\(checksum.prefix(16))"
        if Self.knownTemplates.withLock({ $0.contains(name) }) { return (name, false) }
        let isNew = try await database.withSession { session in
            // Waits for as long as statement_timeout allows; lock_timeout would end it too early.
            try await session.execute("set lock_timeout = 0")
            try await session.execute("select pg_advisory_lock(hashtext('atelier scratch template'))")
            let found = try await session.query("select 1 from pg_database where datname = \(name)")
            guard found.isEmpty else { return false }
            try await make(name, service, directory, on: session)
            return true
        }
        Self.knownTemplates.withLock { _ = $0.insert(name) }
        return (name, isNew)
    }

    private static let knownTemplates = Locked<Set<String>>([])

    private func make(_ name: String, _ service: String, _ directory: String?, on session: Session) async throws {
        let role = "atelier_\(service)"
        let owner = role + "_owner"
        for role in [role, owner] { try await makeRole(role, on: session) }
        let draft = name + "_draft"
        try await session.execute(SQL("drop database if exists \(identifier: draft) with (force)").once())
        try await session.execute(SQL("create database \(identifier: draft) owner \(identifier: owner)").once())
        if let directory {
            let migrator = Migrator(
                directory: directory,
                loop: ScratchDatabase.loop,
                metrics: Metrics(service: service),
                log: Log(service: service, level: .error)
            )
            _ = try await migrator.migrate(url(draft, owner))
        } else {
            let superuser = Self.connect(admin.with(database: draft).text)
            try await superuser.execute(SQL("grant create on schema public to public").once())
            await superuser.shutdown()
        }
        // Renamed last: a template that exists is complete.
        try await session.execute(SQL("alter database \(identifier: draft) rename to \(identifier: name)").once())
    }

    private func makeRole(_ role: String, on session: Session) async throws {
        let found = try await session.query("select 1 from pg_roles where rolname = \(role)")
        guard found.isEmpty else { return }
        try await session.execute(
            SQL("create role \(identifier: role) login password \(literal: Self.password)").once()
        )
    }

    private static func connect(_ url: String, statementTimeout: Duration = .seconds(30)) -> Database {
        var configuration = DatabaseConfiguration(url: url, applicationName: "scratch")
        configuration.maximumConnections = 2
        configuration.acquireTimeout = .seconds(60)
        configuration.statementTimeout = statementTimeout
        configuration.lockTimeout = statementTimeout
        return Database(
            configuration,
            loop: ScratchDatabase.loop,
            metrics: Metrics(service: "scratch"),
            log: Log(service: "scratch", level: .error)
        )
    }
}
