/// Whether the next flight may be expected to hold no repeats, so that the cheaper statement will do (ADR 0072). Pure.
struct RepeatWatch {
    /// So many flights in a row must have been without repeats. The first ones of a process are looked at too: after a crash
    /// senders repeat what was not answered.
    private static let calm = 64

    private var calmFlights = 0

    var expectsNone: Bool { calmFlights >= Self.calm }

    mutating func note(hasRepeats: Bool) { calmFlights = hasRepeats ? 0 : min(calmFlights + 1, Self.calm) }
}
