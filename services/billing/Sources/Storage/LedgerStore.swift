import Contracts
import Jobs
import Postgres
import Time

/// The ledger's tables, for batches: two round trips, whatever their size.
struct LedgerStore: Sendable {
    let database: Database
    var rules = LedgerRules()

    /// Decides and writes a batch in one transaction.
    ///
    /// The first round trip locks the accounts in the order of their ids and, in statements of their own, reads what was
    /// committed before the locks were had. The second writes and commits.
    ///
    /// - Throws: `PostgresError`. After `.unknownCommit` or `.connectionLost` the same items are to be sent again: their
    ///   keys make it safe. A `.uniqueViolation` means that a key or payment has just been used with another account.
    func apply(_ items: [LedgerItem], deadline: Deadline) async throws -> [Verdict] {
        try await database.transaction(TransactionOptions(maximumAttempts: 3, deadline: deadline)) { transaction in
            let facts = try await readFacts(items, transaction)
            let (verdicts, rows) = Ledger.decide(facts, items, rules: rules)
            if !rows.isEmpty { try await transaction.commit(after: try Self.statements(rows, facts)) }
            return verdicts
        }
    }

    /// All reads in one round trip: the locks first, then what every batch needs, then what only some items need.
    private func readFacts(_ items: [LedgerItem], _ transaction: Transaction) async throws -> LedgerFacts {
        let accounts = Set(items.map(\.userID) + items.compactMap(\.otherUserID)).sorted()
        var reads = [
            FactsRead(Self.openBatch),
            FactsRead(Self.createAccounts(accounts)),
            Self.lockAccounts(accounts),
        ]
        reads += rareLocks(items)
        reads += [
            Self.selectExpired(accounts),
            Self.selectOperations(Set(items.map(\.key)).sorted()),
            Self.takeIDs(items.count),
        ]
        let holds = Set(items.compactMap(\.hold))
        if !holds.isEmpty { reads.append(Self.selectHolds(Array(holds))) }
        reads += Self.rareReads(items)
        let answers = try await transaction.pipeline(reads.map(\.sql))
        var facts = LedgerFacts(now: Timestamp(microseconds: 0))
        for (read, rows) in zip(reads, answers) { try read.take(rows, &facts) }
        return facts
    }
}

/// A statement of a batch's first round trip and what its rows add to the facts.
struct FactsRead {
    let sql: SQL
    let take: ([Row], inout LedgerFacts) throws -> Void

    /// - Parameter take: Nothing for a statement that is run for its effect.
    init(_ sql: SQL, _ take: @escaping ([Row], inout LedgerFacts) throws -> Void = { _, _ in }) {
        self.sql = sql
        self.take = take
    }
}

extension LedgerAnswer {
    /// Reads a stored answer.
    ///
    /// - Throws: `DecodingError` if it has not the shape of its kind.
    init(kind: String, verdict: String, stored: [UInt8]) throws {
        guard verdict == "ok" else {
            self = .refused(try ContractJSON.decode(Problem.self, from: stored))
            return
        }
        switch OperationKind(rawValue: kind) {
        case .credit: self = .credit(try ContractJSON.decode(CreditState.self, from: stored))
        case .refundCharge, .refundCredit: self = .refund(try ContractJSON.decode(RefundState.self, from: stored))
        case .gift: self = .gift(try ContractJSON.decode(GiftState.self, from: stored))
        case .adjust, .decideAdjustment:
            self = .adjustment(try ContractJSON.decode(AdjustmentState.self, from: stored))
        case .openAccount, .freezeAccount, .unfreezeAccount:
            self = .account(try ContractJSON.decode(Balance.self, from: stored))
        case .placeHold, .extendHold, .chargeHold, .releaseHold, nil:
            self = .hold(try ContractJSON.decode(HoldState.self, from: stored))
        }
    }

    /// The bytes to store.
    var stored: [UInt8] {
        get throws {
            switch self {
            case .account(let balance): try ContractJSON.encode(balance)
            case .hold(let state): try ContractJSON.encode(state)
            case .credit(let state): try ContractJSON.encode(state)
            case .refund(let state): try ContractJSON.encode(state)
            case .gift(let state): try ContractJSON.encode(state)
            case .adjustment(let state): try ContractJSON.encode(state)
            case .refused(let problem): try ContractJSON.encode(problem)
            }
        }
    }
}
