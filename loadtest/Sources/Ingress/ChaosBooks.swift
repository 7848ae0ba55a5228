/// What the three sides say after the chaos, and how far they agree.
struct ChaosBooks {
    /// A row of ingress' table.
    struct StoredEvent {
        var id: Int64
        var lane: String
        var identity: String
    }

    /// A row of the consumer's journal, in the order in which effects happened.
    struct Effect {
        var eventID: Int64
        var lane: String
        var identity: String
    }

    struct Verdict: Equatable {
        /// Answered 200 and not in the table.
        var lost = 0
        /// In the table more than once.
        var storedTwice = 0
        /// In the table and without an effect.
        var unprocessed = 0
        /// With more than one effect.
        var effectsTwice = 0
        /// Effects of something that was never posted.
        var invented = 0
        /// Lanes whose effects did not happen in the order in which its updates were answered.
        var lanesOutOfOrder = 0
    }

    /// Identities by lane in the order of the answers.
    var acknowledged: [String: [String]]
    var stored: [StoredEvent]
    /// Ordered by time.
    var effects: [Effect]

    var verdict: Verdict {
        var verdict = Verdict()
        let storedCounts = Self.counts(stored.map(\.identity))
        let effectCounts = Self.counts(effects.map(\.identity))
        let posted = Set(acknowledged.values.joined())
        verdict.lost = posted.count { storedCounts[$0] == nil }
        verdict.storedTwice = storedCounts.values.count { $0 > 1 }
        verdict.unprocessed = storedCounts.keys.count { effectCounts[$0] == nil }
        verdict.effectsTwice = effectCounts.values.count { $0 > 1 }
        verdict.invented = effectCounts.keys.count { !posted.contains($0) }
        verdict.lanesOutOfOrder = outOfOrder
        return verdict
    }

    private var outOfOrder: Int {
        let byLane = Dictionary(grouping: effects, by: \.lane)
        return acknowledged.count { lane, identities in
            let known = Set(identities)
            let order = (byLane[lane] ?? []).map(\.identity).filter { known.contains($0) }
            return order != identities.filter(Set(order).contains)
        }
    }

    private static func counts(_ names: [String]) -> [String: Int] {
        names.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
