/// Follows all entries in the order of their ids and adds up what accounts, transfers and seals must agree with.
struct LedgerWalk {
    struct Sums: Sendable, Equatable {
        var posted: Int64 = 0
        var bonus: Int64 = 0
    }

    private(set) var entries: Int64 = 0
    /// What users' accounts have after the entries so far.
    private(set) var accounts: [Int64: Sums] = [:]
    /// As seals keep them: users, then system accounts −1, −2, …
    private(set) var slots = [Int64](repeating: 0, count: 16)
    /// Transfers whose entries so far do not sum to zero.
    private var open: [Int64: Int64] = [:]
    private(set) var findings: [LedgerFinding] = []

    mutating func take(_ entry: LedgerEntry) {
        entries += 1
        let sum = open[entry.transfer, default: 0] + entry.amount
        open[entry.transfer] = sum == 0 ? nil : sum
        let slot = entry.account > 0 ? 0 : Int(clamping: -entry.account)
        if slots.indices.contains(slot) { slots[slot] += entry.amount }
        if entry.account > 0 { follow(entry) }
    }

    /// What is left when all entries have been taken.
    mutating func finish() {
        for (transfer, sum) in open.sorted(by: { $0.key < $1.key }) {
            findings.append(.transferUnbalanced(transfer, sum: sum))
        }
        open = [:]
    }

    private mutating func follow(_ entry: LedgerEntry) {
        var sums = accounts[entry.account] ?? Sums()
        let before = entry.balanceBefore ?? (entry.balanceAfter ?? 0) - entry.amount
        if before != sums.posted {
            findings.append(
                .discontinuous(entry: entry.id, account: entry.account, expected: sums.posted, found: before)
            )
        }
        sums.bonus += entry.bonusAmount
        if let bonus = entry.bonusAfter, bonus != sums.bonus {
            findings.append(
                .discontinuous(entry: entry.id, account: entry.account, expected: sums.bonus, found: bonus)
            )
            sums.bonus = bonus
        }
        // Goes on from what the row says, so that one wrong row is one finding.
        sums.posted = entry.balanceAfter ?? before + entry.amount
        if before + entry.amount != sums.posted {
            findings.append(
                .discontinuous(
                    entry: entry.id,
                    account: entry.account,
                    expected: before + entry.amount,
                    found: sums.posted
                )
            )
        }
        accounts[entry.account] = sums
    }
}
