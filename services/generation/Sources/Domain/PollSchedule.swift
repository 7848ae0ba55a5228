internal import Time

/// When a task's record is read: callbacks are the usual way, polling covers those that get lost.
struct PollSchedule: Sendable, Equatable {
    /// The longest wait before the first poll.
    var first: Duration
    /// The usual wait between polls.
    var interval: Duration

    /// The wait before the first poll of a task.
    func firstWait(typicalSeconds: Int) -> Duration {
        min(first, interval * 2, max(.seconds(1), .milliseconds(typicalSeconds * 334)))
    }

    /// The wait after a poll that found the task running. Grows with the task's age to four times the interval; spread,
    /// so that tasks that began together are not read together.
    ///
    /// - Parameters:
    ///   - elapsed: Since the task was submitted.
    ///   - pollsAfterCallback: Polls since a callback said that the task is final; nil if none did. Such a task is
    ///     read quickly for a few times, since records may lag behind callbacks.
    ///   - random: 0..<1.
    func nextWait(elapsed: Duration, pollsAfterCallback: Int?, random: Double) -> Duration {
        if let polls = pollsAfterCallback, polls < 5 { return .seconds(1) }
        let growth = min(4, 1 + elapsed.inSeconds / 120)
        return interval * (growth * (0.8 + 0.4 * random))
    }

    /// How long a submission without an answer is waited for: callbacks of tasks that exist arrive in this time.
    static func unknownWait(typicalSeconds: Int, grace: Duration) -> Duration {
        .seconds(typicalSeconds * 3) + grace
    }
}
