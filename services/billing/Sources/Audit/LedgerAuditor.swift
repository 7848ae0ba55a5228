import EventLoop
import Lifecycle
import Postgres
import Telemetry
import Time

/// Proves every few minutes what the database should have made impossible to break: entries sum to zero, every account
/// has what its entries and holds say, and the hash chain is whole.
///
/// Reads the whole ledger in one snapshot; several instances may do so without harm.
struct LedgerAuditor: Worker {
    struct Finding: Sendable, Equatable {
        var sumKopecks: Int64
        var brokenAccounts: Int64
        var brokenSeals: Int64

        var isSound: Bool { self == Finding(sumKopecks: 0, brokenAccounts: 0, brokenSeals: 0) }
    }

    let name = "ledger.audit"
    let queries: LedgerQueries
    let metrics: BillingMetrics
    let log: Log
    var interval: Duration = .seconds(300)

    func run() async throws {
        while !Task.isCancelled {
            let finding = try await queries.audit(within: .seconds(120))
            metrics.audited(finding)
            if !finding.isSound {
                let fields: [LogKey: LogValue] = [
                    .imbalance: .int(finding.sumKopecks), .brokenAccounts: .int(finding.brokenAccounts),
                    .brokenSeals: .int(finding.brokenSeals),
                ]
                log.error("the ledger does not balance", fields)
            }
            try await queries.database.loop.sleep(for: interval)
        }
    }
}

extension LogKey {
    fileprivate static let imbalance = LogKey(rawValue: "ledger.imbalance_kopecks")
    fileprivate static let brokenAccounts = LogKey(rawValue: "ledger.broken_accounts")
    fileprivate static let brokenSeals = LogKey(rawValue: "ledger.broken_seals")
}
