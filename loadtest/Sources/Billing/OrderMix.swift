import BillingService
import Contracts
import LoadtestKit
import ProofKit
import Time

/// The orders of one client: 70 % holds (5 % of all orders ask for more than there is), 25 % charges, 5 % releases, and
/// on top of it every tenth order is an earlier one again, under its key.
///
/// Only holds that were acknowledged are charged or released, so each verdict is known beforehand.
struct OrderMix {
    typealias Order = InProcessLedger.Order

    /// An order under its key, and what must become of it.
    struct Call {
        var key: String
        var order: Order
        var expected: InProcessLedger.Outcome
    }

    /// What the accounts of a run have at first: no hold of `unaffordable` can be covered.
    static let fundsKopecks: Int64 = 90_000_000
    private static let unaffordable: Int64 = 100_000_000

    private let accounts: ClosedRange<UserID>
    private let expiresAt = WallClock.system.now + .seconds(86_400)
    private var random: SeededGenerator
    /// Holds that are acknowledged and live.
    private var live: [(id: HoldID, userID: UserID, amount: Int64)] = []
    /// Calls that were answered, to be repeated; the newest replace the oldest.
    private var answered: [Call] = []
    private var position = 0
    /// How many calls were new, by verdict of the ledger.
    private(set) var tally = Tally()

    init(accounts: ClosedRange<UserID>, seed: UInt64) {
        self.accounts = accounts
        self.random = SeededGenerator(seed: seed)
    }

    mutating func next() -> Call {
        if !answered.isEmpty, Int.random(in: 0..<10, using: &random) == 0 {
            var old = answered[Int.random(in: 0..<answered.count, using: &random)]
            old.expected.isReplayed = true
            return old
        }
        let lot = Int.random(in: 0..<100, using: &random)
        if lot >= 70, !live.isEmpty {
            let hold = live.swapRemove(at: Int.random(in: 0..<live.count, using: &random))
            return lot < 95 ? charge(hold.id, hold.userID, hold.amount) : release(hold.id, hold.userID)
        }
        return hold(isAffordable: lot >= 5)
    }

    /// Takes note that a call was answered as expected.
    mutating func answered(_ call: Call) {
        guard !call.expected.isReplayed else {
            tally.replayed += 1
            return
        }
        tally.count(call)
        if case .placeHold(let input) = call.order, call.expected.verdict == "ok" {
            live.append((input.holdID, input.userID, input.amountKopecks))
        }
        if answered.count < 1_000 {
            answered.append(call)
        } else {
            answered[position % 1_000] = call
            position += 1
        }
    }

    private mutating func hold(isAffordable: Bool) -> Call {
        let id = HoldID()
        let input = PlaceHold.Input(
            holdID: id,
            userID: Int64.random(in: accounts, using: &random),
            amountKopecks: isAffordable ? Int64.random(in: 1...20, using: &random) : Self.unaffordable,
            expiresAt: expiresAt,
            memo: "nano-banana"
        )
        let verdict = isAffordable ? "ok" : ProblemCode.insufficientFunds.rawValue
        return Call(key: "hold:\(id)", order: .placeHold(input), expected: .init(verdict: verdict))
    }

    private mutating func charge(_ id: HoldID, _ userID: UserID, _ amount: Int64) -> Call {
        let input = ChargeHold.Input(
            userID: userID,
            amountKopecks: Int64.random(in: 1...amount, using: &random),
            jobID: JobID(),
            model: "nano-banana",
            variant: "2k",
            providerCostMicrodollars: 20_000
        )
        return Call(key: "charge:\(id)", order: .chargeHold(id, input), expected: .init(verdict: "ok"))
    }

    private func release(_ id: HoldID, _ userID: UserID) -> Call {
        let input = ReleaseHold.Input(userID: userID, reason: "provider_failed")
        return Call(key: "release:\(id)", order: .releaseHold(id, input), expected: .init(verdict: "ok"))
    }
}

/// What was acknowledged, to be found in the books afterwards.
struct Tally: Sendable, Equatable {
    var held = 0
    var refused = 0
    var charged = 0
    var released = 0
    var replayed = 0
    var heldKopecks: Int64 = 0
    var chargedKopecks: Int64 = 0

    /// New operations; repeats leave no row.
    var operations: Int { held + refused + charged + released }
    var calls: Int { operations + replayed }

    mutating func count(_ call: OrderMix.Call) {
        switch call.order {
        case .placeHold(let input) where call.expected.verdict == "ok":
            held += 1
            heldKopecks += input.amountKopecks
        case .placeHold: refused += 1
        case .chargeHold(_, let input):
            charged += 1
            chargedKopecks += input.amountKopecks
        case .releaseHold: released += 1
        case .credit: break
        }
    }

    static func + (left: Self, right: Self) -> Self {
        Tally(
            held: left.held + right.held,
            refused: left.refused + right.refused,
            charged: left.charged + right.charged,
            released: left.released + right.released,
            replayed: left.replayed + right.replayed,
            heldKopecks: left.heldKopecks + right.heldKopecks,
            chargedKopecks: left.chargedKopecks + right.chargedKopecks
        )
    }
}

extension Array {
    /// Removes an element in constant time; the last takes its place.
    fileprivate mutating func swapRemove(at index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
