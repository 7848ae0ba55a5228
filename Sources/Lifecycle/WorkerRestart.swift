/// How often a worker has ended by itself of late: decides its pauses and whether it can be relied on.
///
/// Pure: the caller measures times. A worker that ran for `steadyAfter` starts over with the shortest pause.
package struct WorkerRestart: Sendable, Equatable {
    /// A run of this length counts as healthy.
    package static let steadyAfter = Duration.seconds(60)
    /// A run of this length makes a worker that has failed count again: what it needed, a database, is back.
    package static let readyAfter = Duration.seconds(5)
    /// So many ends in a row, each before `steadyAfter`, count as failing.
    package static let failingAfter = 5

    /// Whether the worker runs at the moment.
    package private(set) var isRunning = false
    /// Ends in a row, the last included.
    package private(set) var endsInARow = 0
    private var hasStarted = false

    package init() {}

    /// The worker is being started.
    package mutating func began() {
        isRunning = true
        hasStarted = true
    }

    /// The worker ended by itself; returns the number of the attempt for `Backoff.delay(attempt:)`, from 1.
    package mutating func ended(after ran: Duration) -> Int {
        isRunning = false
        endsInARow = ran >= Self.steadyAfter ? 1 : endsInARow + 1
        return endsInARow
    }

    /// The worker was stopped on purpose.
    package mutating func stopped() {
        isRunning = false
        hasStarted = false
    }

    /// Why the worker makes its service not ready; nil if it doesn't. One that fails now and then is still fine.
    ///
    /// - Parameter ran: How long it has been running, if it does.
    package func missingReason(runningFor ran: Duration) -> String? {
        guard hasStarted else { return "not started" }
        if endsInARow < Self.failingAfter || isRunning && ran >= Self.readyAfter { return nil }
        return "ended \(endsInARow) times in a row"
    }
}
