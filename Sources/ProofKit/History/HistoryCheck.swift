/// Whether one account's calls, which overlapped, can be put into an order that respects who ended before whom began, and
/// in which a single-minded account would have answered as it did.
///
/// The search of Wing and Gong (1993) with Lowe's memory of configurations (2017). It is exact; three things keep it short.
/// A call that changes nothing is taken as soon as its answer is right. Answers show the account's sums, so that few other
/// calls fit. Calls with unknown outcomes are tried only where nothing else fits, first one at a time, then two in a row,
/// and so on.
package struct HistoryCheck {
    package enum Result: Sendable, Equatable {
        /// The account after the last call.
        case linearizable(AccountView)
        /// How far the best order came, and what did not fit there.
        case violated(String)
        /// The search took too long to say.
        case undecided
    }

    /// - Parameters:
    ///   - calls: In any order.
    ///   - budget: Configurations to look at; some microseconds and 150 bytes each.
    package static func check(_ calls: [AccountCall], budget: Int = 3_000_000) -> Result {
        var left = budget
        var run = 0
        while true {
            var search = HistorySearch(calls, longestRun: run, budget: left)
            let result = search.search()
            guard case .violated = result, search.wasCut else { return result }
            left -= search.looked
            run += 1
        }
    }
}

/// One search that takes at most `longestRun` calls of unknown outcome without another one between them.
struct HistorySearch {
    private struct Configuration: Hashable {
        let taken: Digest
        let holds: Digest
        let view: AccountView
        let run: Int
    }

    private struct Step {
        let call: Int
        let undo: AccountState.Undo?
    }

    /// A point of the search: what was taken without a choice, and the choices.
    private struct Branch {
        var forced: [Step]
        let choices: [Int]
        var next = 0
        /// The choice that is being followed.
        var chosen: Step?
        /// Calls of unknown outcome that were taken in a row to come here.
        let run: Int
    }

    /// Those that were decided first, each group by its beginning.
    private let calls: [AccountCall]
    private let decided: Int
    private let longestRun: Int
    private let budget: Int
    private(set) var looked = 0
    /// Whether a longer run might have found more.
    private(set) var wasCut = false

    private var state = AccountState()
    private var isTaken: [Bool]
    private var taken = Digest()
    private var missing: Int
    /// Every decided call before it was taken.
    private var first = 0
    private var seen: Set<Configuration> = []
    private var fewestMissing = Int.max
    /// What could have come next where the best order stopped, and how the account would have answered.
    private var obstacles: [(call: Int, answer: AccountAnswer)] = []
    private var obstructed = AccountView()

    init(_ calls: [AccountCall], longestRun: Int, budget: Int) {
        let known = calls.filter { $0.outcome != .unknown }.sorted { $0.began < $1.began }
        let unknown = calls.filter { $0.outcome == .unknown }.sorted { $0.began < $1.began }
        self.calls = known + unknown
        self.decided = known.count
        self.missing = known.count
        self.isTaken = Array(repeating: false, count: calls.count)
        self.longestRun = longestRun
        self.budget = budget
    }

    mutating func search() -> HistoryCheck.Result {
        var branches: [Branch] = []
        if let branch = arrive(run: 0) { branches.append(branch) }
        while missing > 0 {
            guard looked <= budget else { return .undecided }
            guard var branch = branches.popLast() else { return .violated(obstacle) }
            if let step = branch.chosen.take() { takeBack(step) }
            guard branch.next < branch.choices.count else {
                for step in branch.forced.reversed() { takeBack(step) }
                continue
            }
            let call = branch.choices[branch.next]
            branch.next += 1
            branch.chosen = take(call)
            branches.append(branch)
            guard branch.chosen != nil else { continue }
            let run = call < decided ? 0 : branch.run + 1
            if let deeper = arrive(run: run) { branches.append(deeper) }
        }
        return .linearizable(state.view)
    }

    /// Takes what changes nothing and says what can come next; nil, with nothing taken, if this was seen before.
    private mutating func arrive(run: Int) -> Branch? {
        var forced: [Step] = []
        var open = candidates()
        while let call = open.first(where: { calls[$0].changesNothing && fits($0) }), let step = take(call) {
            forced.append(step)
            open = candidates()
        }
        looked += 1
        note(open)
        let configuration = Configuration(taken: taken, holds: state.digest, view: state.view, run: run)
        guard missing == 0 || seen.insert(configuration).inserted else {
            for step in forced.reversed() { takeBack(step) }
            return nil
        }
        let choices = open.filter { !calls[$0].changesNothing }.sorted { calls[$0].ended < calls[$1].ended }
        return Branch(forced: forced, choices: choices + unknownOnes(open, run), run: run)
    }

    /// Decided calls that can be the next: no other one ended before they began.
    private mutating func candidates() -> [Int] {
        while first < decided, isTaken[first] { first += 1 }
        var found: [Int] = []
        var earliestEnd = UInt64.max
        for call in first..<max(first, decided) where !isTaken[call] {
            if calls[call].began > earliestEnd { break }
            found.append(call)
            earliestEnd = min(earliestEnd, calls[call].ended)
        }
        return found
    }

    private mutating func unknownOnes(_ open: [Int], _ run: Int) -> [Int] {
        let latest = open.map { calls[$0].ended }.min() ?? .max
        let found = (decided..<calls.count).filter { call in
            // Having no effect is the same as never taking it.
            !isTaken[call] && calls[call].began <= latest && state.changes(state.effect(of: calls[call].action))
        }
        guard run < longestRun else {
            wasCut = wasCut || !found.isEmpty
            return []
        }
        return found
    }

    private func fits(_ call: Int) -> Bool {
        guard case .answered(let answer) = calls[call].outcome else { return true }
        return state.answers(calls[call], with: answer, state.effect(of: calls[call].action))
    }

    /// nil if the call would have been answered otherwise.
    private mutating func take(_ call: Int) -> Step? {
        let effect = state.effect(of: calls[call].action)
        if case .answered(let answer) = calls[call].outcome, !state.answers(calls[call], with: answer, effect) {
            return nil
        }
        let undo = state.changes(effect) ? state.take(effect) : nil
        mark(call, true)
        return Step(call: call, undo: undo)
    }

    private mutating func takeBack(_ step: Step) {
        if let undo = step.undo { state.take(back: undo) }
        mark(step.call, false)
        first = min(first, step.call)
    }

    private mutating func mark(_ call: Int, _ isTaken: Bool) {
        self.isTaken[call] = isTaken
        taken.toggle(Digest(call, 0))
        if call < decided { missing += isTaken ? -1 : 1 }
    }

    /// Remembers where the best order so far stopped.
    private mutating func note(_ open: [Int]) {
        guard missing < fewestMissing else { return }
        fewestMissing = missing
        obstructed = state.view
        obstacles = open.prefix(6).map { ($0, state.effect(of: calls[$0].action).answer) }
    }

    private var obstacle: String {
        let next = obstacles.map { call, answer in
            "\(calls[call].name) \(calls[call].action): \(calls[call].outcome), now it would be \(answer)"
        }
        return """
            \(decided - fewestMissing) of \(decided) calls have an order, which ends with \(obstructed); none of these can follow:
            \(next.joined(separator: "\n"))
            """
    }
}
