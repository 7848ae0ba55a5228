import Contracts
import Testing

@testable import ProofKit

/// How attempts become logical calls.
@Suite struct CallHistoryTests {
    private func attempt(
        body: Int = 0,
        _ outcome: CallAttempt.Outcome,
        _ began: UInt64,
        _ ended: UInt64 = .max,
        action: AccountAction = .credit(5, isBonus: false),
        receiver: UserID? = nil
    ) -> CallAttempt {
        var attempt = CallAttempt(
            identity: "key",
            body: body,
            account: 1,
            action: action,
            receiver: receiver,
            began: began
        )
        attempt.outcome = outcome
        attempt.ended = ended
        return attempt
    }

    private let answer = AccountAnswer.done(AccountView(paid: 5), .none)

    @Test func `repeats are one call, from the first attempt to the first answer`() {
        let history = CallHistory([
            attempt(.nothing, 3), attempt(.answer(answer), 5, 9), attempt(.answer(answer), 4, 8),
        ])
        let call = AccountCall("key", .credit(5, isBonus: false), .answered(answer), began: 3, ended: 8)
        #expect(history.calls == [1: [call]])
        #expect(history.contradictions.isEmpty && history.violations().isEmpty)
    }

    @Test func `a repeat that is answered otherwise is a contradiction`() {
        let other = AccountAnswer.done(AccountView(paid: 10), .none)
        #expect(CallHistory([attempt(.answer(answer), 1, 2), attempt(.answer(other), 3, 4)]).contradictions.count == 1)
    }

    @Test func `a key that serves two bodies is a contradiction`() {
        let attempts = [attempt(.answer(answer), 1, 2), attempt(body: 1, .answer(answer), 3, 4)]
        #expect(CallHistory(attempts).contradictions.count == 1)
    }

    @Test func `a mismatch says that the other body was decided before`() {
        let history = CallHistory([attempt(.nothing, 3), attempt(body: 1, .mismatch, 6, 7)])
        #expect(history.calls[1]?.map(\.outcome) == [.decided])
        #expect(history.calls[1]?.map(\.ended) == [7])
        #expect(CallHistory([attempt(body: 1, .mismatch, 6, 7)]).contradictions.count == 1)
    }

    @Test func `a body that lost its key to another never happens`() {
        let history = CallHistory([attempt(.nothing, 3), attempt(body: 1, .answer(answer), 6, 7)])
        #expect(history.calls[1]?.count == 1)
    }

    @Test func `a gift is a call on both accounts, unless it was refused`() {
        let gift = AccountAction.give(5)
        let done = CallHistory([attempt(.answer(answer), 1, 2, action: gift, receiver: 2)])
        #expect(done.calls[2] == [AccountCall("key", .receive(5), .decided, began: 1, ended: 2)])
        let unknown = CallHistory([attempt(.nothing, 1, action: gift, receiver: 2)])
        #expect(unknown.calls[2] == [AccountCall("key", .receive(5), .unknown, began: 1)])
        let refusal = AccountAnswer.refused(.insufficientFunds, available: 0)
        let refused = CallHistory([attempt(.answer(refusal), 1, 2, action: gift, receiver: 2)])
        #expect(refused.calls[2] == nil && refused.violations().isEmpty)
    }

    @Test func `a read may show the end of a hold before a change that was decided before it`() {
        let placed = AccountAnswer.done(AccountView(paid: 5, held: 3), .hold(charged: 0, released: 0))
        func calls(reading held: Int64, _ began: UInt64, _ ended: UInt64) -> [CallAttempt] {
            var place = attempt(.answer(placed), 3, 4, action: .place(hold: 0, 3))
            place.identity = "place"
            let view = AccountView(paid: 7, held: 3)
            var change = attempt(.answer(.done(view, .none)), 9, 30, action: .credit(2, isBonus: false))
            change.identity = "change"
            let shown = AccountAnswer.done(AccountView(paid: 5, held: held), .none)
            var read = attempt(.answer(shown), began, ended, action: .read)
            read.identity = "read"
            return [attempt(.answer(answer), 1, 2), place, change, read]
        }
        func isSound(_ attempts: [CallAttempt]) -> Bool {
            var history = CallHistory(attempts)
            history.add(endOf: 0, at: 20, slack: 1, to: 1)
            return history.violations().isEmpty
        }
        #expect(isSound(calls(reading: 0, 15, 25)))
        #expect(isSound(calls(reading: 3, 15, 25)))
        #expect(!isSound(calls(reading: 1, 15, 25)))
        #expect(!isSound(calls(reading: 0, 10, 12)))
        #expect(!isSound(calls(reading: 3, 22, 25)))
        // The end had come when the read began; the change was decided before and is committed after it.
        #expect(isSound(calls(reading: 0, 22, 25)))
        #expect(!isSound(calls(reading: 0, 31, 32)))
    }
}
