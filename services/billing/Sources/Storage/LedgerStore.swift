import Contracts
import Foundation
import Jobs
import Postgres
import Time

/// The ledger's tables, for batches: two round trips, whatever their size.
struct LedgerStore: Sendable {
    let database: Database

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
            let (verdicts, rows) = Ledger.decide(facts, items)
            if !rows.isEmpty { try await transaction.commit(after: try Self.statements(rows)) }
            return verdicts
        }
    }

    // MARK: Reading

    private func readFacts(_ items: [LedgerItem], _ transaction: Transaction) async throws -> LedgerFacts {
        let accounts = Set(items.map(\.userID)).sorted()
        let answers = try await transaction.pipeline([
            SealStore.shareFence,
            Self.createAccounts(accounts),
            Self.lockAccounts(accounts),
            Self.selectExpired(accounts),
            Self.selectOperations(Set(items.map(\.key)).sorted()),
            Self.selectHolds(Array(Set(items.compactMap(\.hold)))),
            Self.selectCredits(
                items.compactMap { if case .credit(let reference, _, _, _) = $0.action { reference } else { nil } }
            ),
            "select nextval('operation_id') from generate_series(1, \(items.count)::int8)",
        ])
        var facts = LedgerFacts(now: Timestamp(microseconds: 0))
        for row in answers[2] {
            let (id, paid, bonus, held, isFrozen, swept) = try row.decode(
                Int64.self,
                Int64.self,
                Int64.self,
                Int64.self,
                Bool.self,
                Timestamp.self
            )
            facts.accounts[id] = AccountFacts(paid: paid, bonus: bonus, held: held, isFrozen: isFrozen, swept: swept)
        }
        for row in answers[3] {
            let (now, account, hold, amount) = try row.decode(Timestamp.self, Int64.self, HoldID?.self, Int64?.self)
            facts.now = now
            if let hold, let amount {
                facts.expired.append(ExpiredHold(key: HoldKey(userID: account, id: hold), amount: amount))
            }
        }
        for row in answers[4] {
            let (caller, key, fingerprint, kind, verdict, answer) = try row.decode(
                String.self,
                String.self,
                [UInt8].self,
                String.self,
                String.self,
                [UInt8].self
            )
            facts.operations[OperationKey(caller: caller, key: key)] = StoredOperation(
                fingerprint: fingerprint,
                answer: try LedgerAnswer(kind: kind, verdict: verdict, stored: answer)
            )
        }
        for row in answers[5] {
            let (account, id, amount, expiresAt, how, charged) = try row.decode(
                Int64.self,
                HoldID.self,
                Int64?.self,
                Timestamp?.self,
                String?.self,
                Int64?.self
            )
            var hold = HoldFacts()
            if let amount, let expiresAt { hold.placed = HoldFacts.Placed(amount: amount, expiresAt: expiresAt) }
            if let how = how.flatMap(HoldEnd.init(rawValue:)) {
                hold.end = HoldFacts.End(how: how, charged: charged ?? 0)
            }
            facts.holds[HoldKey(userID: account, id: id)] = hold
        }
        for row in answers[6] {
            let (source, reference, account, amount, verdict, answer) = try row.decode(
                String.self,
                String.self,
                Int64.self,
                Int64.self,
                String.self,
                [UInt8].self
            )
            guard let source = CreditSource(rawValue: source) else { continue }
            facts.credits[CreditReference(source: source, reference: reference)] = StoredCredit(
                userID: account,
                amount: amount,
                answer: try LedgerAnswer(kind: OperationKind.credit.rawValue, verdict: verdict, stored: answer)
            )
        }
        facts.operationIDs = try answers[7].map { try $0.decode(Int64.self) }
        return facts
    }

    /// Makes accounts lockable that nobody has touched yet.
    private static func createAccounts(_ ids: [Int64]) -> SQL {
        "insert into account (id) select id from unnest(\(ids)) as wanted(id) order by id on conflict do nothing"
    }

    private static func lockAccounts(_ ids: [Int64]) -> SQL {
        """
        select id, paid, bonus, held, is_frozen, swept from account where id = any(\(ids)) order by id
        for no key update
        """
    }

    /// A row for each account even if none of its holds has expired, since all rows tell the time. Uses `hold_expiry`;
    /// the statement's time is stable, so the index can be searched with it.
    private static func selectExpired(_ ids: [Int64]) -> SQL {
        """
        select statement_timestamp(), account.id, expired.id, expired.amount
        from account left join lateral (
            select hold.id, hold.amount from hold
            where hold.account = account.id and hold.expires_at > account.swept
                and hold.expires_at <= statement_timestamp()
                and not exists (select from hold_end where hold_end.account = hold.account and hold_end.hold_id = hold.id)
        ) as expired on true
        where account.id = any(\(ids))
        """
    }

    private static func selectOperations(_ keys: [OperationKey]) -> SQL {
        let callers = keys.map(\.caller)
        let texts = keys.map(\.key)
        return """
            select operation.caller, operation.key, fingerprint, kind, verdict, answer
            from unnest(\(callers), \(texts)) as wanted(caller, key)
            join operation on operation.caller = wanted.caller and operation.key = wanted.key
            """
    }

    private static func selectHolds(_ keys: [HoldKey]) -> SQL {
        let accounts = keys.map(\.userID)
        let ids = keys.map(\.id)
        return """
            select wanted.account, wanted.id, hold.amount, hold.expires_at, hold_end.how, hold_end.charged
            from unnest(\(accounts), \(ids)) as wanted(account, id)
            left join hold on hold.account = wanted.account and hold.id = wanted.id
            left join hold_end on hold_end.account = wanted.account and hold_end.hold_id = wanted.id
            where hold.id is not null or hold_end.hold_id is not null
            """
    }

    private static func selectCredits(_ references: [CreditReference]) -> SQL {
        let sources = references.map(\.source.rawValue)
        let texts = references.map(\.reference)
        return """
            select credit.source, credit.reference, credit.account, credit.amount, verdict, answer
            from unnest(\(sources), \(texts)) as wanted(source, reference)
            join credit on credit.source = wanted.source and credit.reference = wanted.reference
            join operation on operation.caller = credit.caller and operation.key = credit.key
            """
    }
}

extension LedgerAnswer {
    /// Reads a stored answer.
    ///
    /// - Throws: `DecodingError` if it has not the shape of its kind.
    init(kind: String, verdict: String, stored: [UInt8]) throws {
        if verdict != "ok" {
            self = .refused(try ContractJSON.decode(Problem.self, from: stored))
        } else if kind == OperationKind.credit.rawValue {
            self = .credit(try ContractJSON.decode(CreditState.self, from: stored))
        } else {
            self = .hold(try ContractJSON.decode(HoldState.self, from: stored))
        }
    }

    /// The bytes to store.
    var stored: [UInt8] {
        get throws {
            switch self {
            case .hold(let state): try ContractJSON.encode(state)
            case .credit(let state): try ContractJSON.encode(state)
            case .refused(let problem): try ContractJSON.encode(problem)
            }
        }
    }
}
