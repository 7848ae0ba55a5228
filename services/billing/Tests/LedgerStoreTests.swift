import Concurrency
import Contracts
import EventLoop
import Postgres
import ProofKit
import Telemetry
import TestSupport
import Testing
import Time

@testable import BillingService

@Suite(.scratchDatabase(migrations: "services/billing/migrations")) struct LedgerStoreTests {
    private var scratch: ScratchDatabase { .current }
    private var store: LedgerStore { LedgerStore(database: scratch.database) }
    private var queries: LedgerQueries { LedgerQueries(database: scratch.database) }
    private var audits: LedgerAudits { LedgerAudits(database: scratch.database) }
    private var deadline: Deadline { .after(.seconds(10)) }

    private func item(_ key: String, _ user: UserID, _ action: LedgerAction, caller: String = "generation")
        -> LedgerItem
    {
        LedgerItem(
            key: OperationKey(caller: caller, key: key),
            fingerprint: Array("\(action)".utf8),
            userID: user,
            action: action
        )
    }

    private func credit(_ user: UserID, _ amount: Int64, _ reference: String, _ source: CreditSource = .yookassa)
        -> LedgerItem
    {
        item(
            "credit-\(reference)",
            user,
            .credit(
                CreditReference(source: source, reference: reference),
                amount: amount,
                orderID: OrderID(),
                memo: "m"
            )
        )
    }

    private func hold(_ id: HoldID, _ amount: Int64, for duration: Duration = .seconds(3_600)) -> LedgerAction {
        .placeHold(id: id, amount: amount, expiresAt: WallClock.system.now + duration, memo: "model")
    }

    private func charge(_ id: HoldID, _ amount: Int64) -> LedgerAction {
        .chargeHold(
            id: id,
            amount: amount,
            detail: ChargeDetail(jobID: JobID(), model: "veo", variant: "fast", providerCostMicrodollars: 400_000)
        )
    }

    private func code(_ verdict: Verdict) -> ProblemCode? {
        switch verdict {
        case .fresh(.refused(let problem)), .replayed(.refused(let problem)): problem.code
        default: nil
        }
    }

    private func expectSound() async throws {
        #expect(try await audits.audit(within: .seconds(10)).finding.isSound)
    }

    // MARK: Failures

    @Test func `two batches that race for the last kopecks grant them once`() async throws {
        _ = try await store.apply([credit(1, 100, "a")], deadline: deadline)
        let store = store
        let granted = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<20 {
                let item = item("hold-\(number)", 1, hold(HoldID(), 30))
                group.addTask {
                    let verdicts = try await store.apply([item], deadline: .after(.seconds(10)))
                    if case .fresh(.hold) = verdicts[0] { return 1 } else { return 0 }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(granted == 3)
        #expect(try await queries.balance(of: 1, deadline: deadline).availableKopecks == 10)
        try await expectSound()
    }

    @Test func `one key that races with itself on many connections has one effect`() async throws {
        let store = store
        let item = credit(1, 100, "a")
        let verdicts = try await withThrowingTaskGroup(of: Verdict.self) { group in
            for _ in 0..<16 { group.addTask { try await store.apply([item], deadline: .after(.seconds(10)))[0] } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let fresh = verdicts.filter { if case .fresh = $0 { true } else { false } }
        #expect(fresh.count == 1)
        #expect(try await queries.balance(of: 1, deadline: deadline).postedKopecks == 100)
        try await expectSound()
    }

    @Test func `one key for two accounts at once is a unique violation that leaves nothing`() async throws {
        let second = item("same", 2, hold(HoldID(), 0))
        try await scratch.database.transaction { transaction in
            // As a batch does that is about to commit.
            try await transaction.execute(
                """
                insert into operation (id, caller, key, fingerprint, kind, account, verdict, answer)
                values (1, 'generation', 'same', '\\x00', 'place_hold', 1, 'ok', '{}')
                """
            )
            let task = Task { try await store.apply([second], deadline: .after(.seconds(10))) }
            try await eventually {
                let rows = try await scratch.database.query(
                    "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'"
                )
                return !rows.isEmpty
            }
            try await transaction.commit(after: [])
            do {
                _ = try await task.value
                Issue.record("the second was not refused")
            } catch let error as PostgresError {
                #expect(error.code == .uniqueViolation(constraint: "operation_pkey"))
            }
        }
        #expect(try await scratch.database.query("select 1 from hold").isEmpty)
    }

    @Test func `a refusal is remembered although the money has come since`() async throws {
        let placing = item("hold", 1, hold(HoldID(), 50))
        #expect(try await code(store.apply([placing], deadline: deadline)[0]) == .insufficientFunds)
        _ = try await store.apply([credit(1, 100, "a")], deadline: deadline)
        let again = try await store.apply([placing], deadline: deadline)[0]
        guard case .replayed(.refused(let problem)) = again else {
            Issue.record("not a replayed refusal: \(again)")
            return
        }
        #expect(problem.members["shortage_kopecks"] == .integer(50))
    }

    @Test func `a tombstone outlives the batch that made it`() async throws {
        let id = HoldID()
        _ = try await store.apply(
            [credit(1, 100, "a"), item("release", 1, .releaseHold(id: id, reason: "gave up"))],
            deadline: deadline
        )
        #expect(
            try await code(store.apply([item("hold", 1, hold(id, 5))], deadline: deadline)[0]) == .holdAlreadyReleased
        )
        #expect(try await queries.balance(of: 1, deadline: deadline).heldKopecks == 0)
    }

    @Test func `an expired hold does not count, is ended by the next batch and can't be charged`() async throws {
        let id = HoldID()
        _ = try await store.apply(
            [credit(1, 100, "a"), item("hold", 1, hold(id, 80, for: .seconds(3)))],
            deadline: deadline
        )
        #expect(try await queries.balance(of: 1, deadline: deadline).availableKopecks == 20)
        try await eventually { try await queries.balance(of: 1, deadline: deadline).availableKopecks == 100 }
        #expect(try await scratch.database.query("select 1 from hold_end").isEmpty)
        let verdicts = try await store.apply(
            [item("charge", 1, charge(id, 80)), item("hold 2", 1, hold(HoldID(), 100))],
            deadline: deadline
        )
        #expect(verdicts.map(code) == [.holdExpired, nil])
        let ends = try await scratch.database.query("select how from hold_end")
        #expect(try ends.map { try $0.decode(String.self) } == ["expired"])
        try await expectSound()
    }

    @Test func `another user's hold with the same id is another hold`() async throws {
        let id = HoldID()
        _ = try await store.apply(
            [credit(1, 100, "a"), credit(2, 100, "b"), item("1", 1, hold(id, 10)), item("2", 2, hold(id, 20))],
            deadline: deadline
        )
        _ = try await store.apply([item("3", 2, charge(id, 20))], deadline: deadline)
        #expect(try await queries.balance(of: 1, deadline: deadline).heldKopecks == 10)
        #expect(try await queries.balance(of: 2, deadline: deadline).postedKopecks == 80)
    }

    // MARK: Many at once

    @Test func `sixty-four callers on five accounts through two batchers keep every kopeck`() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let metrics = BillingMetrics(scratch.metrics)
        var limits = LedgerBatcher.Limits()
        limits.batchItems = 16
        let batchers = [0, 1].map { _ in LedgerBatcher(store: store, limits: limits, metrics: metrics, log: scratch.log)
        }
        let workers = batchers.map { batcher in Task { try await batcher.run() } }
        defer { workers.forEach { $0.cancel() } }
        _ = try await store.apply((1...5).map { credit(Int64($0), 10_000, "start-\($0)") }, deadline: deadline)
        let charged = try await withThrowingTaskGroup(of: Int64.self) { group in
            for caller in 0..<64 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &+ UInt64(caller))
                    var sum: Int64 = 0
                    for round in 0..<8 {
                        let user = Int64.random(in: 1...5, using: &random)
                        let id = HoldID()
                        let amount = Int64.random(in: 0...300, using: &random)
                        let key = "\(caller)-\(round)"
                        let batcher = batchers[Int.random(in: 0...1, using: &random)]
                        let placed = try await batcher.submit(
                            item("hold-\(key)", user, hold(id, amount)),
                            deadline: .after(.seconds(30))
                        )
                        guard case .fresh(.hold) = placed else { continue }
                        let ending =
                            Int.random(in: 0..<3, using: &random) == 0
                            ? item("end-\(key)", user, .releaseHold(id: id, reason: "test"))
                            : item("end-\(key)", user, charge(id, amount / 2))
                        // Sent twice, to both instances at once.
                        async let other = batchers[0].submit(ending, deadline: .after(.seconds(30)))
                        let one = try await batchers[1].submit(ending, deadline: .after(.seconds(30)))
                        for verdict in [one, try await other] {
                            if case .fresh(.hold(let state)) = verdict { sum += state.chargedKopecks }
                        }
                    }
                    return sum
                }
            }
            return try await group.reduce(0, +)
        }
        var posted: Int64 = 0
        for user in 1...5 {
            let balance = try await queries.balance(of: Int64(user), deadline: deadline)
            #expect(balance.heldKopecks == 0, "seed \(seed)")
            posted += balance.postedKopecks
        }
        #expect(posted == 50_000 - charged, "seed \(seed)")
        #expect(try await queries.trialBalance(deadline: deadline).accounts["revenue"] ?? 0 == charged)
        let ends = try await scratch.database.query("select count(*) from hold_end")[0].decode(Int64.self)
        #expect(ends == (try await scratch.database.query("select count(*) from hold")[0].decode(Int64.self)))
        try await expectSound()
    }

    @Test func `sessions that are killed under batches lose and double nothing`() async throws {
        let batcher = LedgerBatcher(store: store, metrics: BillingMetrics(scratch.metrics), log: scratch.log)
        let worker = Task { try await batcher.run() }
        defer { worker.cancel() }
        let calls = Locked<Int64>(0)
        try await scratch.withDatabase(url: scratch.adminURL) { admin in
            let isOver = Locked(false)
            // Bounded: under load a session may need longer to open than the pause between two kills.
            let killer = Task {
                for _ in 0..<15 {
                    _ = try await admin.query(
                        """
                        select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and usename = 'atelier_billing'
                        """
                    )
                    try await ScratchDatabase.loop.sleep(for: .milliseconds(25))
                }
                isOver.withLock { $0 = true }
            }
            defer { killer.cancel() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<16 {
                    group.addTask {
                        var round = 0
                        while round < 3 || !isOver.withLock({ $0 }) {
                            round += 1
                            let call = credit(Int64(caller % 3 + 1), 1, "\(caller)-\(round)")
                            // As a caller does: again under the same key until there is an answer.
                            while (try? await batcher.submit(call, deadline: .after(.seconds(5)))) == nil {
                                try Task.checkCancellation()
                            }
                            calls.withLock { $0 += 1 }
                        }
                    }
                }
                try await group.waitForAll()
            }
            _ = await killer.result
        }
        await eventually { (try? await scratch.database.query("select 1")) != nil }
        var posted: Int64 = 0
        for user in 1...3 { posted += try await queries.balance(of: Int64(user), deadline: deadline).postedKopecks }
        #expect(posted == calls.withLock { $0 })
        try await expectSound()
    }

    @Test func `a full queue refuses and a stopped batcher lets nobody wait`() async throws {
        var limits = LedgerBatcher.Limits()
        limits.queuedItems = 1
        let batcher = LedgerBatcher(
            store: store,
            limits: limits,
            metrics: BillingMetrics(scratch.metrics),
            log: scratch.log
        )
        let waiting = Task { try await batcher.submit(credit(1, 1, "a"), deadline: .after(.seconds(30))) }
        await eventually { scratch.metrics.gauge("atelier_billing_queue_items", "").value() == 1 }
        await #expect(throws: Problem(.overloaded, "too many calls wait for the ledger", retryAfterSeconds: 1)) {
            try await batcher.submit(credit(1, 1, "b"), deadline: .after(.seconds(30)))
        }
        let worker = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await batcher.run()
        }
        _ = await worker.result
        // It was either served on the way out or told to come again.
        if case .failure(let error) = await waiting.result { #expect((error as? Problem)?.code == .unavailable) }
    }

    @Test func `a statement is paged from the newest entry on`() async throws {
        for number in 1...5 { _ = try await store.apply([credit(1, Int64(number), "\(number)")], deadline: deadline) }
        let first = try await queries.entries(of: 1, before: nil, limit: 3, deadline: deadline)
        #expect(first.entries.map(\.amountKopecks) == [5, 4, 3])
        #expect(first.entries.map(\.balanceAfterKopecks) == [15, 10, 6])
        let second = try await queries.entries(of: 1, before: first.nextBefore, limit: 3, deadline: deadline)
        #expect(second.entries.map(\.amountKopecks) == [2, 1])
        #expect(second.nextBefore == nil)
    }
}
