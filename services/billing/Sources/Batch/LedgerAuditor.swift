import Contracts
import EventLoop
import Lifecycle
import Postgres
import Telemetry
import Time

/// Proves every few minutes what the database should have made impossible to break: entries sum to zero, and every
/// account has what its entries and holds say.
///
/// Reads the whole ledger, each time in two statements; several instances may run it without harm.
struct LedgerAuditor: Worker {
    let name = "ledger.audit"
    let queries: LedgerQueries
    let metrics: BillingMetrics
    let log: Log
    var interval: Duration = .seconds(300)

    func run() async throws {
        while true {
            try await audit()
            try await queries.database.loop.sleep(for: interval)
        }
    }

    func audit() async throws {
        let sum = try await queries.trialBalance(deadline: .after(.seconds(60))).sumKopecks
        let broken = try await queries.brokenAccounts(deadline: .after(.seconds(60)))
        metrics.audited(sumKopecks: sum, brokenAccounts: broken)
        if sum != 0 || broken != 0 {
            log.error("the ledger does not balance", [.count: .int(broken), .reason: "sum \(sum) kopecks"])
        }
    }
}
