package import Contracts

/// One attempt to have a call done, as its caller saw it.
package struct CallAttempt: Sendable {
    package enum Outcome: Sendable, Equatable {
        case answer(AccountAnswer)
        /// The key, or the payment, belongs to another body.
        case mismatch
        /// No answer, or one that leaves open what happened.
        case nothing
    }

    /// Attempts with the same identity have at most one effect together: those under one key, or for one payment.
    package var identity: String
    /// Which of the bodies that were sent under the identity.
    package var body: Int
    package var account: UserID
    package var action: AccountAction
    /// Whose account the call changes too.
    package var receiver: UserID?
    package var outcome = Outcome.nothing
    package var began: UInt64
    package var ended = UInt64.max

    package init(
        identity: String,
        body: Int = 0,
        account: UserID,
        action: AccountAction,
        receiver: UserID? = nil,
        began: UInt64
    ) {
        self.identity = identity
        self.body = body
        self.account = account
        self.action = action
        self.receiver = receiver
        self.began = began
    }
}

/// What callers saw, put together by account: attempts become logical calls.
package struct CallHistory: Sendable {
    package private(set) var calls: [UserID: [AccountCall]] = [:]
    /// What no order can explain: a call that was answered in two ways, a key that served two bodies.
    package private(set) var contradictions: [String] = []

    package init(_ attempts: [CallAttempt]) {
        for group in Dictionary(grouping: attempts, by: \.identity).values { add(group) }
    }

    /// Adds the end of a hold, which comes without a caller.
    ///
    /// A change that was decided before that moment may be committed after it. Until then the end lies before the change for
    /// whoever reads and after it for that change. So the end is a call that lasts as long as the last change that was under
    /// way at its moment, and whatever began after the moment counts it all the same.
    ///
    /// - Parameter slack: How exactly the moment is known.
    package mutating func add(endOf hold: Int, at moment: UInt64, slack: UInt64, to account: UserID) {
        let (first, latest) = (moment - min(moment, slack), moment + slack)
        let known = calls[account] ?? []
        let underWay = known.filter {
            $0.action != .read && $0.began <= latest && $0.ended >= first && $0.ended != .max
        }
        let last = underWay.map(\.ended).max().map { max($0, latest) } ?? latest
        for (index, call) in known.enumerated() where call.began <= last && call.ended >= first {
            if call.began > latest {
                calls[account]?[index].endedHolds.append(hold)
            } else if call.action == .read {
                calls[account]?[index].endingHolds.append(hold)
            }
        }
        add(AccountCall("end of hold \(hold)", .expire(hold: hold), .decided, began: first, ended: last), to: account)
    }

    private mutating func add(_ call: AccountCall, to account: UserID) {
        calls[account, default: []].append(call)
    }

    /// What is wrong; none if every account is linearizable.
    ///
    /// - Parameter budget: For each account.
    package func violations(budget: Int = 3_000_000) -> [String] {
        var found = contradictions
        for (account, calls) in calls.sorted(by: { $0.key < $1.key }) {
            switch HistoryCheck.check(calls, budget: budget) {
            case .linearizable: break
            case .violated(let how): found.append("account \(account): \(how)")
            case .undecided: found.append("account \(account): the search did not end")
            }
        }
        return found
    }

    /// - Parameter group: All attempts of one identity.
    private mutating func add(_ group: [CallAttempt]) {
        let bodies = Dictionary(grouping: group, by: \.body)
        let answered = bodies.filter { $0.value.contains { $0.isAnswered } }
        if answered.count > 1 { contradictions.append("\(group[0].identity) was decided for two bodies") }
        for attempts in answered.values { addDecided(attempts) }
        guard answered.isEmpty else { return }
        // A mismatch says that another body was decided before.
        let mismatches = group.filter { $0.outcome == .mismatch }
        let others = bodies.filter { body in !mismatches.contains { $0.body == body.key } }
        if !mismatches.isEmpty && others.isEmpty {
            contradictions.append("\(group[0].identity) belongs to no body that was sent")
        }
        let end = mismatches.map(\.ended).min()
        for attempts in others.values {
            add(attempts, end.map { _ in others.count == 1 ? .decided : .unknown } ?? .unknown, ended: end ?? .max)
        }
    }

    private mutating func addDecided(_ attempts: [CallAttempt]) {
        var answers: [AccountAnswer] = []
        var end = UInt64.max
        for attempt in attempts {
            guard case .answer(let answer) = attempt.outcome else { continue }
            if !answers.contains(answer) { answers.append(answer) }
            end = min(end, attempt.ended)
        }
        if answers.count > 1 { contradictions.append("\(attempts[0].identity) was answered in \(answers.count) ways") }
        add(attempts, .answered(answers[0]), ended: end)
    }

    /// The effect came after the first attempt began and, since every answer tells of it, before the first answer.
    private mutating func add(_ attempts: [CallAttempt], _ outcome: AccountCall.Outcome, ended: UInt64) {
        let one = attempts[0]
        let began = attempts.map(\.began).min() ?? 0
        let ended = outcome == .unknown ? .max : ended
        add(AccountCall(one.identity, one.action, outcome, began: began, ended: ended), to: one.account)
        guard let receiver = one.receiver, case .give(let amount) = one.action else { return }
        let received: AccountCall.Outcome
        switch outcome {
        case .answered(.refused): return
        case .answered(.done): received = .decided
        case .decided, .unknown: received = .unknown
        }
        let end = received == .unknown ? .max : ended
        add(AccountCall(one.identity, .receive(amount), received, began: began, ended: end), to: receiver)
    }
}

extension CallAttempt {
    package var isAnswered: Bool { if case .answer = outcome { true } else { false } }
}
