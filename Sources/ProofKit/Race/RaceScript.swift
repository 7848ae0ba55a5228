internal import Contracts
internal import Foundation
internal import Time

/// Invents the race's calls: few accounts, little money, holds that everybody knows, so that calls get in each other's way.
struct RaceScript: Sendable {
    /// A hold that was thought of, perhaps not placed yet.
    private struct KnownHold {
        let id: HoldID
        let amount: Int64
        /// Ends while the race goes on, so only the call that first thought of it may place it.
        let isShort: Bool
    }

    private let accounts: ClosedRange<UserID>
    private let run = UUID().uuidString.prefix(8)
    private var holds: [UserID: [KnownHold]] = [:]
    private var recent: [RaceCall] = []
    private var count = 0
    /// When the ends of short-lived holds come, on the monotonic clock.
    private(set) var ends: [(account: UserID, hold: Int, at: UInt64)] = []

    init(accounts: ClosedRange<UserID>) {
        self.accounts = accounts
    }

    /// - Returns: The call, and whether it must be answered: only then may its key be used for another body.
    mutating func next(_ random: inout SeededGenerator) -> (call: RaceCall, mustBeAnswered: Bool) {
        if random.isOne(in: 6), let old = random.anyElement(of: recent.suffix(40)) {
            if random.isOne(in: 5), let other = other(old) { return (other, true) }
            return (old, false)
        }
        let call = fresh(&random)
        if case .read = call.form { return (call, false) }
        recent.append(call)
        if recent.count > 400 { recent.removeFirst(300) }
        return (call, false)
    }

    /// What an account starts with.
    mutating func funding(_ account: UserID, _ amount: Int64) -> RaceCall { credit(account, amount, isBonus: false) }

    /// A read, for a look at the end.
    mutating func read(_ account: UserID) -> RaceCall { make(account, .read, .read) }

    // MARK: New calls

    private mutating func fresh(_ random: inout SeededGenerator) -> RaceCall {
        let account = random.number(accounts)
        switch random.number(0...99) {
        case 0..<30: return place(account, &random)
        case 30..<50:
            let hold = known(account, &random)
            let most = (holds[account] ?? [])[hold].amount + 4
            return charge(account, hold, random.isOne(in: 8) ? 0 : random.number(0...most))
        case 50..<57:
            let hold = known(account, &random)
            let input = ReleaseHold.Input(userID: account, reason: "race")
            return make(account, .release(hold: hold), .release(id(account, hold), input))
        case 57..<65:
            let hold = known(account, &random)
            let amount: Int64 = random.number(1...12)
            let input = RefundCharge.Input(userID: account, amountKopecks: amount, reason: "race")
            return make(account, .refund(hold: hold, amount), .refund(id(account, hold), input))
        case 65..<74: return credit(account, random.number(10...120), isBonus: random.isOne(in: 3))
        case 74..<78: return gift(&random)
        case 78..<82:
            // The first accounts are never frozen: they give and get.
            let last = accounts.upperBound
            let isFrozen = random.isOne(in: 3)
            return make(last, .setFrozen(isFrozen), .freeze(isFrozen: isFrozen))
        default: return read(account)
        }
    }

    private mutating func place(_ account: UserID, _ random: inout SeededGenerator) -> RaceCall {
        // Now and then more than anybody will ever have.
        let amount: Int64 = random.isOne(in: 10) ? 0 : random.isOne(in: 25) ? 50_000 : random.number(1...60)
        let isShort = random.isOne(in: 8)
        // Now and then a hold that somebody else places, or has tried to end, too.
        let rival = random.isOne(in: 10) && !isShort ? known(account, &random) : nil
        let hold = rival.flatMap { endsSoon($0, account) ? nil : $0 } ?? think(account, amount, isShort: isShort)
        let milliseconds = isShort ? random.number(-20...400) : 86_400_000
        let (now, monotonic) = Self.bothClocks()
        let expiresAt = now + .milliseconds(milliseconds)
        if isShort {
            let moment = Int64(monotonic) + Int64(milliseconds) * 1_000_000
            ends.append((account, hold, UInt64(max(0, moment))))
        }
        let input = PlaceHold.Input(
            holdID: id(account, hold),
            userID: account,
            amountKopecks: amount,
            expiresAt: expiresAt,
            memo: "race"
        )
        return make(account, .place(hold: hold, amount), .place(input))
    }

    /// The wall clock and the monotonic one at the same moment. They are read again if this thread was interrupted between
    /// the two: a hold's end would be expected later than it comes.
    private static func bothClocks() -> (wall: Timestamp, monotonic: UInt64) {
        while true {
            let before = Deadline.monotonicNow()
            let wall = WallClock.system.now
            let gap = Deadline.monotonicNow() - before
            if gap < 500_000 { return (wall, before + gap / 2) }
        }
    }

    private mutating func charge(_ account: UserID, _ hold: Int, _ amount: Int64) -> RaceCall {
        let input = ChargeHold.Input(
            userID: account,
            amountKopecks: amount,
            jobID: JobID(),
            model: "nano-banana",
            variant: "2k",
            providerCostMicrodollars: 20_000
        )
        return make(account, .charge(hold: hold, amount), .charge(id(account, hold), input))
    }

    private mutating func credit(_ account: UserID, _ amount: Int64, isBonus: Bool) -> RaceCall {
        count += 1
        let reference = "\(run)-\(count)"
        let input = Credit.Input(
            userID: account,
            amountKopecks: amount,
            source: isBonus ? .bonus : .yookassa,
            reference: reference,
            memo: "race"
        )
        var call = make(account, .credit(amount, isBonus: isBonus), .credit(input))
        // A payment is credited once whatever keys are used.
        if !isBonus { call.identity = "payment \(reference)" }
        return call
    }

    private mutating func gift(_ random: inout SeededGenerator) -> RaceCall {
        let givers = accounts.dropLast()
        let giver = random.element(of: Array(givers))
        let receiver = random.element(of: givers.filter { $0 != giver })
        let amount: Int64 = random.number(1...40)
        let input = Gift.Input(userID: giver, receiverID: receiver, amountKopecks: amount, memo: "race")
        return make(giver, .give(amount), .gift(input))
    }

    private mutating func make(_ account: UserID, _ action: AccountAction, _ form: RaceCall.Form) -> RaceCall {
        count += 1
        let key = "\(run)-\(count)"
        return RaceCall(identity: key, key: key, account: account, action: action, form: form)
    }

    // MARK: Repeats

    /// The same key for something else, or the same payment under another key.
    private mutating func other(_ old: RaceCall) -> RaceCall? {
        var call = old
        switch (old.form, old.action) {
        case (.credit(var input), .credit(let amount, false)):
            count += 1
            call.key = "\(run)-\(count)"
            guard count % 2 == 0 else { return call }
            input.amountKopecks = amount + 1
            call.form = .credit(input)
            call.action = .credit(amount + 1, isBonus: false)
        case (.charge(let id, var input), .charge(let hold, let amount)):
            input.amountKopecks = amount + 1
            call.form = .charge(id, input)
            call.action = .charge(hold: hold, amount + 1)
        default: return nil
        }
        call.body = 1
        return call
    }

    // MARK: Holds

    private mutating func think(_ account: UserID, _ amount: Int64, isShort: Bool = false) -> Int {
        holds[account, default: []].append(KnownHold(id: HoldID(), amount: amount, isShort: isShort))
        return (holds[account] ?? []).count - 1
    }

    /// One of the latest holds, or one that nobody has placed yet.
    private mutating func known(_ account: UserID, _ random: inout SeededGenerator) -> Int {
        let count = (holds[account] ?? []).count
        guard count > 0, !random.isOne(in: 25) else { return think(account, 20) }
        return random.number(max(0, count - 12)...count - 1)
    }

    private func endsSoon(_ hold: Int, _ account: UserID) -> Bool { (holds[account] ?? [])[hold].isShort }

    private func id(_ account: UserID, _ hold: Int) -> HoldID { (holds[account] ?? [])[hold].id }
}
