internal import Time

/// A provider key as the pool sees it.
struct KeyBook: Sendable, Equatable {
    /// The key's name, see `ProviderKeys`.
    var key: String
    var account: String
    /// Of an account's ready keys the heaviest is used; between accounts, work is spread by it.
    var weight = 1
    /// What the key may spend a day (UTC), in millionths of a dollar; nil for no cap of ours.
    var dailyCapMicrodollars: Int64?
    /// What today's submissions cost by the price table.
    var spentMicrodollars: Int64 = 0
    /// Until when the key rests: the provider refused it.
    var pausedUntil: Timestamp?
    var usedAt: Timestamp?

    /// When the key may be used next.
    func readyAt(now: Timestamp) -> Timestamp {
        let rested = max(now, pausedUntil ?? now)
        guard isCapped else { return rested }
        return max(rested, now.startOfNextDay)
    }

    var isCapped: Bool { dailyCapMicrodollars.map { spentMicrodollars >= $0 } ?? false }
}

/// All keys of all accounts: which one a submission uses, and when.
///
/// Pure. The provider limits accounts, so that the pace is an account's (`SlotBook`); what a key may spend, and whether
/// it is accepted at all, is the key's own.
struct ProviderPool: Sendable, Equatable {
    struct Choice: Sendable, Equatable {
        var key: String
        var account: String
        /// When the submission may be made: now or later.
        var slot: Timestamp
    }

    /// In the order of the configuration.
    var keys: [KeyBook]
    var accounts: [String: SlotBook]

    /// The key with the earliest slot. Of equals: the account that is used least for its weight, then the heavier key,
    /// then the one that was not used for longest. nil only if there is no key at all.
    func best(now: Timestamp) -> Choice? {
        let candidates = keys.map { ($0, choice($0, now)) }
        return candidates.min { left, right in
            if left.1.slot != right.1.slot { return left.1.slot < right.1.slot }
            let (first, second) = (load(left.0, now), load(right.0, now))
            // used / weight, without dividing.
            if first * right.0.weight != second * left.0.weight {
                return first * right.0.weight < second * left.0.weight
            }
            if left.0.weight != right.0.weight { return left.0.weight > right.0.weight }
            return (left.0.usedAt?.microseconds ?? 0) < (right.0.usedAt?.microseconds ?? 0)
        }?.1
    }

    /// How many submissions may be made at once.
    func free(now: Timestamp) -> Int {
        let ready = Set(keys.filter { $0.readyAt(now: now) <= now }.map(\.account))
        return ready.reduce(0) { $0 + book($1).free(now: now) }
    }

    private func choice(_ key: KeyBook, _ now: Timestamp) -> Choice {
        let slot = max(key.readyAt(now: now), book(key.account).nextSlot(now: now))
        return Choice(key: key.key, account: key.account, slot: slot)
    }

    private func load(_ key: KeyBook, _ now: Timestamp) -> Int { book(key.account).used(now: now) }

    private func book(_ account: String) -> SlotBook { accounts[account] ?? SlotBook(account: account) }
}

/// Who rests after a refusal by the provider, and for how long.
struct ProviderRest: Sendable, Equatable {
    enum Scope: Sendable, Equatable { case account, key }

    var scope: Scope
    /// Doubles with every further rest that no success came between.
    var first: Duration
    var longest: Duration

    /// nil if neither key nor account is to blame.
    init?(after failure: ErrorClass) {
        switch failure {
        case .rateLimit: (scope, first, longest) = (.account, .seconds(2), .seconds(60))
        case .insufficientCredits: (scope, first, longest) = (.account, .seconds(30), .seconds(900))
        case .keyLimit, .unauthorized: (scope, first, longest) = (.key, .seconds(300), .seconds(3_600))
        default: return nil
        }
    }
}

extension Timestamp {
    /// Midnight UTC after this moment.
    var startOfNextDay: Timestamp {
        Timestamp(microseconds: (microseconds / 86_400_000_000 + 1) * 86_400_000_000)
    }
}
