import EventLoop
import Lifecycle
import Postgres
import Telemetry
import Time

/// Proves every few minutes what the database should have made impossible to break: entries sum to zero, every account
/// has what its last entry and its holds say, and the hash chain is whole. The chain is gone round in stretches, so that
/// an audit of a large ledger takes no longer; `atelier ledger verify` reads all of it at once.
///
/// Each audit is one snapshot; several instances may do so without harm.
struct LedgerAuditor: Worker {
    struct Finding: Sendable, Equatable {
        var sumKopecks: Int64
        var brokenAccounts: Int64
        var brokenSeals: Int64

        var isSound: Bool { self == Finding(sumKopecks: 0, brokenAccounts: 0, brokenSeals: 0) }
    }

    let name = "ledger.audit"
    /// Seals that one audit re-computes; a busy ledger makes 300 in the interval.
    static let sealsAtOnce: Int64 = 1_000

    let audits: LedgerAudits
    let metrics: BillingMetrics
    let log: Log
    var interval: Duration = .seconds(300)

    func run() async throws {
        var seal: Int64 = 0
        while !Task.isCancelled {
            let (finding, last) = try await audits.audit(within: .seconds(120), after: seal, seals: Self.sealsAtOnce)
            // 0 at the end of the chain: the next audit begins anew.
            seal = last
            metrics.audited(finding)
            if !finding.isSound {
                let fields: [LogKey: LogValue] = [
                    .imbalance: .int(finding.sumKopecks), .brokenAccounts: .int(finding.brokenAccounts),
                    .brokenSeals: .int(finding.brokenSeals),
                ]
                log.error("the ledger does not balance", fields)
            }
            try await audits.database.loop.sleep(for: interval)
        }
    }
}

extension LogKey {
    fileprivate static let imbalance = LogKey(rawValue: "ledger.imbalance_kopecks")
    fileprivate static let brokenAccounts = LogKey(rawValue: "ledger.broken_accounts")
    fileprivate static let brokenSeals = LogKey(rawValue: "ledger.broken_seals")
}
