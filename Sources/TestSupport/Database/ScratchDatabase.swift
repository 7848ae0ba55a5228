internal import Concurrency
package import EventLoop
internal import Foundation
package import Postgres
package import Telemetry
package import Testing

/// The database of one test: cloned for it from a migrated template, dropped when it ends.
///
/// Set up as in production: the database's owner role runs migrations, the service's own role has only the rights that
/// migrations grant, so that a missing or excessive right shows in tests.
package struct ScratchDatabase: Sendable {
    /// The database as the service sees it.
    package let database: Database
    /// For the service's role, e.g. `atelier_billing`.
    package let serviceURL: String
    /// For the owner role, e.g. `atelier_billing_owner`, which migrates.
    package let ownerURL: String
    /// For the superuser, to break things on purpose.
    package let adminURL: String
    package let metrics: Metrics
    package let log: Log

    /// The loop of all scratch databases of the process.
    package static let loop = EventLoop(name: "scratch")

    @TaskLocal private static var bound: ScratchDatabase?

    /// The database of the test that runs; only with the trait `.scratchDatabase`.
    package static var current: ScratchDatabase {
        guard let bound else { preconditionFailure("the test lacks the trait .scratchDatabase") }
        return bound
    }

    /// Another pool for the same database, e.g. with other limits or as another role; the caller shuts it down.
    package func makeDatabase(
        url: String? = nil,
        configure: (inout DatabaseConfiguration) -> Void = { _ in }
    ) -> Database {
        var configuration = DatabaseConfiguration(url: url ?? serviceURL, applicationName: "test")
        configure(&configuration)
        return Database(configuration, loop: Self.loop, metrics: metrics, log: log)
    }

    /// Runs `body` with a pool of its own, which is shut down afterwards.
    package func withDatabase<Value: Sendable>(
        url: String? = nil,
        configure: (inout DatabaseConfiguration) -> Void = { _ in },
        _ body: (Database) async throws -> Value
    ) async throws -> Value {
        let database = makeDatabase(url: url, configure: configure)
        do {
            let value = try await body(database)
            await database.shutdown()
            return value
        } catch {
            await database.shutdown()
            throw error
        }
    }

    static func run(
        service: String,
        migrations: String?,
        _ body: @Sendable () async throws -> Void
    ) async throws {
        let cluster = try ScratchCluster()
        let made = try await cluster.create(service: service, migrations: migrations)
        let metrics = Metrics(service: service)
        let log = Log(service: service, instance: "test", level: .error)
        var configuration = DatabaseConfiguration(url: made.serviceURL, applicationName: "test")
        configuration.maximumConnections = 8
        configuration.acquireTimeout = .seconds(10)
        let database = Database(configuration, loop: loop, metrics: metrics, log: log)
        let scratch = ScratchDatabase(
            database: database,
            serviceURL: made.serviceURL,
            ownerURL: made.ownerURL,
            adminURL: made.adminURL,
            metrics: metrics,
            log: log
        )
        let result: Result<Void, any Error>
        do {
            result = .success(try await $bound.withValue(scratch) { try await body() })
        } catch {
            result = .failure(error)
        }
        await database.shutdown(within: .seconds(1))
        try await cluster.drop(made.name)
        try result.get()
    }
}

/// Gives a test, or each test of a suite, a database of its own.
package struct ScratchDatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    let service: String
    let migrations: String?

    package var isRecursive: Bool { true }

    @concurrent package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        // Only where a test runs; a suite's own scope needs none.
        guard testCase != nil else { return try await function() }
        try await ScratchDatabase.run(service: service, migrations: migrations, function)
    }
}

extension Trait where Self == ScratchDatabaseTrait {
    /// - Parameters:
    ///   - migrations: The folder from the root of the repository, `services/<service>/migrations`.
    ///   - service: Names the roles; by default the folder that holds the migrations.
    package static func scratchDatabase(migrations: String, service: String? = nil) -> Self {
        let parent = migrations.split(separator: "/").dropLast().last.map(String.init)
        return ScratchDatabaseTrait(service: service ?? parent ?? "scratch", migrations: migrations)
    }

    /// An empty database; its service role may create tables in schema `public`.
    package static var scratchDatabase: Self { ScratchDatabaseTrait(service: "scratch", migrations: nil) }
}

/// The root of the repository, for tests that read its files.
package enum Repository {
    /// Without a slash at the end.
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
}
