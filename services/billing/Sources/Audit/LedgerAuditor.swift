import EventLoop
import Lifecycle
import Postgres
import Telemetry
import Time

/// Proves all the time what the database should have made impossible to break: entries sum to zero, every account
/// has what its last entry and its holds say, and the hash chain is whole. Accounts and chain are gone round in stretches,
/// so that an audit of a large ledger takes no longer; `atelier ledger verify` reads all of it at once. What was found in a
/// round is shown until a whole round has found nothing.
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
    /// Accounts that one audit compares.
    static let accountsAtOnce: Int64 = 1_000
    /// Entries whose seals one audit re-computes. Both together take PostgreSQL some tenths of a second.
    static let entriesAtOnce: Int64 = 50_000

    let audits: LedgerAudits
    let metrics: BillingMetrics
    let log: Log
    var interval: Duration = .seconds(15)

    func run() async throws {
        var place = LedgerAudits.Place.start
        var (accounts, seals) = (Round(), Round())
        while !Task.isCancelled {
            var (finding, next) = try await audits.audit(
                within: .seconds(120),
                from: place,
                accounts: Self.accountsAtOnce,
                entries: Self.entriesAtOnce
            )
            finding.brokenAccounts = accounts.add(finding.brokenAccounts, isLast: next.account == 0)
            finding.brokenSeals = seals.add(finding.brokenSeals, isLast: next.seal == 0)
            place = next
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

/// What the stretches of a round have found.
private struct Round {
    private var previous: Int64 = 0
    private var current: Int64 = 0

    /// - Returns: What the whole round has found, or the most that it so far or the one before has.
    mutating func add(_ found: Int64, isLast: Bool) -> Int64 {
        current += found
        guard isLast else { return max(previous, current) }
        (previous, current) = (current, 0)
        return previous
    }
}

extension LogKey {
    fileprivate static let imbalance = LogKey(rawValue: "ledger.imbalance_kopecks")
    fileprivate static let brokenAccounts = LogKey(rawValue: "ledger.broken_accounts")
    fileprivate static let brokenSeals = LogKey(rawValue: "ledger.broken_seals")
}
