/// Decides whether a loop with nothing to do looks at its descriptors again instead of sleeping at once. Pure.
///
/// To sleep and be woken costs some microseconds, on virtual machines most of what a database takes to find a row by its
/// key. Where answers keep coming within that time the loop stays awake for them. One that takes longer ends it, so that
/// an idle loop is never awake and one on a busy machine, where others need its core, hardly ever.
struct Vigil {
    /// How long to stay awake at most.
    static let nanoseconds: UInt64 = 20_000
    /// Waits in a row that must have been shorter than that.
    static let proof = 8

    private var shortWaits = 0

    var isWorthIt: Bool { shortWaits >= Self.proof }

    /// A wait was over after so many nanoseconds.
    mutating func waited(_ nanoseconds: UInt64) {
        shortWaits = nanoseconds < Self.nanoseconds ? min(shortWaits + 1, Self.proof) : 0
    }
}
