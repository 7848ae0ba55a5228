import Contracts
import Testing

@testable import ProofKit

/// Small histories whose answer a person can tell. Times are small numbers; a call lasts from `began` to `ended`.
@Suite struct HistoryCheckTests {
    private func done(
        _ paid: Int64,
        bonus: Int64 = 0,
        held: Int64 = 0,
        _ detail: AccountAnswer.Detail = .none
    ) -> AccountCall.Outcome {
        .answered(.done(AccountView(paid: paid, bonus: bonus, held: held), detail))
    }

    private func refused(_ code: ProblemCode, _ available: Int64? = nil) -> AccountCall.Outcome {
        .answered(.refused(code, available: available))
    }

    private func call(
        _ action: AccountAction,
        _ outcome: AccountCall.Outcome,
        _ began: UInt64,
        _ ended: UInt64 = .max
    ) -> AccountCall {
        AccountCall("call", action, outcome, began: began, ended: ended)
    }

    private func isLinearizable(_ calls: [AccountCall]) -> Bool {
        let results = [calls, calls.reversed()].map { HistoryCheck.check($0) }
        #expect(results[0] == results[1] || results.allSatisfy { $0.isViolated }, "order of noting matters")
        if case .linearizable = results[0] { return true }
        return false
    }

    private var funding: AccountCall { call(.credit(100, isBonus: false), done(100), 0, 1) }
    private let placed = AccountAnswer.Detail.hold(charged: 0, released: 0)

    // MARK: One after the other

    @Test func `nothing has happened`() {
        #expect(HistoryCheck.check([]) == .linearizable(AccountView()))
    }

    @Test func `a read after a credit must see it, one that overlaps may`() {
        #expect(isLinearizable([funding, call(.read, done(100), 2, 3)]))
        #expect(!isLinearizable([funding, call(.read, done(0), 2, 3)]))
        let overlapping = call(.credit(50, isBonus: true), done(100, bonus: 50), 2, 5)
        for sum: Int64 in [0, 50] {
            #expect(isLinearizable([funding, overlapping, call(.read, done(100, bonus: sum), 3, 4)]))
        }
    }

    @Test func `two reads can't see a change come and go`() {
        let slow = call(.credit(50, isBonus: true), done(100, bonus: 50), 2, 9)
        let late = call(.read, done(100), 5, 6)
        #expect(isLinearizable([funding, slow, call(.read, done(100), 3, 4), late]))
        #expect(!isLinearizable([funding, slow, call(.read, done(100, bonus: 50), 3, 4), late]))
    }

    @Test func `money that is held can't be held twice`() {
        let first = call(.place(hold: 0, 70), done(100, held: 70, placed), 2, 5)
        let refused = call(.place(hold: 1, 70), refused(.insufficientFunds, 30), 2, 5)
        #expect(isLinearizable([funding, first, refused]))
        let both = call(.place(hold: 1, 70), done(100, held: 70, placed), 2, 5)
        #expect(!isLinearizable([funding, first, both]))
    }

    @Test func `a hold ends once whatever races`() {
        let place = call(.place(hold: 0, 70), done(100, held: 70, placed), 2, 3)
        let charge = call(.charge(hold: 0, 30), done(70, .hold(charged: 30, released: 40)), 4, 8)
        let release = call(.release(hold: 0), refused(.holdAlreadyCharged), 4, 8)
        #expect(isLinearizable([funding, place, charge, release]))
        let too = call(.release(hold: 0), done(100, .hold(charged: 0, released: 70)), 4, 8)
        #expect(!isLinearizable([funding, place, charge, too]))
        let early = call(.release(hold: 0), refused(.holdAlreadyCharged), 4, 5)
        #expect(!isLinearizable([funding, place, early, call(.charge(hold: 0, 30), charge.outcome, 6, 8)]))
    }

    @Test func `ending an unknown hold keeps it from being placed`() {
        let charge = call(.charge(hold: 0, 1), refused(.holdNotFound), 2, 5)
        let late = call(.place(hold: 0, 1), refused(.holdAlreadyReleased), 3, 6)
        #expect(isLinearizable([funding, charge, late]))
        #expect(!isLinearizable([funding, charge, call(.place(hold: 0, 1), done(100, held: 1, placed), 6, 7)]))
    }

    @Test func `a hold stops counting when its end comes`() {
        let place = call(.place(hold: 0, 70), done(100, held: 70, placed), 2, 3)
        let end = call(.expire(hold: 0), .decided, 10, 11)
        let other = call(.place(hold: 1, 100), done(100, held: 100, placed), 20, 21)
        #expect(isLinearizable([funding, place, end, other]))
        #expect(!isLinearizable([funding, place, end, call(.read, done(100, held: 70), 20, 21)]))
        #expect(!isLinearizable([funding, place, end, call(.place(hold: 1, 100), other.outcome, 8, 9)]))
    }

    @Test func `bonus money is spent first and a refund goes back where it came from`() {
        let calls = [
            funding, call(.credit(20, isBonus: true), done(100, bonus: 20), 2, 3),
            call(.place(hold: 0, 50), done(100, bonus: 20, held: 50, placed), 4, 5),
            call(.charge(hold: 0, 50), done(70, bonus: 0, .hold(charged: 50, released: 0)), 6, 7),
            call(.refund(hold: 0, 40), done(100, bonus: 10, .refund(bonus: 10, left: 10)), 8, 9),
            call(.refund(hold: 0, 11), refused(.limitExceeded, 10), 10, 11),
        ]
        #expect(isLinearizable(calls))
        var wrong = calls
        wrong[4].outcome = done(90, bonus: 20, .refund(bonus: 20, left: 10))
        #expect(!isLinearizable(wrong))
    }

    // MARK: Unknown outcomes

    @Test func `a call without an answer may have happened, late, or never`() {
        let open = call(.credit(5, isBonus: true), .unknown, 2)
        #expect(isLinearizable([funding, open, call(.read, done(100), 10, 11)]))
        #expect(isLinearizable([funding, open, call(.read, done(100, bonus: 5), 10, 11)]))
        let reads = [call(.read, done(100), 10, 11), call(.read, done(100, bonus: 5), 12, 13)]
        #expect(isLinearizable([funding, open] + reads))
        #expect(
            !isLinearizable([funding, open, call(.read, done(100, bonus: 5), 10, 11), call(.read, done(100), 12, 13)])
        )
        #expect(!isLinearizable([funding, open, call(.read, done(100, bonus: 10), 10, 11)]))
    }

    @Test func `a call without an answer can't have happened before it began`() {
        let open = call(.credit(5, isBonus: true), .unknown, 20)
        #expect(!isLinearizable([funding, open, call(.read, done(100, bonus: 5), 10, 11)]))
    }

    @Test func `several calls without answers may have happened between two others`() {
        let open = (1...6).map { call(.credit(Int64($0), isBonus: true), .unknown, UInt64($0)) }
        #expect(isLinearizable([funding] + open + [call(.read, done(100, bonus: 21), 10, 11)]))
        #expect(isLinearizable([funding] + open + [call(.read, done(100, bonus: 9), 10, 11)]))
        #expect(!isLinearizable([funding] + open + [call(.read, done(100, bonus: 22), 10, 11)]))
    }

    @Test func `a call that was decided must happen before its end, however it ended`() {
        let gift = call(.receive(5), .decided, 2, 4)
        #expect(isLinearizable([funding, gift, call(.read, done(100, bonus: 5), 10, 11)]))
        #expect(!isLinearizable([funding, gift, call(.read, done(100), 10, 11)]))
    }

    // MARK: Size

    @Test func `a thousand calls in which all overlap with their neighbours`() {
        var calls = [call(.credit(2_000, isBonus: false), done(2_000), 0, 1)]
        for number in 0..<1_000 {
            let held = Int64(number + 1)
            let began = UInt64(number) * 10 + 2
            calls.append(call(.place(hold: number, 1), done(2_000, held: held, placed), began, began + 200))
            if number % 3 == 0 { calls.append(call(.read, done(2_000, held: held), began, began + 150)) }
        }
        #expect(isLinearizable(calls))
        calls[700].outcome = done(2_000, held: 5, placed)
        #expect(!isLinearizable(calls))
    }

    @Test func `a search that takes too long says so`() {
        let open = (0..<30).map { call(.credit(1 << Int64($0), isBonus: true), .unknown, 1) }
        let read = call(.read, done(100, bonus: (1 << 30) + 1), 10, 11)
        #expect(HistoryCheck.check([funding] + open + [read], budget: 2_000) == .undecided)
    }
}

extension HistoryCheck.Result {
    fileprivate var isViolated: Bool { if case .violated = self { true } else { false } }
}
