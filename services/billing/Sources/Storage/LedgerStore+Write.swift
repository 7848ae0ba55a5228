import Contracts
import Foundation
import Jobs
import Postgres
import Time

extension LedgerStore {
    /// What a batch writes, one statement a table. Rows are inserted in the order of their keys, so that two batches
    /// can't wait for each other in a circle.
    static func statements(_ rows: LedgerRows, _ facts: LedgerFacts) throws -> [SQL] {
        var statements: [SQL] = []
        if !rows.operations.isEmpty { statements.append(try insert(rows.operations)) }
        if !rows.holds.isEmpty { statements.append(insert(rows.holds)) }
        if !rows.credits.isEmpty { statements.append(insert(rows.credits)) }
        if !rows.entries.isEmpty { statements.append(insert(rows.entries)) }
        statements += rareStatements(rows, facts)
        // After the parts, which are of open holds.
        if !rows.endings.isEmpty { statements.append(insert(rows.endings)) }
        if !rows.accounts.isEmpty { statements.append(update(rows.accounts)) }
        return statements
    }

    private static func insert(_ unsorted: [LedgerRows.Operation]) throws -> SQL {
        let rows = unsorted.sorted { $0.key < $1.key }
        let ids = rows.map(\.id)
        let callers = rows.map(\.key.caller)
        let keys = rows.map(\.key.key)
        let fingerprints = rows.map(\.fingerprint)
        let kinds = rows.map(\.kind.rawValue)
        let accounts = rows.map(\.userID)
        let verdicts = rows.map(\.answer.verdict)
        let answers = try rows.map { try $0.answer.stored }
        return """
            insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer)
            select * from unnest(\(ids), \(callers), \(keys), \(fingerprints), \(kinds), \(accounts), \(verdicts), \(answers))
            """
    }

    private static func insert(_ rows: [LedgerRows.Hold]) -> SQL {
        let accounts = rows.map(\.key.userID)
        let ids = rows.map(\.key.id)
        let amounts = rows.map(\.amount)
        let expiries = rows.map(\.expiresAt)
        let memos = rows.map(\.memo)
        let operations = rows.map(\.operation)
        return """
            insert into hold (account, id, amount, expires_at, memo, operation)
            select * from unnest(\(accounts), \(ids), \(amounts), \(expiries), \(memos), \(operations))
            """
    }

    private static func insert(_ rows: [LedgerRows.Ending]) -> SQL {
        let accounts = rows.map(\.key.userID)
        let ids = rows.map(\.key.id)
        let hows = rows.map(\.how.rawValue)
        let charged = rows.map(\.charged)
        let reasons = rows.map(\.reason)
        let operations = rows.map(\.operation)
        return """
            insert into hold_end (account, hold_id, how, charged, reason, operation)
            select * from unnest(\(accounts), \(ids), \(hows), \(charged), \(reasons), \(operations))
            """
    }

    private static func insert(_ unsorted: [LedgerRows.Credit]) -> SQL {
        let rows = unsorted.sorted {
            ($0.reference.source.rawValue, $0.reference.reference) < (
                $1.reference.source.rawValue, $1.reference.reference
            )
        }
        let sources = rows.map(\.reference.source.rawValue)
        let references = rows.map(\.reference.reference)
        let accounts = rows.map(\.userID)
        let amounts = rows.map(\.amount)
        let callers = rows.map(\.key.caller)
        let keys = rows.map(\.key.key)
        let operations = rows.map(\.operation)
        return """
            insert into credit (source, reference, account, amount, caller, key, operation)
            select * from unnest(\(sources), \(references), \(accounts), \(amounts), \(callers), \(keys), \(operations))
            """
    }

    private static func insert(_ rows: [LedgerRows.Entry]) -> SQL {
        let transfers = rows.map(\.transfer)
        let accounts = rows.map(\.account)
        let kinds = rows.map(\.kind.rawValue)
        let amounts = rows.map(\.amount)
        let bonuses = rows.map(\.bonusAmount)
        let before = rows.map(\.balanceBefore)
        let after = rows.map(\.balanceAfter)
        let bonusAfter = rows.map(\.bonusAfter)
        let memos = rows.map(\.memo)
        let jobs = rows.map { $0.charge?.jobID }
        let orders = rows.map(\.orderID)
        let holds = rows.map(\.holdID)
        let parts = rows.map(\.partID)
        let models = rows.map { $0.charge?.model }
        let variants = rows.map { $0.charge?.variant }
        let costs = rows.map { $0.charge?.providerCostMicrodollars }
        // Ids follow the order of decision.
        return """
            insert into entry (transfer, account, kind, amount, bonus_amount, balance_before, balance_after, bonus_after,
                memo, job_id, order_id, hold_id, part, model, variant, provider_cost_microdollars)
            select transfer, account, kind, amount, bonus_amount, balance_before, balance_after, bonus_after, memo,
                job_id, order_id, hold_id, part, model, variant, cost
            from unnest(\(transfers), \(accounts), \(kinds), \(amounts), \(bonuses), \(before), \(after),
                \(bonusAfter), \(memos), \(jobs), \(orders), \(holds), \(parts), \(models), \(variants), \(costs))
                with ordinality as new(transfer, account, kind, amount, bonus_amount, balance_before, balance_after,
                    bonus_after, memo, job_id, order_id, hold_id, part, model, variant, cost, position)
            order by position
            """
    }

    /// The rows are locked, so their places are known and stay.
    private static func update(_ rows: [LedgerRows.Account]) -> SQL {
        let ids = rows.map(\.userID)
        let paid = rows.map(\.paidDelta)
        let bonus = rows.map(\.bonusDelta)
        let held = rows.map(\.heldDelta)
        let spent = rows.map(\.spent)
        let days = rows.map(\.spentDay)
        return """
            update account
            set paid = account.paid + new.paid, bonus = account.bonus + new.bonus, held = account.held + new.held,
                spent = new.spent, spent_day = new.spent_day
            from unnest(\(ids), \(paid), \(bonus), \(held), \(spent), \(days))
                as new(id, paid, bonus, held, spent, spent_day)
            cross join lateral (select ctid from account where account.id = new.id offset 0) as found(row)
            where account.ctid = found.row
            """
    }
}
