import Contracts
import Jobs
import Postgres
import Time

/// What only some batches read: credits, refunds, adjustments, parts of holds and the day's grants.
extension LedgerStore {
    /// The day's grants are locked after all accounts, so that batches can't wait for each other in a circle.
    func rareLocks(_ items: [LedgerItem]) -> [FactsRead] {
        let hasGrant = items.contains {
            if case .credit(let reference, _, _, _) = $0.action { reference.source.isGranted } else { false }
        }
        guard hasGrant else { return [] }
        let offset = rules.dayOffset.components.seconds
        return [
            FactsRead(
                """
                insert into grant_day (day) values (floor((extract(epoch from now()) + \(offset)::int8) / 86400)::int8)
                on conflict do nothing
                """
            ),
            FactsRead(
                """
                select day, amount from grant_day
                where day = floor((extract(epoch from now()) + \(offset)::int8) / 86400)::int8 for no key update
                """
            ) { rows, facts in
                let (day, amount) = try rows[0].decode(Int64.self, Int64.self)
                facts.granted = DayGrants(day: day, amount: amount)
            },
        ]
    }

    static func rareReads(_ items: [LedgerItem]) -> [FactsRead] {
        var reads: [FactsRead] = []
        let credits = items.compactMap { item -> CreditReference? in
            if case .credit(let reference, _, _, _) = item.action { reference } else { nil }
        }
        if !credits.isEmpty { reads.append(selectCredits(credits)) }
        let parts = items.compactMap(\.part)
        if !parts.isEmpty { reads.append(selectParts(parts)) }
        let charges = items.compactMap { item -> (key: HoldKey, partID: String?)? in
            guard case .refundCharge(let id, let partID, _, _) = item.action else { return nil }
            return (HoldKey(userID: item.userID, id: id), partID)
        }
        if !charges.isEmpty { reads.append(selectCharges(charges)) }
        let payments = items.compactMap { item -> CreditReference? in
            if case .refundCredit(let reference, _, _) = item.action { reference } else { nil }
        }
        if !payments.isEmpty { reads.append(selectPayments(payments)) }
        let adjustments = items.compactMap(\.adjustmentID)
        if !adjustments.isEmpty { reads.append(selectAdjustments(adjustments)) }
        return reads
    }

    /// Joins `wanted(source, reference)` with its credit and the operation that made it.
    static let creditWanted: StaticString = """
        cross join lateral (
            select * from credit where credit.source = wanted.source and credit.reference = wanted.reference offset 0
        ) as credit
        cross join lateral (
            select * from operation where operation.caller = credit.caller and operation.key = credit.key offset 0
        ) as operation
        """

    private static func selectCredits(_ references: [CreditReference]) -> FactsRead {
        let sources = references.map(\.source.rawValue)
        let texts = references.map(\.reference)
        return FactsRead(
            """
            select credit.source, credit.reference, credit.account, credit.amount, verdict, answer
            from unnest(\(sources), \(texts)) as wanted(source, reference) \(unsafe: Self.creditWanted)
            """
        ) { rows, facts in
            for row in rows {
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
        }
    }

    /// How the named parts were settled. Must follow `selectHolds`.
    private static func selectParts(_ parts: [(key: HoldKey, partID: String)]) -> FactsRead {
        let accounts = parts.map(\.key.userID)
        let holds = parts.map(\.key.id)
        let names = parts.map(\.partID)
        return FactsRead(
            """
            select wanted.account, wanted.hold_id, wanted.part, settled.how
            from unnest(\(accounts), \(holds), \(names)) as wanted(account, hold_id, part) cross join lateral (
                select how from hold_part
                where hold_part.account = wanted.account and hold_part.hold_id = wanted.hold_id
                    and hold_part.part = wanted.part offset 0
            ) as settled
            """
        ) { rows, facts in
            for row in rows {
                let (account, hold, part, how) = try row.decode(Int64.self, HoldID.self, String.self, String.self)
                facts.holds[HoldKey(userID: account, id: hold)]?.parts[part] = HoldEnd(rawValue: how)
            }
        }
    }

    private static func selectAdjustments(_ ids: [AdjustmentID]) -> FactsRead {
        FactsRead(
            """
            select adjustment.id, adjustment.account, amount, wallet, reason, adjustment.proposed_by, is_pending,
                made.answer, adjustment_decision.decision, decided.answer
            from adjustment
            join operation as made on made.caller = adjustment.caller and made.key = adjustment.key
            left join adjustment_decision on adjustment_decision.adjustment = adjustment.id
            left join operation as decided on decided.caller = adjustment_decision.caller
                and decided.key = adjustment_decision.key
            where adjustment.id = any(\(ids))
            """
        ) { rows, facts in
            for row in rows {
                let (id, account, amount, wallet, reason, name, isPending, made, decision, decided) = try row.decode(
                    AdjustmentID.self,
                    Int64.self,
                    Int64.self,
                    String.self,
                    String.self,
                    String.self,
                    Bool.self,
                    [UInt8].self,
                    String?.self,
                    [UInt8]?.self
                )
                let answer = LedgerAnswer.adjustment(try ContractJSON.decode(AdjustmentState.self, from: made))
                var stored = StoredAdjustment(
                    userID: account,
                    adjustment: Adjustment(
                        id: id,
                        amount: amount,
                        wallet: Wallet(rawValue: wallet) ?? .bonus,
                        reason: reason,
                        operatorName: name
                    ),
                    answer: answer
                )
                if let decision = decision.flatMap(AdjustmentDecision.init(rawValue:)), let bytes = decided {
                    let state = try ContractJSON.decode(AdjustmentState.self, from: bytes)
                    stored.decided = StoredAdjustment.Decided(decision: decision, answer: .adjustment(state))
                } else if !isPending {
                    stored.decided = StoredAdjustment.Decided(decision: .approve, answer: answer)
                }
                facts.adjustments[id] = stored
            }
        }
    }
}

extension LedgerItem {
    /// The part of a hold that it names, if it names one.
    fileprivate var part: (key: HoldKey, partID: String)? {
        switch action {
        case .chargeHold(let id, _, let part?, _), .releaseHold(let id, let part?, _):
            (HoldKey(userID: userID, id: id), part.partID)
        case .refundCharge(let id, let partID?, _, _): (HoldKey(userID: userID, id: id), partID)
        default: nil
        }
    }

    fileprivate var adjustmentID: AdjustmentID? {
        switch action {
        case .adjust(let adjustment): adjustment.id
        case .decideAdjustment(let id, _, _): id
        default: nil
        }
    }
}
