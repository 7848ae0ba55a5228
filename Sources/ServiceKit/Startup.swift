internal import Concurrency
internal import Contracts
internal import EventLoop
internal import Lifecycle
internal import Postgres
internal import Telemetry
internal import Time

/// Waits, in the background, for what a service needs before it may serve: the database, its migrations, `prepare`.
///
/// Keeps `ReadinessChecks` told about what is missing, opens the gate and starts the workers when nothing is. Never gives up:
/// services start in any order.
final class Startup: Sendable {
    private let context: ServiceContext
    private let migrator: Migrator
    private let gate: StartGate
    private let backoff = Backoff(first: .milliseconds(100), cap: .seconds(2))
    private let task = Locked<Task<Void, Never>?>(nil)

    init(context: ServiceContext, migrator: Migrator, gate: StartGate) {
        self.context = context
        self.migrator = migrator
        self.gate = gate
        context.readiness.set("database", missing: "not reached yet")
        context.readiness.set("migrations", missing: "not read yet")
        context.readiness.set("service", missing: "not prepared yet")
    }

    /// Starts waiting and returns at once.
    ///
    /// - Parameters:
    ///   - prepare: The service's own preparation, repeated until it succeeds.
    ///   - onReady: Called once, when the gate is open.
    func start(prepare: @escaping @Sendable () async throws -> Void, onReady: @escaping @Sendable () -> Void) {
        task.withLock { task in
            // Unstructured because the port must open before this ends; `stop` cancels and awaits it.
            task = Task(executorPreference: context.loop) {
                let database = self.context.background
                guard await self.untilPassed("database", { try await Self.ping(database) }),
                    await self.untilPassed("migrations", { try await self.checkMigrations() }),
                    await self.untilPassed("service", prepare)
                else { return }
                // Not `self`: it holds the context, which holds the checks.
                self.context.readiness.ask("database") { await Self.trouble(of: database) }
                self.gate.open()
                onReady()
                self.context.log.info("ready")
            }
        }
    }

    func stop() async {
        guard let task = task.withLock({ $0 }) else { return }
        task.cancel()
        await task.value
    }

    /// The database's part of `/health`.
    func databaseReport() async -> [String: JSONValue] {
        do {
            let status = try await migrator.status(context.background)
            func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .integer(Int64($0)) }) }
            return [
                "reachable": true, "migrations_applied": list(status.applied),
                "migrations_expected": list(status.expected),
            ]
        } catch {
            return ["reachable": false]
        }
    }

    /// Repeats a step until it succeeds; false if the service is stopped before.
    private func untilPassed(_ check: String, _ step: @Sendable () async throws -> Void) async -> Bool {
        var attempt = 0
        while !Task.isCancelled {
            do {
                try await step()
                context.readiness.set(check, missing: nil)
                return true
            } catch {
                attempt += 1
                let reason = Self.reason(error)
                context.readiness.set(check, missing: reason)
                // The first time, and then about every half minute.
                if attempt % 16 == 1 {
                    context.log.warning("not ready yet", [.operation: .string(check), .reason: .string(reason)])
                }
            }
            // Only being stopped ends the pause early.
            do { try await context.loop.sleep(for: backoff.delay(attempt: attempt)) } catch { return false }
        }
        return false
    }

    private static func ping(_ database: Database) async throws {
        _ = try await database.query("select 1", deadline: .after(.seconds(1)))
    }

    private static func trouble(of database: Database) async -> String? {
        do {
            try await ping(database)
            return nil
        } catch {
            return reason(error)
        }
    }

    private func checkMigrations() async throws {
        let status = try await migrator.status(context.background)
        let pending = Set(status.expected).subtracting(status.applied).sorted()
        guard pending.isEmpty else {
            let numbers = pending.map(String.init).joined(separator: ", ")
            throw NotReady(reason: "migrations \(numbers) are pending; run: \(context.name.rawValue) migrate")
        }
    }

    /// `/readyz` is not public, so what the database said may be shown there.
    private static func reason(_ error: any Error) -> String {
        (error as? NotReady)?.reason ?? String(describing: error)
    }

    private struct NotReady: Error {
        let reason: String
    }
}
