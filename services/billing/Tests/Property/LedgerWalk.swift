import Contracts
import ProofKit
import Time

@testable import BillingService

/// Random calls in random batches, decided by the ledger on simulated tables and, one by one, by the reference.
struct LedgerWalk {
    typealias Decide = @Sendable (LedgerFacts, [LedgerItem], LedgerRules) -> (verdicts: [Verdict], rows: LedgerRows)

    /// How often each kind of call met each verdict.
    private(set) var reached: [String: Int] = [:]
    private(set) var operations = 0
    /// The first difference, with the step at which it was found.
    private(set) var failure: String?

    private let decide: Decide
    private var random: SeededGenerator
    private var tables = SimulatedTables()
    private var reference = ReferenceLedger(rules: CallScript.rules)
    private var script = CallScript()
    private var now = Timestamp(seconds: 1_795_000_000)

    init(seed: UInt64, decide: @escaping Decide = { Ledger.decide($0, $1, rules: $2) }) {
        self.decide = decide
        self.random = SeededGenerator(seed: seed)
    }

    /// Walks until so many calls were decided or something differs.
    mutating func run(operations count: Int) {
        while operations < count, failure == nil { step() }
    }

    private mutating func step() {
        // Seconds as a rule, sometimes a night, so that days of limits end.
        now = now + .seconds(random.isOne(in: 25) ? random.number(10_000...60_000) : random.number(0...40))
        let items = (0..<random.number(1...12)).map { _ in script.next(now, &random) }
        let facts = tables.facts(for: items, at: now, CallScript.rules)
        let (verdicts, rows) = decide(facts, items, CallScript.rules)
        tables.apply(rows, facts)
        operations += items.count
        if verdicts.count != items.count { failure = "\(items.count) items got \(verdicts.count) verdicts" }
        for (item, verdict) in zip(items, verdicts) {
            let wanted = reference.take(item, at: now)
            reached[Self.name(item, verdict), default: 0] += 1
            if !Self.isSame(verdict, wanted), failure == nil {
                failure = "after \(operations) operations, \(item.action): \(verdict) instead of \(wanted)"
            }
        }
        if let difference = tables.difference(of: facts.accounts.keys), failure == nil {
            failure = "after \(operations) operations: \(difference)"
        }
    }

    private static func isSame(_ left: Verdict, _ right: Verdict) -> Bool {
        switch (left, right) {
        case (.fresh(let left), .fresh(let right)), (.replayed(let left), .replayed(let right)):
            plain(left) == plain(right)
        default: left == right
        }
    }

    /// Without the words in problems, which are for people and may differ.
    static func plain(_ answer: LedgerAnswer) -> LedgerAnswer {
        guard case .refused(var problem) = answer else { return answer }
        problem.detail = nil
        return .refused(problem)
    }

    private static func name(_ item: LedgerItem, _ verdict: Verdict) -> String {
        let kind = item.action.kind.rawValue
        switch verdict {
        case .fresh(.refused(let problem)):
            guard case .string(let limit)? = problem.members["limit"] else { return "\(kind) \(problem.code.rawValue)" }
            return "\(kind) \(problem.code.rawValue) \(limit)"
        case .fresh: return "\(kind) ok"
        case .replayed: return "\(kind) replayed"
        case .mismatch: return "\(kind) mismatch"
        }
    }
}
