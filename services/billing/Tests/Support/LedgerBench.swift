import Contracts
import Foundation
import Postgres
import ServiceKit
import TestSupport
import Testing
import Time

@testable import BillingService

/// Short words for calls on the ledger of the test's own database; every call has a new key.
struct LedgerBench: Sendable {
    var rules = LedgerRules()

    var database: Database { ScratchDatabase.current.database }
    var store: LedgerStore { LedgerStore(database: database, rules: rules) }
    var queries: LedgerQueries { LedgerQueries(database: database) }
    var reports: LedgerReports { LedgerReports(database: database) }
    var sealer: LedgerSealer {
        LedgerSealer(
            store: SealStore(database: database),
            metrics: BillingMetrics(ScratchDatabase.current.metrics)
        )
    }
    var deadline: Deadline { .after(.seconds(10)) }

    func item(_ user: UserID, _ action: LedgerAction, key: String = UUID().uuidString) -> LedgerItem {
        LedgerItem(
            key: OperationKey(caller: "test", key: key),
            fingerprint: Array("\(user) \(action)".utf8),
            userID: user,
            action: action
        )
    }

    @discardableResult
    func apply(_ user: UserID, _ action: LedgerAction, key: String = UUID().uuidString) async throws -> Verdict {
        try await store.apply([item(user, action, key: key)], deadline: deadline)[0]
    }

    func pay(_ user: UserID, _ amount: Int64, _ source: CreditSource = .yookassa, _ reference: String? = nil)
        async throws
    {
        let reference = CreditReference(source: source, reference: reference ?? UUID().uuidString)
        let verdict = try await apply(user, .credit(reference, amount: amount, orderID: OrderID(), memo: "m"))
        #expect(Self.code(verdict) == nil)
    }

    func hold(_ user: UserID, _ amount: Int64, for life: Duration = .seconds(3_600)) async throws -> HoldID {
        let id = HoldID()
        let action = LedgerAction.placeHold(
            id: id,
            amount: amount,
            expiresAt: WallClock.system.now + life,
            memo: "model"
        )
        #expect(Self.code(try await apply(user, action)) == nil)
        return id
    }

    func charge(_ id: HoldID, _ amount: Int64, part: HoldPart? = nil, model: String = "veo", cost: Int64 = 0)
        -> LedgerAction
    {
        .chargeHold(
            id: id,
            amount: amount,
            part: part,
            detail: ChargeDetail(
                jobID: JobID(),
                model: model,
                variant: "fast",
                providerCostMicrodollars: cost * 100,
                providerCostKopecks: cost
            )
        )
    }

    func balance(_ user: UserID, at moment: Timestamp? = nil) async throws -> Balance {
        guard let moment else { return try await queries.balance(of: user, deadline: deadline) }
        return try await queries.balance(of: user, at: moment, deadline: deadline)
    }

    /// The whole statement, newest first, page by page.
    func statement(of user: UserID, pageSize: Int) async throws -> [StatementEntry] {
        var entries: [StatementEntry] = []
        var before: Int64?
        repeat {
            let page = try await queries.entries(of: user, before: before, limit: pageSize, deadline: deadline)
            entries += page.entries
            before = page.nextBefore
        } while before != nil
        return entries
    }

    /// What nobody's rights allow: done by the superuser, triggers off.
    func tamper(_ statement: String) async throws {
        let scratch = ScratchDatabase.current
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            _ = try await admin.pipeline([
                SQL("set local session_replication_role = replica").once(), SQL(stringLiteral: statement).once(),
            ])
        }
    }

    /// The database's clock.
    func now() async throws -> Timestamp {
        try await database.query("select clock_timestamp()")[0].decode(Timestamp.self)
    }

    func expectSound() async throws {
        let audits = LedgerAudits(database: database)
        #expect(try await audits.audit(within: .seconds(10)).finding.isSound)
    }

    static func code(_ verdict: Verdict) -> ProblemCode? {
        switch verdict {
        case .fresh(.refused(let problem)), .replayed(.refused(let problem)): problem.code
        default: nil
        }
    }
}
