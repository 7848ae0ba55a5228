internal import Contracts
internal import LocalSystem
internal import Time

/// How money is written on the operator's terminal: roubles with two digits, columns, one fact a line.
enum LedgerTexts {
    static func balance(_ balance: Balance, at moment: Timestamp?) -> String {
        let title = "Account \(balance.userID)" + (moment.map { " at \($0)" } ?? "")
        var rows = [
            ["available", roubles(balance.availableKopecks)], ["held", roubles(balance.heldKopecks)],
            ["posted", roubles(balance.postedKopecks)], ["  paid", roubles(balance.paidKopecks)],
            ["  bonus", roubles(balance.bonusKopecks)],
        ]
        if balance.isFrozen { rows.append(["FROZEN", ""]) }
        return title + "\n" + table(rows, right: [1])
    }

    static func statement(_ entries: [StatementEntry], hasMore: Bool) -> String {
        guard !entries.isEmpty else { return "Nothing has moved." }
        let rows = entries.map { entry in
            [
                String(entry.id), time(entry.at), entry.kind.rawValue, roubles(entry.amountKopecks),
                roubles(entry.bonusKopecks ?? 0), roubles(entry.balanceAfterKopecks), entry.memo, belongings(entry),
            ]
        }
        let titles = ["entry", "time (UTC)", "kind", "amount", "of it bonus", "balance", "memo", "belongs to"]
        return table([titles] + rows, right: [0, 3, 4, 5])
            + (hasMore ? "\n… and more; --limit shows it." : "")
    }

    static func holds(_ holds: [OpenHold]) -> String {
        guard !holds.isEmpty else { return "Nothing is held." }
        let rows = holds.map { hold in
            [
                hold.holdID.description, roubles(hold.amountKopecks), roubles(hold.chargedKopecks),
                roubles(hold.releasedKopecks), time(hold.placedAt), time(hold.expiresAt), hold.memo,
            ]
        }
        let titles = ["hold", "amount", "charged", "released", "placed (UTC)", "expires (UTC)", "memo"]
        return table([titles] + rows, right: [1, 2, 3])
    }

    static func daily(_ day: GetDailyTotals.Output) -> String {
        var rows = [
            ["charged", roubles(day.chargedKopecks)], ["  of it granted money", roubles(day.chargedBonusKopecks)],
            ["refunded", roubles(-day.refundedKopecks)], ["provider cost", roubles(-day.providerCostKopecks)],
            ["margin", roubles(day.marginKopecks)],
        ]
        rows += day.paidInKopecks.sorted { $0.key < $1.key }.map { ["paid in, \($0.key)", roubles($0.value)] }
        rows += day.paidBackKopecks.sorted { $0.key < $1.key }.map { ["paid back, \($0.key)", roubles(-$0.value)] }
        rows += day.grantedKopecks.sorted { $0.key < $1.key }.map { ["granted, \($0.key)", roubles($0.value)] }
        if day.adjustedKopecks != 0 { rows.append(["corrected", roubles(day.adjustedKopecks)]) }
        let titles = ["model", "charges", "charged", "refunded", "cost", "cost, $", "margin"]
        let models = day.models.map { model in
            [
                model.model, String(model.charges), roubles(model.chargedKopecks), roubles(-model.refundedKopecks),
                roubles(-model.providerCostKopecks), dollars(model.providerCostMicrodollars),
                roubles(model.marginKopecks),
            ]
        }
        return "\(day.day)\n" + table(rows, right: [1])
            + (models.isEmpty
                ? ""
                : "\n\n" + table([titles] + models, right: [1, 2, 3, 4, 5, 6]))
    }

    static func trial(_ trial: GetTrialBalance.Output) -> String {
        let accounts = trial.accounts.sorted { $0.key < $1.key }.map { [$0.key, roubles($0.value)] }
        let rows =
            accounts + [
                ["sum", roubles(trial.sumKopecks)],
                ["held (\(trial.liveHolds) live holds)", roubles(trial.heldKopecks)],
            ]
        return table(rows, right: [1])
            + (trial.sumKopecks == 0 ? "" : "\nThe books do NOT balance: run atelier ledger verify.")
    }

    static func proposals(_ proposals: [ProposedAdjustment]) -> String {
        guard !proposals.isEmpty else { return "No correction waits." }
        let rows = proposals.map { proposal in
            [
                proposal.adjustmentID.description, String(proposal.userID), roubles(proposal.amountKopecks),
                proposal.wallet.rawValue, proposal.proposedBy, time(proposal.at), proposal.reason,
            ]
        }
        let titles = ["id", "user", "amount", "wallet", "proposed by", "time (UTC)", "reason"]
        return table([titles] + rows, right: [2])
    }

    static func adjustment(_ state: AdjustmentState) -> String {
        let sum = roubles(state.amountKopecks)
        return switch state.state {
        case .applied: "Corrected by \(sum).\n" + balance(state.balance, at: nil)
        case .rejected: "Rejected: \(sum) will not be moved."
        case .proposed:
            """
            \(sum) is above what one operator may correct alone. Another one decides with:
              atelier ledger approve \(state.adjustmentID)
            """
        }
    }

    /// Why billing has not done it.
    static func refusal(_ problem: Problem) -> String {
        var lines = ["Billing refuses: \(problem.detail ?? problem.code.title) (\(problem.code.rawValue))."]
        for (name, value) in problem.members.sorted(by: { $0.key < $1.key }) {
            if let kopecks = value.integer, name.hasSuffix("_kopecks") {
                lines.append("\(name.dropLast("_kopecks".count)): \(roubles(kopecks))")
            } else if let text = value.string {
                lines.append("\(name == "limit" ? "which limit" : name): \(text)")
            }
        }
        return lines.joined(separator: "\n")
    }

    // MARK: Values

    /// `1,234.50 ₽`, with a sign where it is negative.
    static func roubles(_ kopecks: Int64) -> String {
        let (whole, rest) = kopecks.magnitude.quotientAndRemainder(dividingBy: 100)
        var digits = String(whole)
        var grouped = ""
        while digits.count > 3 {
            grouped = "," + digits.suffix(3) + grouped
            digits.removeLast(3)
        }
        return "\(kopecks < 0 ? "-" : "")\(digits)\(grouped).\(rest < 10 ? "0" : "")\(rest) ₽"
    }

    /// Millionths of a dollar, to four digits.
    static func dollars(_ microdollars: Int64) -> String {
        let tenthousandths = microdollars / 100
        let rest = String(tenthousandths % 10_000)
        return "\(tenthousandths / 10_000).\(String(repeating: "0", count: 4 - rest.count))\(rest)"
    }

    /// Roubles as an operator types them: `50`, `-12.50`, `0,99`; nil for anything else.
    static func kopecks(_ text: String) -> Int64? {
        guard let match = text.wholeMatch(of: /(-|\+)?(\d{1,9})(?:[.,](\d{1,2}))?/), let whole = Int64(match.2) else {
            return nil
        }
        let digits = match.3.map(String.init) ?? "0"
        let rest = (Int64(digits) ?? 0) * (digits.count == 1 ? 10 : 1)
        return (whole * 100 + rest) * (match.1 == "-" ? -1 : 1)
    }

    private static func time(_ moment: Timestamp) -> String {
        String(moment.description.prefix(19)).split(separator: "T").joined(separator: " ")
    }

    private static func belongings(_ entry: StatementEntry) -> String {
        var parts: [String] = []
        if let job = entry.jobID { parts.append("job \(job)") }
        if let order = entry.orderID { parts.append("order \(order)") }
        if let model = entry.model, model != entry.memo { parts.append(model) }
        if let variant = entry.variant, !variant.isEmpty { parts.append(variant) }
        if let part = entry.partID { parts.append("part \(part)") }
        return parts.joined(separator: ", ")
    }

    private static func table(_ rows: [[String]], right columns: Set<Int>) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let padded = rows.map { row in
            row.enumerated().map { column, cell in
                columns.contains(column) ? String(repeating: " ", count: widths[column] - cell.count) + cell : cell
            }
        }
        return TextTable(padded).text
    }
}
