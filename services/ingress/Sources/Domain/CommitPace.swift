/// Whether the disk takes longer than the work for a commit, as on a cloud disk: then a second one is prepared while the first
/// one waits (ADR 0071). Pure; both are averages over about eight flights.
struct CommitPace {
    /// So many times the work the disk must take. What a busy machine adds to a flight counts as the disk's.
    private static let factor = 1.5
    /// A disk that takes less is not worth a second flight, which makes the batches smaller.
    private static let slowSeconds = 0.001
    private static let weight = 0.125

    private var work = 0.0
    private var disk = 0.0

    var isDiskSlow: Bool { disk > Self.slowSeconds && disk > Self.factor * work }

    /// A flight took so many seconds, of which the server worked for some.
    mutating func note(work seconds: Double, flight: Double) {
        work += (seconds - work) * Self.weight
        disk += (max(0, flight - seconds) - disk) * Self.weight
    }
}
