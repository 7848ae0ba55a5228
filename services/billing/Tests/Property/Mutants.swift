import Contracts
import Testing
import Time

@testable import BillingService

/// Mistakes of the kind that people make in ledgers, put around the real rules: each is shown other facts than the
/// tables hold, or loses something of what it decided. The rules themselves have no switch for it.
struct Mutant: Sendable, CustomTestStringConvertible {
    let name: String
    let decide: LedgerWalk.Decide

    var testDescription: String { name }

    static let all: [Mutant] = [
        facts("money that is held can be held again") { facts in
            for userID in facts.accounts.keys { facts.accounts[userID]?.held = 0 }
        },
        facts("a key that is known is decided again") { $0.operations = [:] },
        facts("a hold ends as often as it is told to") { facts in
            for key in facts.holds.keys { facts.holds[key]?.end = nil }
        },
        facts("a tombstone is not looked at") { facts in
            facts.holds = facts.holds.filter { $0.value.placed != nil }
        },
        facts("expired holds keep counting") { $0.expired = [] },
        facts("a hold lives a moment too long") { $0.now = $0.now + .microseconds(-1) },
        facts("a payment is credited under each key") { $0.credits = [:] },
        facts("a frozen account goes on") { facts in
            for userID in facts.accounts.keys { facts.accounts[userID]?.isFrozen = false }
        },
        facts("refunds forget earlier refunds") { facts in
            for target in facts.refundables.keys {
                facts.refundables[target]?.refundedPaid = 0
                facts.refundables[target]?.refundedBonus = 0
            }
        },
        facts("parts forget earlier parts") { facts in
            for key in facts.holds.keys { facts.holds[key]?.settled = 0 }
        },
        facts("yesterday's spending counts today") { facts in
            let today = CallScript.rules.day(of: facts.now)
            for userID in facts.accounts.keys { facts.accounts[userID]?.spentDay = today }
        },
        facts("paid money is spent before bonus money") { facts in
            for (userID, account) in facts.accounts {
                facts.accounts[userID]?.paid = account.bonus
                facts.accounts[userID]?.bonus = account.paid
            }
        },
        rows("what a charge leaves of its hold stays held") { rows in
            for index in rows.accounts.indices where rows.accounts[index].heldDelta < 0 {
                rows.accounts[index].heldDelta = min(
                    0,
                    rows.accounts[index].paidDelta + rows.accounts[index].bonusDelta
                )
            }
        },
        rows("the other side of an entry is forgotten") { rows in
            if rows.entries.count > 1 { rows.entries.removeLast() }
        },
        rows("the balance after an entry is the one before") { rows in
            for index in rows.entries.indices {
                rows.entries[index].balanceAfter = rows.entries[index].balanceBefore
            }
        },
        rows("a released hold leaves no ending") { rows in rows.endings.removeAll { $0.how == .released } },
        rows("refusals are not kept") { rows in rows.operations.removeAll { $0.answer.verdict != "ok" } },
        Mutant(name: "items of a batch don't see each other") { facts, items, rules in
            var verdicts: [Verdict] = []
            var rows = LedgerRows()
            for (index, item) in items.enumerated() {
                var own = facts
                own.operationIDs = [facts.operationIDs[index]]
                if index > 0 { own.expired = [] }
                let decided = Ledger.decide(own, [item], rules: rules)
                verdicts += decided.verdicts
                rows.operations += decided.rows.operations
                rows.holds += decided.rows.holds
                rows.endings += decided.rows.endings
                rows.entries += decided.rows.entries
                rows.accounts += decided.rows.accounts
            }
            return (verdicts, rows)
        },
        Mutant(name: "a batch is decided from its end") { facts, items, rules in
            let (verdicts, rows) = Ledger.decide(facts, items.reversed(), rules: rules)
            return (verdicts.reversed(), rows)
        },
        Mutant(name: "the body of a repeated call is not compared") { facts, items, rules in
            let alike = items.map { item in
                var item = item
                item.fingerprint = [0]
                return item
            }
            return Ledger.decide(facts, alike, rules: rules)
        },
    ]

    /// The rules are shown other facts.
    private static func facts(_ name: String, _ change: @escaping @Sendable (inout LedgerFacts) -> Void) -> Mutant {
        Mutant(name: name) { facts, items, rules in
            var changed = facts
            change(&changed)
            return Ledger.decide(changed, items, rules: rules)
        }
    }

    /// Not all that was decided is written.
    private static func rows(_ name: String, _ change: @escaping @Sendable (inout LedgerRows) -> Void) -> Mutant {
        Mutant(name: name) { facts, items, rules in
            var decided = Ledger.decide(facts, items, rules: rules)
            change(&decided.rows)
            return decided
        }
    }
}
