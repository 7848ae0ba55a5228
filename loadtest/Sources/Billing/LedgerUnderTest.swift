import BillingService
import Contracts
import EventLoop
import Lifecycle
import LoadtestKit
import LocalSystem
import Postgres
import Telemetry
import Time

/// A rig with a billing database, and the ledger on it in this process.
struct LedgerUnderTest: Sendable {
    let rig: Rig
    let postgres: RunningProcess
    let children: ChildEnvironment
    let database: Database
    let ledger: InProcessLedger

    /// The database's name.
    static let databaseName = Provisioning.database(.billing)

    /// Makes everything anew.
    ///
    /// - Parameter slowFsync: The built shim if every fsync is to take a millisecond longer.
    static func open(_ name: String, loop: EventLoop, slowFsync: String? = nil) async throws -> LedgerUnderTest {
        let variables = slowFsync.map { ["LD_PRELOAD": $0, "SLOW_FSYNC_MICROSECONDS": "1000"] } ?? [:]
        let settings = Rig.warmLogSettings.merging(["shared_buffers": "512MB"]) { $1 }
        let (rig, postgres) = try await Rig.open(name, loop: loop, settings: settings, variables: variables)
        let children = rig.children(ports: [("billing", try Tool.freePort())])
        try await rig.migrate(.billing, children)
        try await rig.warmLog()
        let role = Provisioning.serviceRole(.billing)
        let url = rig.cluster.placement.url(
            database: databaseName,
            user: role,
            password: rig.credentials.password(of: role)
        )
        let metrics = Metrics(service: "billing")
        let log = Log(service: "billing", level: .warning)
        var configuration = DatabaseConfiguration(url: url, applicationName: "loadtest")
        configuration.acquireTimeout = .seconds(10)
        let database = Database(configuration, loop: loop, metrics: metrics, log: log)
        return LedgerUnderTest(
            rig: rig,
            postgres: postgres,
            children: children,
            database: database,
            ledger: InProcessLedger(database: database, metrics: metrics, log: log)
        )
    }

    func close() async throws {
        await database.shutdown()
        try await postgres.stop(rig.loop)
        rig.removeFolders()
    }

    /// Runs the ledger's workers while `body` runs.
    func withWorkers<Value: Sendable>(_ body: @Sendable @escaping () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            for worker in ledger.workers {
                group.addTask {
                    do { try await worker.run() } catch is CancellationError {}
                    return nil
                }
            }
            group.addTask { try await body() }
            while let ended = try await group.next() {
                guard let value = ended else { continue }
                group.cancelAll()
                return value
            }
            throw CancellationError()
        }
    }

    /// Gives every account its money; to be called once for an account.
    func fund(_ accounts: ClosedRange<UserID>) async throws {
        try await withWorkers { [ledger] in
            var first = accounts.lowerBound
            while first <= accounts.upperBound {
                let last = min(first + 499, accounts.upperBound)
                let orders = (first...last).map { userID in
                    let input = Credit.Input(
                        userID: userID,
                        amountKopecks: OrderMix.fundsKopecks,
                        source: .yookassa,
                        reference: "fund-\(userID)",
                        memo: "Top-up"
                    )
                    return (key: "fund:\(userID)", order: InProcessLedger.Order.credit(input))
                }
                let outcomes = try await ledger.submit(orders, by: .payments, deadline: .after(.seconds(20)))
                guard outcomes.allSatisfy({ $0.verdict == "ok" }) else { throw OperatorError("Funding failed.", "") }
                first = last + 1
            }
        }
    }

    /// The native way: groups go to the batcher of this process.
    var native: ClosedLoop.Submit {
        { [ledger] calls in
            let orders = calls.map { (key: $0.key, order: $0.order) }
            return try await ledger.submit(orders, by: .generation, deadline: .after(.seconds(20)))
        }
    }
}
