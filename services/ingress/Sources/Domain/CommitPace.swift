/// How many flights pay off, by how long the disk takes for a commit.
///
/// On a fast disk two flights keep a core busy, and more only make batches smaller; on a slow one the processor would wait
/// for the disk most of the time. Told from the fastest of the last commits of a single row: a busy processor makes some
/// of them slower, never all. A pure machine.
struct CommitPace {
    /// Commits that count; two a second are noted.
    static let remembered = 16
    /// A commit that takes longer than this waits for its disk.
    static let slowNanoseconds: UInt64 = 1_200_000
    static let flightsOnFastDisk = 2
    static let flightsOnSlowDisk = 4

    private var recent: [UInt64] = []

    mutating func note(nanoseconds: UInt64) {
        if recent.count == Self.remembered { recent.removeFirst() }
        recent.append(nanoseconds)
    }

    var flights: Int {
        (recent.min() ?? 0) > Self.slowNanoseconds ? Self.flightsOnSlowDisk : Self.flightsOnFastDisk
    }
}
