/// What a `FaultProxy` does to the bytes that pass it: shares of the chunks that are delayed, split, cut or reset.
package struct FaultPlan: Sendable {
    /// Share of chunks that are held back for up to `longestDelay`; 0...1.
    package var delays = 0.0
    package var longestDelay: Duration = .milliseconds(20)
    /// Share of chunks that go on in pieces, down to single bytes.
    package var splits = 0.0
    /// Share of chunks of which only a part goes on before both sides see an orderly end.
    package var cuts = 0.0
    /// The same with a reset (RST) instead of an orderly end.
    package var resets = 0.0

    package init(delays: Double = 0, splits: Double = 0, cuts: Double = 0, resets: Double = 0) {
        self.delays = delays
        self.splits = splits
        self.cuts = cuts
        self.resets = resets
    }

    /// Everything passes untouched.
    package static let none = FaultPlan()

    /// A bad network: one chunk in 50 ends its connection.
    package static let rough = FaultPlan(delays: 0.05, splits: 0.1, cuts: 0.01, resets: 0.01)
}

/// What happens to one chunk.
package enum Fate: Sendable, Equatable {
    case pass
    case delay(Duration)
    /// In pieces of at most so many bytes.
    case split(pieceBytes: Int)
    /// Only the first bytes go on, then both sides see the end.
    case cut(afterBytes: Int)
    /// Only the first bytes go on, then both sides see a reset.
    case reset(afterBytes: Int)
}

/// Decides fates. Pure: one seed and the same chunks give the same fates.
package struct FaultDice: Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    /// The fate of the next chunk, of `count` bytes.
    package mutating func roll(_ plan: FaultPlan, count: Int) -> Fate {
        let (kind, detail) = (share(), share())
        var limit = plan.cuts
        if kind < limit { return .cut(afterBytes: Int(detail * Double(count + 1))) }
        limit += plan.resets
        if kind < limit { return .reset(afterBytes: Int(detail * Double(count + 1))) }
        limit += plan.delays
        if kind < limit { return .delay(plan.longestDelay * detail) }
        limit += plan.splits
        if kind < limit { return .split(pieceBytes: 1 + Int(detail * Double(max(1, count / 2)))) }
        return .pass
    }

    /// 0..<1.
    private mutating func share() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
