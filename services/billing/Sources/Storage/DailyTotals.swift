import Contracts
import Postgres
import Time

extension LedgerReports {
    /// One day's sums, in one statement over the day's entries, whose ids the seals bound.
    func totals(of day: OperatorDay, deadline: Deadline) async throws -> GetDailyTotals.Output {
        let rows = try await database.query(
            """
            select coalesce(system_account.name, 'user'), entry.kind, coalesce(entry.model, ''),
                entry.amount > 0, count(*), sum(entry.amount)::int8, sum(entry.bonus_amount)::int8,
                coalesce(sum(entry.provider_cost_microdollars), 0)::int8
            from entry_range(\(day.start), \(day.end)) as bounds
            join entry on entry.id > bounds.after_entry and entry.id <= bounds.last_entry
            left join system_account on system_account.id = entry.account
            where entry.at >= \(day.start) and entry.at < \(day.end)
            group by 1, 2, 3, 4
            """,
            deadline: deadline
        )
        var sums = DaySums()
        for row in rows {
            let (account, kind, model, isIn, count, amount, bonus, cost) = try row.decode(
                String.self,
                String.self,
                String.self,
                Bool.self,
                Int64.self,
                Int64.self,
                Int64.self,
                Int64.self
            )
            sums.add(
                DaySums.Line(
                    account: account,
                    kind: kind,
                    model: model,
                    isIn: isIn,
                    count: count,
                    amount: amount,
                    bonus: bonus,
                    microdollars: cost
                )
            )
        }
        return sums.output(day.text)
    }
}

/// A day of the operator's calendar.
struct OperatorDay: Sendable, Equatable {
    var text: String
    var start: Timestamp
    var end: Timestamp

    /// - Returns: nil if the text is no date such as `2026-11-28`.
    init?(_ text: String, offset: Duration) {
        guard text.utf8.count == 10, let midnight = Timestamp(rfc3339: text + "T00:00:00Z") else { return nil }
        self.text = text
        self.start = midnight - offset
        self.end = start + .seconds(86_400)
    }

    /// The day that it is at a moment.
    init?(at moment: Timestamp, offset: Duration) {
        self.init(String((moment + offset).description.prefix(10)), offset: offset)
    }
}

/// Adds up the groups of a day's entries.
struct DaySums {
    struct Line {
        var account: String
        var kind: String
        var model: String
        var isIn: Bool
        var count: Int64
        var amount: Int64
        var bonus: Int64
        var microdollars: Int64
    }

    private var models: [String: ModelTotals] = [:]
    private var bonus: Int64 = 0
    private var paidIn: [String: Int64] = [:]
    private var paidBack: [String: Int64] = [:]
    private var granted: [String: Int64] = [:]
    private var adjusted: Int64 = 0

    mutating func add(_ line: Line) {
        switch (line.account, line.kind) {
        case ("user", EntryKind.charge.rawValue):
            bonus -= line.bonus
            change(line.model) { totals in
                totals.charges += line.count
                totals.chargedKopecks -= line.amount
                totals.providerCostMicrodollars += line.microdollars
            }
        case ("user", EntryKind.refund.rawValue) where line.isIn:
            change(line.model) { $0.refundedKopecks += line.amount }
        case ("provider_cost", _):
            change(line.model) { $0.providerCostKopecks -= line.amount }
        case ("user", _), ("revenue", _), ("refund", _), ("provider", _): break
        case ("adjustment", _): adjusted -= line.amount
        case (let source, EntryKind.topUp.rawValue): paidIn[source, default: 0] -= line.amount
        case (let source, EntryKind.grant.rawValue): granted[source, default: 0] -= line.amount
        case (let source, EntryKind.refund.rawValue): paidBack[source, default: 0] += line.amount
        default: break
        }
    }

    func output(_ day: String) -> GetDailyTotals.Output {
        let models = models.values.map { totals in
            var totals = totals
            totals.marginKopecks = totals.chargedKopecks - totals.refundedKopecks - totals.providerCostKopecks
            return totals
        }.sorted { ($1.marginKopecks, $0.model) < ($0.marginKopecks, $1.model) }
        return GetDailyTotals.Output(
            day: day,
            chargedKopecks: models.map(\.chargedKopecks).reduce(0, +),
            chargedBonusKopecks: bonus,
            refundedKopecks: models.map(\.refundedKopecks).reduce(0, +),
            providerCostKopecks: models.map(\.providerCostKopecks).reduce(0, +),
            providerCostMicrodollars: models.map(\.providerCostMicrodollars).reduce(0, +),
            marginKopecks: models.map(\.marginKopecks).reduce(0, +),
            paidInKopecks: paidIn,
            paidBackKopecks: paidBack,
            grantedKopecks: granted,
            adjustedKopecks: adjusted,
            models: models
        )
    }

    private mutating func change(_ model: String, _ body: (inout ModelTotals) -> Void) {
        let none = ModelTotals(
            model: model,
            charges: 0,
            chargedKopecks: 0,
            refundedKopecks: 0,
            providerCostKopecks: 0,
            providerCostMicrodollars: 0,
            marginKopecks: 0
        )
        body(&models[model, default: none])
    }
}
