import Contracts
import Jobs
import Postgres

/// What refunds read: the charge or payment that money went with, and what of it has gone back.
extension LedgerStore {
    /// Charges by hold and part with what was refunded of them. Uses the keys of `hold_end` and `hold_part`, then
    /// `entry_transfer` and `refund_lineage`.
    static func selectCharges(_ charges: [(key: HoldKey, partID: String?)]) -> FactsRead {
        let accounts = charges.map(\.key.userID)
        let holds = charges.map(\.key.id)
        let parts = charges.map(\.partID)
        return FactsRead(
            """
            select wanted.account, wanted.hold_id, wanted.part, entry.transfer, entry.amount, entry.bonus_amount,
                entry.job_id, entry.model, entry.variant,
                coalesce((select sum(paid) from refund where refund.account = wanted.account
                    and refund.of_transfer = entry.transfer), 0)::int8,
                coalesce((select sum(bonus) from refund where refund.account = wanted.account
                    and refund.of_transfer = entry.transfer), 0)::int8
            from unnest(\(accounts), \(holds), \(parts)) as wanted(account, hold_id, part)
            join lateral (
                select operation from hold_end
                where hold_end.account = wanted.account and hold_end.hold_id = wanted.hold_id and how = 'charged'
                    and wanted.part is null
                union all
                select operation from hold_part
                where hold_part.account = wanted.account and hold_part.hold_id = wanted.hold_id and how = 'charged'
                    and hold_part.part = wanted.part
            ) as charge on true
            cross join lateral (
                select * from entry where entry.transfer = charge.operation and entry.account = wanted.account
                    and entry.part is not distinct from wanted.part offset 0
            ) as entry
            """
        ) { rows, facts in
            for row in rows {
                let (account, hold, part, transfer, amount, bonus, job, model, variant, refundedPaid, refundedBonus) =
                    try row.decode(
                        Int64.self,
                        HoldID.self,
                        String?.self,
                        Int64.self,
                        Int64.self,
                        Int64.self,
                        JobID?.self,
                        String?.self,
                        String?.self,
                        Int64.self,
                        Int64.self
                    )
                let detail = job.map {
                    ChargeDetail(jobID: $0, model: model ?? "", variant: variant ?? "", providerCostMicrodollars: 0)
                }
                facts.refundables[.charge(HoldKey(userID: account, id: hold), partID: part)] = Refundable(
                    userID: account,
                    transfer: transfer,
                    paid: bonus - amount,
                    bonus: -bonus,
                    refundedPaid: refundedPaid,
                    refundedBonus: refundedBonus,
                    charge: detail
                )
            }
        }
    }

    /// Payments with what was refunded of them; granted money never goes back.
    static func selectPayments(_ references: [CreditReference]) -> FactsRead {
        let sources = references.map(\.source.rawValue)
        let texts = references.map(\.reference)
        return FactsRead(
            """
            select credit.source, credit.reference, credit.account, entry.transfer, entry.amount, entry.order_id,
                coalesce((select sum(paid) from refund where refund.account = credit.account
                    and refund.of_transfer = entry.transfer), 0)::int8
            from unnest(\(sources), \(texts)) as wanted(source, reference) \(unsafe: Self.creditWanted)
            cross join lateral (
                select * from entry where entry.transfer = operation.id and entry.account = credit.account
                    and entry.kind = 'top_up' offset 0
            ) as entry
            """
        ) { rows, facts in
            for row in rows {
                let (source, reference, account, transfer, amount, order, refunded) = try row.decode(
                    String.self,
                    String.self,
                    Int64.self,
                    Int64.self,
                    Int64.self,
                    OrderID?.self,
                    Int64.self
                )
                guard let source = CreditSource(rawValue: source) else { continue }
                facts.refundables[.credit(CreditReference(source: source, reference: reference))] = Refundable(
                    userID: account,
                    transfer: transfer,
                    paid: amount,
                    bonus: 0,
                    refundedPaid: refunded,
                    orderID: order
                )
            }
        }
    }
}
