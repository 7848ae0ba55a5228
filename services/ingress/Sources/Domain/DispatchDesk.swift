internal import Contracts
internal import Time

/// What is to be sent to one consumer, and how it has answered lately.
struct DispatchDesk {
    /// Calls under way.
    var calls = 0
    /// Events in memory, and the bytes of their bodies.
    private(set) var events = 0
    private(set) var bytes = 0
    private var ready: [String] = []
    private var head = 0
    private var failures = 0
    private var closedUntil: Timestamp?

    /// The lane whose turn it is.
    var next: String? { head < ready.count ? ready[head] : nil }

    /// When the consumer is tried again, if something waits for that; nil during the trial, whose end is told.
    var nextTrial: Timestamp? { next == nil || calls > 0 ? nil : closedUntil }

    /// Whether a call may be made. While the consumer is closed one call at a time finds out whether it is back.
    func isFree(limit: Int, now: Timestamp) -> Bool {
        guard let closedUntil else { return calls < limit }
        return now >= closedUntil && calls == 0
    }

    mutating func enter(_ stored: StoredEvent) {
        events += 1
        bytes += stored.event.body.utf8.count
    }

    mutating func leave(_ stored: StoredEvent) {
        events -= 1
        bytes -= stored.event.body.utf8.count
    }

    /// A lane gets in line. Twice is harmless: one that can't send is passed over.
    mutating func append(_ lane: String) { ready.append(lane) }

    /// The lane whose turn it was has had it.
    mutating func advance() {
        head += 1
        guard head > 1_024, head * 2 > ready.count else { return }
        ready.removeFirst(head)
        head = 0
    }

    mutating func succeeded() {
        failures = 0
        closedUntil = nil
    }

    /// Leaves the consumer alone for a while: 0.1 s, doubling up to one second.
    mutating func failed(now: Timestamp) {
        failures += 1
        closedUntil = now + .milliseconds(min(50 << min(failures, 5), 1_000))
    }
}
