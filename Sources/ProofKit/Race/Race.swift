internal import Concurrency
package import Contracts
internal import Time

/// Clients of the ledger that get in each other's way on a few accounts, and what they saw.
///
/// A sixth of the calls are repeats under the same key, at the same time or later, by whoever; some of them have another
/// body. Some callers hang up after a few milliseconds; most of these calls are asked again later, the others keep an
/// unknown outcome.
package final class Race: Sendable {
    package struct Plan: Sendable {
        package var accounts: ClosedRange<UserID>
        package var clients = 64
        package var seed: UInt64
        /// How long a caller waits who does not hang up.
        package var timeout: Duration = .seconds(10)
        /// One call in so many is hung up on, …
        package var hangUpsOneIn = 25
        /// … and one in so many of those is never asked again.
        package var forgottenOneIn = 6
        /// How long a call is repeated that must have an answer.
        package var patience: Duration = .seconds(60)

        package init(accounts: ClosedRange<UserID>, seed: UInt64) {
            self.accounts = accounts
            self.seed = seed
        }
    }

    private struct Shared {
        var script: RaceScript
        var attempts: [CallAttempt] = []
    }

    private let plan: Plan
    private let doors: [RaceDoor]
    private let shared: Locked<Shared>

    /// - Parameter doors: The instances; an attempt goes to any of them.
    package init(_ plan: Plan, doors: [RaceDoor]) {
        self.plan = plan
        self.doors = doors
        self.shared = Locked(Shared(script: RaceScript(accounts: plan.accounts)))
    }

    /// Runs all clients until each has made so many calls or `isOver` says so, then reads every balance.
    package func run(callsPerClient: Int = .max, isOver: @Sendable @escaping () -> Bool = { false }) async {
        for account in plan.accounts {
            let call = shared.withLock { $0.script.funding(account, 200) }
            var random = SeededGenerator(seed: plan.seed)
            await insist(call, &random)
        }
        await withDiscardingTaskGroup { group in
            for client in 0..<plan.clients {
                group.addTask { await self.play(client, callsPerClient, isOver) }
            }
        }
        for account in plan.accounts {
            var random = SeededGenerator(seed: plan.seed)
            await insist(shared.withLock { $0.script.read(account) }, &random)
        }
    }

    /// Everything that callers saw.
    package var attempts: [CallAttempt] { shared.withLock { $0.attempts } }

    /// The history of these attempts, with the ends of holds that came meanwhile.
    package func history(of attempts: [CallAttempt]) -> CallHistory {
        var history = CallHistory(attempts)
        // The database's clock is this machine's wall clock; the slack is for what lies between two readings.
        for (account, hold, at) in shared.withLock({ $0.script.ends }) {
            history.add(endOf: hold, at: at, slack: 2_000_000, to: account)
        }
        return history
    }

    /// How often each verdict was given, attempts without one as `nothing`.
    package var verdicts: [String: Int] {
        attempts.reduce(into: [:]) { counts, attempt in
            switch attempt.outcome {
            case .answer(.done): counts["ok", default: 0] += 1
            case .answer(.refused(let code, _)): counts[code.rawValue, default: 0] += 1
            case .mismatch: counts["mismatch", default: 0] += 1
            case .nothing: counts["nothing", default: 0] += 1
            }
        }
    }

    // MARK: A client

    private func play(_ client: Int, _ calls: Int, _ isOver: () -> Bool) async {
        var random = SeededGenerator(seed: plan.seed &+ UInt64(client) &* 0x2545_f491_4f6c_dd1d)
        var unanswered: [RaceCall] = []
        var made = 0
        while made < calls, !isOver() {
            made += 1
            if !unanswered.isEmpty, random.isOne(in: 4) {
                await insist(unanswered.removeFirst(), &random)
                continue
            }
            let (call, mustBeAnswered) = shared.withLock { $0.script.next(&random) }
            if mustBeAnswered || !random.isOne(in: plan.hangUpsOneIn) {
                await insist(call, &random)
            } else if await attempt(call, &random, .milliseconds(random.number(2...12))) == .nothing,
                !random.isOne(in: plan.forgottenOneIn)
            {
                unanswered.append(call)
            }
        }
        for call in unanswered { await insist(call, &random) }
    }

    /// Repeats a call until it is answered.
    private func insist(_ call: RaceCall, _ random: inout SeededGenerator) async {
        let deadline = Deadline.after(plan.patience)
        while await attempt(call, &random, plan.timeout) == .nothing, !deadline.isExpired, !Task.isCancelled {
            // Being cancelled ends the loop.
            try? await Task.sleep(for: .milliseconds(random.number(20...120)))
        }
    }

    private func attempt(
        _ call: RaceCall,
        _ random: inout SeededGenerator,
        _ timeout: Duration
    ) async -> CallAttempt.Outcome {
        var attempt = CallAttempt(
            identity: call.identity,
            body: call.body,
            account: call.account,
            action: call.action,
            receiver: call.receiver,
            began: Deadline.monotonicNow()
        )
        attempt.outcome = await call.perform(random.element(of: doors), timeout: timeout)
        if attempt.outcome != .nothing { attempt.ended = Deadline.monotonicNow() }
        shared.withLock { $0.attempts.append(attempt) }
        return attempt.outcome
    }
}

extension RaceCall {
    fileprivate var receiver: UserID? { if case .gift(let input) = form { input.receiverID } else { nil } }
}
