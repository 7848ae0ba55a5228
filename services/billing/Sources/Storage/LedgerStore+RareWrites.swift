import Contracts
import Jobs
import Postgres
import Time

/// What only some batches write. Every row belongs to an account that the batch has locked.
extension LedgerStore {
    static func rareStatements(_ rows: LedgerRows, _ facts: LedgerFacts) -> [SQL] {
        var statements: [SQL] = []
        if !rows.extensions.isEmpty { statements.append(insert(rows.extensions)) }
        if !rows.parts.isEmpty { statements.append(insert(rows.parts)) }
        if !rows.refunds.isEmpty { statements.append(insert(rows.refunds)) }
        if !rows.proposals.isEmpty { statements.append(insert(rows.proposals)) }
        if !rows.decisions.isEmpty { statements.append(insert(rows.decisions)) }
        if !rows.freezes.isEmpty { statements += insert(rows.freezes) }
        if let granted = facts.granted, rows.granted > 0 {
            statements.append("update grant_day set amount = amount + \(rows.granted) where day = \(granted.day)")
        }
        return statements
    }

    private static func insert(_ rows: [LedgerRows.Extension]) -> SQL {
        let accounts = rows.map(\.key.userID)
        let holds = rows.map(\.key.id)
        let expiries = rows.map(\.expiresAt)
        let operations = rows.map(\.operation)
        return """
            insert into hold_extension (account, hold_id, expires_at, operation)
            select * from unnest(\(accounts), \(holds), \(expiries), \(operations))
            """
    }

    private static func insert(_ rows: [LedgerRows.Part]) -> SQL {
        let accounts = rows.map(\.key.userID)
        let holds = rows.map(\.key.id)
        let parts = rows.map(\.part.partID)
        let hows = rows.map(\.how.rawValue)
        let amounts = rows.map(\.part.amountKopecks)
        let charged = rows.map(\.charged)
        let reasons = rows.map(\.reason)
        let operations = rows.map(\.operation)
        return """
            insert into hold_part (account, hold_id, part, how, amount, charged, reason, operation)
            select * from unnest(\(accounts), \(holds), \(parts), \(hows), \(amounts), \(charged), \(reasons),
                \(operations))
            """
    }

    private static func insert(_ rows: [LedgerRows.Refund]) -> SQL {
        let operations = rows.map(\.operation)
        let accounts = rows.map(\.userID)
        let transfers = rows.map(\.of)
        let paid = rows.map(\.paid)
        let bonus = rows.map(\.bonus)
        return """
            insert into refund (operation, account, of_transfer, paid, bonus)
            select * from unnest(\(operations), \(accounts), \(transfers), \(paid), \(bonus))
            """
    }

    private static func insert(_ unsorted: [LedgerRows.Proposal]) -> SQL {
        let rows = unsorted.sorted { $0.adjustment.id < $1.adjustment.id }
        let ids = rows.map(\.adjustment.id)
        let accounts = rows.map(\.userID)
        let amounts = rows.map(\.adjustment.amount)
        let wallets = rows.map(\.adjustment.wallet.rawValue)
        let reasons = rows.map(\.adjustment.reason)
        let names = rows.map(\.adjustment.operatorName)
        let pending = rows.map(\.isPending)
        let callers = rows.map(\.key.caller)
        let keys = rows.map(\.key.key)
        let operations = rows.map(\.operation)
        return """
            insert into adjustment (id, account, amount, wallet, reason, proposed_by, is_pending, caller, key, operation)
            select * from unnest(\(ids), \(accounts), \(amounts), \(wallets), \(reasons), \(names), \(pending),
                \(callers), \(keys), \(operations))
            """
    }

    private static func insert(_ unsorted: [LedgerRows.Decision]) -> SQL {
        let rows = unsorted.sorted { $0.adjustmentID < $1.adjustmentID }
        let ids = rows.map(\.adjustmentID)
        let proposers = rows.map(\.proposedBy)
        let names = rows.map(\.decidedBy)
        let decisions = rows.map(\.decision.rawValue)
        let callers = rows.map(\.key.caller)
        let keys = rows.map(\.key.key)
        let operations = rows.map(\.operation)
        return """
            insert into adjustment_decision (adjustment, proposed_by, decided_by, decision, caller, key, operation)
            select * from unnest(\(ids), \(proposers), \(names), \(decisions), \(callers), \(keys), \(operations))
            """
    }

    /// The trail, and the flag that batches read; the last of several counts.
    private static func insert(_ rows: [LedgerRows.Freeze]) -> [SQL] {
        let accounts = rows.map(\.userID)
        let operations = rows.map(\.operation)
        let flags = rows.map(\.isFrozen)
        let names = rows.map(\.operatorName)
        let reasons = rows.map(\.reason)
        let last = Dictionary(rows.map { ($0.userID, $0.isFrozen) }) { $1 }
        let changed = last.keys.sorted()
        let now = changed.map { last[$0] ?? false }
        return [
            """
            insert into account_freeze (account, operation, is_frozen, operator_name, reason)
            select * from unnest(\(accounts), \(operations), \(flags), \(names), \(reasons))
            """,
            """
            update account set is_frozen = new.is_frozen from unnest(\(changed), \(now)) as new(id, is_frozen)
            where account.id = new.id
            """,
        ]
    }
}
