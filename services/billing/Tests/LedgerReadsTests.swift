import Contracts
import Postgres
import TestSupport
import Testing
import Time

@testable import BillingService

/// What is read: balances at any moment, statements, holds, listings, totals.
@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerReadsTests {
    private let bench = LedgerBench()
    private var scratch: ScratchDatabase { .current }

    @Test func `a balance at a moment is what it was then, held and frozen included`() async throws {
        let start = try await bench.now()
        try await bench.pay(1, 100)
        try await bench.pay(1, 50, .promo)
        let paid = try await bench.now()
        let id = try await bench.hold(1, 80)
        let held = try await bench.now()
        try await bench.apply(1, bench.charge(id, 60, part: HoldPart(partID: "a", amountKopecks: 70)))
        let partly = try await bench.now()
        try await bench.apply(1, .releaseHold(id: id, reason: ""))
        try await bench.apply(1, .freeze(operatorName: "anna", reason: "r"))
        let end = try await bench.now()

        var balances: [Balance] = []
        for moment in [start, paid, held, partly, end] { balances.append(try await bench.balance(1, at: moment)) }
        #expect(balances.map(\.postedKopecks) == [0, 150, 150, 90, 90])
        #expect(balances.map(\.bonusKopecks) == [0, 50, 50, 0, 0])
        #expect(balances.map(\.heldKopecks) == [0, 0, 80, 10, 0])
        #expect(balances.map(\.isFrozen) == [false, false, false, false, true])
        #expect(balances.last == (try await bench.balance(1)))
    }

    @Test func `a hold that has expired does not count at a later moment`() async throws {
        try await bench.pay(1, 100)
        _ = try await bench.hold(1, 80, for: .seconds(3))
        let held = try await bench.now()
        try await eventually { try await bench.balance(1).heldKopecks == 0 }
        let over = try await bench.now()
        #expect(try await bench.balance(1, at: held).heldKopecks == 80)
        #expect(try await bench.balance(1, at: over).heldKopecks == 0)
    }

    @Test func `a balance at a moment takes one entry from the index, however many there are`() async throws {
        let plan = try await scratch.withDatabase(url: scratch.ownerURL) { owner in
            try await owner.execute(
                """
                insert into entry (transfer, account, kind, amount, balance_before, balance_after, bonus_after, at)
                select n, side.account, 'top_up', side.amount,
                    case when side.account > 0 then n - 1 end, case when side.account > 0 then n end,
                    case when side.account > 0 then 0 end, timestamptz '2026-01-01' + n * interval '1 minute'
                from generate_series(1, 20000) as n, (values (7, 1), (-1, -1)) as side(account, amount)
                """
            )
            try await owner.execute("analyze entry")
            return try await owner.query(
                """
                explain select balance_after from account_entries(7, '2026-01-05', null, 1)
                """
            ).map { try $0.decode(String.self) }.joined(separator: "\n")
        }
        #expect(plan.contains("entry_of_account"), "\(plan)")
        #expect(!plan.contains("Sort Key: entry."), "\(plan)")
        let moment = try #require(Timestamp(rfc3339: "2026-01-01T00:05:00Z"))
        #expect(try await bench.balance(7, at: moment).postedKopecks == 5)
    }

    @Test func `statements and moments go through all stretches of entries, a quiet account's empty ones too`()
        async throws
    {
        let stretch: Int64 = 1 << 22
        var moments: [Timestamp] = []
        for (number, first) in [1, stretch - 1, 3 * stretch - 1, 3 * stretch + 7].enumerated() {
            try await bench.tamper("alter sequence entry_id_seq restart with \(first)")
            try await bench.pay(1, Int64(number + 1))
            if number == 1 { try await bench.pay(2, 9) }
            moments.append(try await bench.now())
            try await bench.sealer.sealAll()
        }
        let entries = try await bench.statement(of: 1, pageSize: 2)
        #expect(entries.map(\.amountKopecks) == [4, 3, 2, 1])
        #expect(entries.map { $0.id >> 22 } == [3, 2, 0, 0])
        var balances: [Int64] = []
        for moment in moments { balances.append(try await bench.balance(1, at: moment).postedKopecks) }
        #expect(balances == [1, 3, 6, 10])
        for (user, count) in [(Int64(2), 1), (3, 0)] {
            let page = try await bench.queries.entries(of: user, before: nil, limit: 2, deadline: bench.deadline)
            #expect(page.entries.count == count)
        }
        try await bench.expectSound()
    }

    @Test func `a hold of months ago counts at moments of its extensions, and not after the last`() async throws {
        try await bench.pay(1, 100)
        _ = try await bench.hold(1, 80)
        // As it would be if it had been placed 30 days ago and extended every six days, the last time ten days ago.
        try await scratch.withDatabase(url: scratch.ownerURL) { owner in
            for statement in [
                "update hold set at = now() - interval '30 days', expires_at = now() - interval '24 days'",
                "update entry set at = now() - interval '31 days'",
                """
                insert into hold_extension (account, hold_id, expires_at, operation, at)
                select 1, id, now() - interval '1 day' * (18 - 6 * n), 0,
                    now() - interval '1 day' * (24 - 6 * n) - interval '1 hour'
                from hold, generate_series(0, 2) as n
                """,
            ] { try await owner.execute(SQL(stringLiteral: statement).once()) }
        }
        let now = try await bench.now()
        var held: [Int64] = []
        for days in [30.5, 29.5, 23, 17, 11, 7, 5] {
            held.append(try await bench.balance(1, at: now - .seconds(Int64(days * 86_400))).heldKopecks)
        }
        #expect(held == [0, 80, 80, 80, 80, 80, 0])
    }

    @Test func `a statement says what each line belongs to, over pages`() async throws {
        try await bench.pay(1, 100)
        let id = try await bench.hold(1, 30)
        try await bench.apply(1, bench.charge(id, 30))
        try await bench.apply(1, .refundCharge(id: id, partID: nil, amount: 10, reason: "spoilt"))
        let free = try await bench.hold(1, 0)
        try await bench.apply(1, bench.charge(free, 0, model: "z-image"))
        let entries = try await bench.statement(of: 1, pageSize: 1)
        #expect(entries.map(\.kind) == [.charge, .refund, .charge, .topUp])
        #expect(entries.map(\.amountKopecks) == [0, 10, -30, 100])
        #expect(entries.map(\.balanceBeforeKopecks) == [80, 70, 100, 0])
        #expect(entries.map(\.balanceAfterKopecks) == [80, 80, 70, 100])
        #expect(entries.map(\.model) == ["z-image", "veo", "veo", nil])
        #expect(entries.map(\.holdID) == [free, id, id, nil])
        #expect(entries[1].jobID == entries[2].jobID && entries[2].jobID != nil)
        #expect(entries[3].orderID != nil)
    }

    @Test func `credits of a source are listed page by page with what went back`() async throws {
        for number in 1...5 { try await bench.pay(Int64(number), Int64(number) * 10, .yookassa, "p\(number)") }
        try await bench.pay(1, 7, .stars, "s")
        let reference = CreditReference(source: .yookassa, reference: "p3")
        try await bench.apply(3, .refundCredit(reference, amount: 12, reason: "r"))
        var credits: [CreditRecord] = []
        var after: String?
        repeat {
            let page = try await bench.reports.credits(
                ListCredits.Parameters(source: .yookassa),
                after: after.flatMap { CreditCursor($0) },
                limit: 2,
                deadline: bench.deadline
            )
            credits += page.credits
            after = page.nextAfter
        } while after != nil
        #expect(credits.map(\.reference) == ["p1", "p2", "p3", "p4", "p5"])
        #expect(credits.map(\.refundedKopecks) == [0, 0, 12, 0, 0])
        #expect(credits.allSatisfy { $0.orderID != nil })
        let none = try await bench.reports.credits(
            ListCredits.Parameters(source: .yookassa, until: credits[0].at),
            after: nil,
            limit: 2,
            deadline: bench.deadline
        )
        #expect(none.credits.isEmpty)
    }

    @Test
    func `charges are listed with job, model and cost, those of nothing too, also where the seals say where to look`()
        async throws
    {
        try await bench.pay(1, 100)
        let first = try await bench.hold(1, 30)
        try await bench.apply(1, bench.charge(first, 30, cost: 12))
        try await bench.sealer.sealAll()
        let between = try await bench.now()
        let second = try await bench.hold(1, 0)
        try await bench.apply(1, bench.charge(second, 0, model: "z-image"))
        try await bench.apply(1, .refundCharge(id: first, partID: nil, amount: 5, reason: "r"))
        try await bench.sealer.sealAll()
        func list(_ filter: ListCharges.Parameters) async throws -> ListCharges.Output {
            try await bench.reports.charges(filter, limit: 1, deadline: bench.deadline)
        }
        let page = try await list(ListCharges.Parameters())
        #expect(page.charges.map(\.refundedKopecks) == [5])
        #expect(page.charges.map(\.providerCostMicrodollars) == [1_200])
        let next = try await list(ListCharges.Parameters(after: page.nextAfter))
        #expect(next.charges.map(\.model) == ["z-image"])
        #expect(next.nextAfter == nil)
        #expect(try await list(ListCharges.Parameters(since: between)).charges.map(\.holdID) == [second])
        #expect(try await list(ListCharges.Parameters(until: between)).charges.map(\.holdID) == [first])
    }

    @Test func `a day's totals say what was earned and what it cost, by model`() async throws {
        try await bench.pay(1, 1_000)
        try await bench.pay(1, 50, .promo)
        for (model, amount, cost) in [("veo", Int64(300), Int64(120)), ("z-image", 0, 3)] {
            let id = try await bench.hold(1, amount)
            try await bench.apply(1, bench.charge(id, amount, model: model, cost: cost))
            if amount > 0 { try await bench.apply(1, .refundCharge(id: id, partID: nil, amount: 100, reason: "r")) }
        }
        try await bench.sealer.sealAll()
        let day = try #require(OperatorDay(at: try await bench.now(), offset: bench.rules.dayOffset))
        let totals = try await bench.reports.totals(of: day, deadline: bench.deadline)
        #expect((totals.chargedKopecks, totals.chargedBonusKopecks, totals.refundedKopecks) == (300, 50, 100))
        #expect((totals.providerCostKopecks, totals.marginKopecks) == (123, 77))
        #expect(totals.paidInKopecks == ["yookassa": 1_000])
        #expect(totals.grantedKopecks == ["promo": 50])
        #expect(totals.models.map(\.model) == ["veo", "z-image"])
        #expect(totals.models.map(\.marginKopecks) == [80, -3])
        let other = try #require(OperatorDay("2020-02-29", offset: .zero))
        #expect(try await bench.reports.totals(of: other, deadline: bench.deadline).models.isEmpty)
        #expect(OperatorDay("2026-13-01", offset: .zero) == nil)
    }

    @Test func `the trial balance is the same before, between and after seals`() async throws {
        try await bench.pay(1, 1_000)
        let before = try await bench.queries.trialBalance(deadline: bench.deadline)
        try await bench.sealer.sealAll()
        #expect(try await bench.queries.trialBalance(deadline: bench.deadline) == before)
        let id = try await bench.hold(1, 300)
        try await bench.apply(1, bench.charge(id, 300, cost: 100))
        _ = try await bench.hold(1, 5)
        let between = try await bench.queries.trialBalance(deadline: bench.deadline)
        try await bench.sealer.sealAll()
        let after = try await bench.queries.trialBalance(deadline: bench.deadline)
        #expect(after == between)
        #expect(after.accounts["user"] == 700 && after.accounts["revenue"] == 300)
        #expect(after.accounts["provider_cost"] == -100 && after.accounts["provider"] == 100)
        #expect((after.sumKopecks, after.heldKopecks, after.liveHolds) == (0, 5, 1))
    }
}
