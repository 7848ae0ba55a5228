import Contracts
import Jobs
import Postgres
import Time

/// Listings and sums that payments, generation and the operator reconcile with.
struct LedgerReports: Sendable {
    let database: Database

    /// Credits of a source in the order of time. Uses `credit_listing`.
    func credits(
        _ filter: ListCredits.Parameters,
        after cursor: CreditCursor?,
        limit: Int,
        deadline: Deadline
    ) async throws -> ListCredits.Output {
        let source = (filter.source ?? .yookassa).rawValue
        let rows = try await database.query(
            """
            select credit.reference, credit.account, credit.amount, coalesce((
                    select sum(refund.paid) from refund
                    where refund.account = credit.account and refund.of_transfer = credit.operation
                ), 0)::int8, (
                    select entry.order_id from entry
                    where entry.transfer = credit.operation and entry.account = credit.account
                ), credit.at, coalesce(credit.operation, 0)
            from credit
            where source = \(source) and at >= \(filter.since ?? .past) and at < \(filter.until ?? .future)
                and (at, operation) > (\(cursor?.at ?? .past), \(cursor?.operation ?? -1))
            order by at, operation limit \(limit + 1)
            """,
            deadline: deadline
        )
        let found = try rows.map { row in
            let (reference, account, amount, refunded, order, at, operation) = try row.decode(
                String.self,
                Int64.self,
                Int64.self,
                Int64.self,
                OrderID?.self,
                Timestamp.self,
                Int64.self
            )
            let record = CreditRecord(
                reference: reference,
                userID: account,
                amountKopecks: amount,
                refundedKopecks: refunded,
                orderID: order,
                at: at
            )
            return (record: record, cursor: CreditCursor(at: at, operation: operation))
        }
        let page = found.prefix(limit)
        return ListCredits.Output(
            credits: page.map(\.record),
            nextAfter: found.count > limit ? page.last?.cursor.text : nil
        )
    }

    /// Charges in the order of booking. Goes along the primary key between the ids that the seals give for the time, and
    /// stops when the page is full.
    func charges(
        _ filter: ListCharges.Parameters,
        limit: Int,
        deadline: Deadline
    ) async throws -> ListCharges.Output {
        let (since, until) = (filter.since ?? .past, filter.until ?? .future)
        let rows = try await database.query(
            """
            select entry.id, entry.account, -entry.amount, -entry.bonus_amount, coalesce((
                    select sum(refund.paid + refund.bonus) from refund
                    where refund.account = entry.account and refund.of_transfer = entry.transfer
                ), 0)::int8, entry.hold_id, entry.part, entry.job_id, entry.model, entry.variant,
                coalesce(entry.provider_cost_microdollars, 0), entry.at
            from entry
            where entry.id > greatest(\(filter.after ?? 0), (select after_entry from entry_range(\(since), \(until))))
                and entry.id <= (select last_entry from entry_range(\(since), \(until)))
                and entry.kind = 'charge' and entry.account > 0 and entry.at >= \(since) and entry.at < \(until)
                and entry.hold_id is not null and entry.job_id is not null
            order by entry.id limit \(limit + 1)
            """,
            deadline: deadline
        )
        var charges = try rows.map { row in
            let (id, account, amount, bonus, refunded, hold, part, job, model, variant, cost, at) = try row.decode(
                Int64.self,
                Int64.self,
                Int64.self,
                Int64.self,
                Int64.self,
                HoldID.self,
                String?.self,
                JobID.self,
                String?.self,
                String?.self,
                Int64.self,
                Timestamp.self
            )
            return ChargeRecord(
                id: id,
                userID: account,
                amountKopecks: amount,
                bonusKopecks: bonus,
                refundedKopecks: refunded,
                holdID: hold,
                partID: part,
                jobID: job,
                model: model ?? "",
                variant: variant ?? "",
                providerCostMicrodollars: cost,
                at: at
            )
        }
        guard charges.count > limit else { return ListCharges.Output(charges: charges) }
        charges.removeLast()
        return ListCharges.Output(charges: charges, nextAfter: charges.last?.id)
    }

    /// Adjustments that nobody has decided yet.
    func proposals(deadline: Deadline) async throws -> ListAdjustments.Output {
        let rows = try await database.query(
            """
            select id, account, amount, wallet, reason, proposed_by, at from adjustment
            where is_pending and not exists (
                select from adjustment_decision where adjustment_decision.adjustment = adjustment.id)
            order by at limit 200
            """,
            deadline: deadline
        )
        return ListAdjustments.Output(
            adjustments: try rows.map { row in
                let (id, account, amount, wallet, reason, name, at) = try row.decode(
                    AdjustmentID.self,
                    Int64.self,
                    Int64.self,
                    String.self,
                    String.self,
                    String.self,
                    Timestamp.self
                )
                return ProposedAdjustment(
                    adjustmentID: id,
                    userID: account,
                    amountKopecks: amount,
                    wallet: Wallet(rawValue: wallet) ?? .bonus,
                    reason: reason,
                    proposedBy: name,
                    at: at
                )
            }
        )
    }
}

/// Where a page of credits ended.
struct CreditCursor: Sendable, Equatable {
    var at: Timestamp
    var operation: Int64

    /// Opaque to callers: microseconds and operation.
    var text: String { "\(at.microseconds)-\(operation)" }

    init(at: Timestamp, operation: Int64) {
        self.at = at
        self.operation = operation
    }

    init?(_ text: String) {
        let parts = text.split(separator: "-")
        guard parts.count == 2, let at = Int64(parts[0]), let operation = Int64(parts[1]) else { return nil }
        self.init(at: Timestamp(microseconds: at), operation: operation)
    }
}

extension Timestamp {
    /// Before and after everything that a ledger holds.
    static let past = Timestamp(seconds: 0)
    static let future = Timestamp(seconds: 32_503_680_000)
}
