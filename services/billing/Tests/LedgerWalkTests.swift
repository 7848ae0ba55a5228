import Contracts
import Testing
import Time

@testable import BillingService

/// Thousands of random batches against a model that keeps wallets in the simplest way: one call at a time, no batches,
/// no stored sums of holds, no sweeping.
@Suite struct LedgerWalkTests {
    @Test(arguments: 0..<40)
    func `batches decide what one call at a time would`(round: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(seed)
        var tables = MemoryTables()
        var model = WalletModel()
        var script = Script()
        for step in 0..<60 {
            tables.now = tables.now + .seconds(Int64.random(in: 0...40, using: &random))
            let items = (0..<Int.random(in: 1...12, using: &random)).map { _ in script.next(tables.now, &random) }
            let facts = tables.facts(for: items)
            let (verdicts, rows) = Ledger.decide(facts, items)
            tables.apply(rows)
            let expected = items.map { model.take($0, now: tables.now) }
            for (verdict, wanted) in zip(verdicts, expected) {
                try #require(verdict == wanted, "seed \(seed), step \(step)")
            }
            try #require(tables.isSound, "seed \(seed), step \(step)")
        }
        #expect(model.seen.count > 4, "the walk is too tame: \(model.seen), seed \(seed)")
    }
}

/// Makes calls: mostly sensible ones, many repeats, some nonsense.
private struct Script {
    private var items: [LedgerItem] = []
    private var holds: [HoldKey] = []
    private var references: [CreditReference] = []

    mutating func next(_ now: Timestamp, _ random: inout SplitMix) -> LedgerItem {
        if !items.isEmpty, Int.random(in: 0..<8, using: &random) == 0 {
            var old = items[Int.random(in: 0..<items.count, using: &random)]
            if Int.random(in: 0..<4, using: &random) == 0 { old.fingerprint = [255] }
            return old
        }
        let user = Int64.random(in: 1...3, using: &random)
        let item = LedgerItem(
            key: OperationKey(caller: "caller", key: "\(items.count)"),
            fingerprint: [0],
            userID: user,
            action: action(user, now, &random)
        )
        items.append(item)
        return item
    }

    private mutating func action(_ user: UserID, _ now: Timestamp, _ random: inout SplitMix) -> LedgerAction {
        let mine = holds.filter { $0.userID == user }
        let known = mine.randomElement(using: &random)?.id ?? HoldID()
        let id = Int.random(in: 0..<12, using: &random) == 0 ? HoldID() : known
        let amount = Int64.random(in: 0...120, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3:
            let id = Int.random(in: 0..<15, using: &random) == 0 ? known : HoldID()
            holds.append(HoldKey(userID: user, id: id))
            let life = Duration.seconds(Int64.random(in: -5...300, using: &random))
            return .placeHold(id: id, amount: amount, expiresAt: now + life, memo: "")
        case 4...5:
            let detail = ChargeDetail(jobID: JobID(), model: "", variant: "", providerCostMicrodollars: 0)
            return .chargeHold(id: id, amount: amount, detail: detail)
        case 6:
            return .releaseHold(id: id, reason: "")
        default:
            let source = CreditSource.allCases.randomElement(using: &random) ?? .stars
            let fresh = CreditReference(source: source, reference: "\(references.count)")
            let reference =
                Int.random(in: 0..<5, using: &random) == 0 ? references.randomElement(using: &random) ?? fresh : fresh
            references.append(reference)
            return .credit(reference, amount: Int64.random(in: 1...90, using: &random), orderID: nil, memo: "")
        }
    }
}

/// The model.
private struct WalletModel {
    struct Wallet {
        var paid: Int64 = 0
        var bonus: Int64 = 0
        var holds: [HoldID: (amount: Int64, expiresAt: Timestamp, end: HoldEnd)] = [:]
        var tombstones: Set<HoldID> = []
    }

    private var wallets: [UserID: Wallet] = [:]
    private var answers: [OperationKey: (fingerprint: [UInt8], answer: LedgerAnswer)] = [:]
    private var payments: [CreditReference: (userID: UserID, amount: Int64, answer: LedgerAnswer)] = [:]
    /// Which verdicts came up.
    private(set) var seen: Set<String> = []

    mutating func take(_ item: LedgerItem, now: Timestamp) -> Verdict {
        if let known = answers[item.key] {
            return known.fingerprint == item.fingerprint ? .replayed(known.answer) : .mismatch
        }
        if case .credit(let reference, let amount, _, _) = item.action, let paid = payments[reference] {
            return paid.userID == item.userID && paid.amount == amount ? .replayed(paid.answer) : .mismatch
        }
        var wallet = wallets[item.userID] ?? Wallet()
        let answer = decide(item, &wallet, now)
        wallets[item.userID] = wallet
        answers[item.key] = (item.fingerprint, answer)
        if case .credit(let reference, let amount, _, _) = item.action, case .credit = answer {
            payments[reference] = (item.userID, amount, answer)
        }
        seen.insert(answer.verdict)
        return .fresh(answer)
    }

    private func balance(_ user: UserID, _ wallet: Wallet, _ now: Timestamp) -> Balance {
        let held = wallet.holds.values.filter { $0.end == .live && $0.expiresAt > now }.map(\.amount).reduce(0, +)
        let posted = wallet.paid + wallet.bonus
        return Balance(
            userID: user,
            postedKopecks: posted,
            heldKopecks: held,
            availableKopecks: posted - held,
            paidKopecks: wallet.paid,
            bonusKopecks: wallet.bonus,
            isFrozen: false
        )
    }

    private func decide(_ item: LedgerItem, _ wallet: inout Wallet, _ now: Timestamp) -> LedgerAnswer {
        func refuse(_ code: ProblemCode) -> LedgerAnswer { .refused(Problem(code)) }
        func state(_ id: HoldID, _ amount: Int64, _ charged: Int64, _ end: HoldEnd) -> LedgerAnswer {
            .hold(
                HoldState(
                    holdID: id,
                    amountKopecks: amount,
                    chargedKopecks: charged,
                    releasedKopecks: end == .live ? 0 : amount - charged,
                    state: end,
                    balance: balance(item.userID, wallet, now)
                )
            )
        }
        switch item.action {
        case .placeHold(let id, let amount, let expiresAt, _):
            if wallet.tombstones.contains(id) { return refuse(.holdAlreadyReleased) }
            if wallet.holds[id] != nil { return refuse(.idempotencyMismatch) }
            if expiresAt <= now { return refuse(.holdExpired) }
            let available = balance(item.userID, wallet, now).availableKopecks
            if amount > available {
                return .refused(
                    Problem(
                        .insufficientFunds,
                        members: [
                            "shortage_kopecks": .integer(amount - available), "available_kopecks": .integer(available),
                        ]
                    )
                )
            }
            wallet.holds[id] = (amount, expiresAt, .live)
            return state(id, amount, 0, .live)
        case .chargeHold(let id, let amount, _, _):
            guard let hold = wallet.holds[id] else { return tombstone(id, &wallet) }
            if let code = ended(hold.end, hold.expiresAt, now) { return refuse(code) }
            if amount > hold.amount { return refuse(.exceedsHold) }
            wallet.holds[id]?.end = .charged
            let gift = min(wallet.bonus, amount)
            wallet.bonus -= gift
            wallet.paid -= amount - gift
            return state(id, hold.amount, amount, .charged)
        case .releaseHold(let id, _, _):
            guard let hold = wallet.holds[id] else { return tombstone(id, &wallet) }
            if let code = ended(hold.end, hold.expiresAt, now) { return refuse(code) }
            wallet.holds[id]?.end = .released
            return state(id, hold.amount, 0, .released)
        case .credit(let reference, let amount, _, _):
            if reference.source == .yookassa || reference.source == .stars {
                wallet.paid += amount
            } else {
                wallet.bonus += amount
            }
            return .credit(CreditState(amountKopecks: amount, balance: balance(item.userID, wallet, now)))
        default:
            // This walk knows holds and credits only.
            return refuse(.internalError)
        }
    }

    private func tombstone(_ id: HoldID, _ wallet: inout Wallet) -> LedgerAnswer {
        wallet.tombstones.insert(id)
        return .refused(Problem(.holdNotFound))
    }

    private func ended(_ end: HoldEnd, _ expiresAt: Timestamp, _ now: Timestamp) -> ProblemCode? {
        switch end {
        case .charged: .holdAlreadyCharged
        case .released: .holdAlreadyReleased
        case .live, .expired: expiresAt <= now ? .holdExpired : nil
        }
    }
}

/// The tables as the store sees them, with the database's own checks.
private struct MemoryTables {
    var now = Timestamp(seconds: 1_795_000_000)
    private var accounts: [UserID: AccountFacts] = [:]
    private var operations: [OperationKey: StoredOperation] = [:]
    private var holds: [HoldKey: LedgerRows.Hold] = [:]
    private var endings: [HoldKey: LedgerRows.Ending] = [:]
    private var credits: [CreditReference: LedgerRows.Credit] = [:]
    private var entries: [LedgerRows.Entry] = []
    private var lastID: Int64 = 0
    private var hasDuplicate = false

    mutating func facts(for items: [LedgerItem]) -> LedgerFacts {
        var facts = LedgerFacts(now: now)
        for item in items {
            lastID += 1
            facts.operationIDs.append(lastID)
            facts.accounts[item.userID] = accounts[item.userID] ?? AccountFacts()
            facts.operations[item.key] = operations[item.key]
            if let key = item.hold, holds[key] != nil || endings[key] != nil {
                facts.holds[key] = HoldFacts(
                    placed: holds[key].map { HoldFacts.Placed(amount: $0.amount, expiresAt: $0.expiresAt) },
                    end: endings[key].map { HoldFacts.End(how: $0.how, charged: $0.charged) }
                )
            }
            if case .credit(let reference, _, _, _) = item.action, let credit = credits[reference],
                let operation = operations[credit.key]
            {
                facts.credits[reference] = StoredCredit(
                    userID: credit.userID,
                    amount: credit.amount,
                    answer: operation.answer
                )
            }
        }
        facts.expired = holds.values.filter { hold in
            guard let account = facts.accounts[hold.key.userID], endings[hold.key] == nil else { return false }
            return hold.expiresAt > account.swept && hold.expiresAt <= now
        }.map { ExpiredHold(key: $0.key, amount: $0.amount) }
        return facts
    }

    mutating func apply(_ rows: LedgerRows) {
        for row in rows.operations {
            let stored = StoredOperation(fingerprint: row.fingerprint, answer: row.answer)
            hasDuplicate = operations.updateValue(stored, forKey: row.key) != nil || hasDuplicate
        }
        for row in rows.holds { hasDuplicate = holds.updateValue(row, forKey: row.key) != nil || hasDuplicate }
        for row in rows.endings { hasDuplicate = endings.updateValue(row, forKey: row.key) != nil || hasDuplicate }
        for row in rows.credits {
            hasDuplicate = credits.updateValue(row, forKey: row.reference) != nil || hasDuplicate
        }
        entries += rows.entries
        for row in rows.accounts {
            accounts[row.userID, default: AccountFacts()].paid += row.paidDelta
            accounts[row.userID, default: AccountFacts()].bonus += row.bonusDelta
            accounts[row.userID, default: AccountFacts()].held += row.heldDelta
            accounts[row.userID, default: AccountFacts()].swept = row.swept
        }
    }

    /// What constraints and the auditor check.
    var isSound: Bool {
        let transfers = Dictionary(grouping: entries, by: \.transfer)
        let balanced = transfers.values.allSatisfy { $0.map(\.amount).reduce(0, +) == 0 }
        let covered = accounts.allSatisfy { userID, account in
            let own = entries.filter { $0.account == userID }
            let reserved = holds.values.filter { $0.key.userID == userID && endings[$0.key] == nil }
            return account.paid >= 0 && account.bonus >= 0 && account.held >= 0 && account.held <= account.posted
                && account.posted == own.map(\.amount).reduce(0, +)
                && account.bonus == own.map(\.bonusAmount).reduce(0, +)
                && account.held == reserved.map(\.amount).reduce(0, +)
                && (own.last?.balanceAfter ?? 0) == account.posted
        }
        return balanced && covered && !hasDuplicate
    }
}

struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
