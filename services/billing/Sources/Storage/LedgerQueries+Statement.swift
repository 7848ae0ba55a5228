import Contracts
import Jobs
import Postgres
import Time

extension LedgerQueries {
    /// A page of an account's statement, newest first.
    func entries(
        of userID: UserID,
        before: Int64?,
        limit: Int,
        deadline: Deadline
    ) async throws -> ListEntries.Output {
        let rows = try await database.query(
            """
            select id, at, kind, amount, coalesce(balance_before, balance_after - amount), balance_after, bonus_amount,
                memo, transfer, job_id, order_id, hold_id, part, model, variant
            from account_entries(
                \(userID), coalesce((select at from entry where id = \(before)), 'infinity'), \(before), \(limit + 1)
            )
            """,
            deadline: deadline
        )
        var entries = try rows.map(Self.statementEntry)
        guard entries.count > limit else { return ListEntries.Output(entries: entries) }
        entries.removeLast()
        return ListEntries.Output(entries: entries, nextBefore: entries.last?.id)
    }

    private static func statementEntry(_ row: Row) throws -> StatementEntry {
        let (id, at, kind, amount, before, after, bonus, memo, transfer, job, order, hold, part, model, variant) =
            try row.decode(
                Int64.self,
                Timestamp.self,
                String.self,
                Int64.self,
                Int64.self,
                Int64.self,
                Int64.self,
                String.self,
                Int64.self,
                JobID?.self,
                OrderID?.self,
                HoldID?.self,
                String?.self,
                String?.self,
                String?.self
            )
        guard let kind = EntryKind(rawValue: kind) else {
            throw PostgresError(.decoding, operation: "list entries", detail: "unknown kind of entry")
        }
        return StatementEntry(
            id: id,
            at: at,
            kind: kind,
            amountKopecks: amount,
            balanceAfterKopecks: after,
            memo: memo,
            jobID: job,
            orderID: order,
            balanceBeforeKopecks: before,
            bonusKopecks: bonus,
            transfer: transfer,
            holdID: hold,
            partID: part,
            model: model,
            variant: variant
        )
    }
}
