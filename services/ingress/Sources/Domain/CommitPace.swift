/// Whether the disk takes long for a commit, as a cloud disk does: then a second one is prepared while the first one waits
/// (ADR 0071). Pure.
///
/// Now and then it looks at some flights, which fly alone and say how long the server worked. The least of their waits is the
/// disk's: what a busy processor adds differs from one flight to the next, and would grow with a second one in the air.
struct CommitPace {
    /// Flights of a look.
    static let looks = 16
    /// Flights until the next look.
    static let period = 512
    /// The least wait of so many looks counts: all flights of a single one may have waited for a processor.
    static let memory = 4
    /// A disk that takes less is not worth a second flight, which makes the batches smaller.
    private static let slowSeconds = 0.0009

    private var looked = 0
    private var leastWait = Double.infinity
    private var flights = 0
    /// The least wait of each of the last looks.
    private var waits: [Double] = []

    /// Whether the next flight is to be looked at.
    var isLooking: Bool { looked < Self.looks }
    /// Whether a second flight may be in the air.
    var allowsSecond: Bool { !isLooking && waits.allSatisfy { $0 > Self.slowSeconds } }

    /// A flight was looked at, and took so many seconds, of which the server worked for some.
    mutating func note(work seconds: Double, flight: Double) {
        guard isLooking else { return }
        looked += 1
        leastWait = min(leastWait, max(0, flight - seconds))
        guard !isLooking else { return }
        waits = waits.suffix(Self.memory - 1) + [leastWait]
    }

    /// A flight has ended that was not looked at.
    mutating func pass() {
        flights += 1
        guard flights >= Self.period else { return }
        (flights, looked, leastWait) = (0, 0, .infinity)
    }
}
