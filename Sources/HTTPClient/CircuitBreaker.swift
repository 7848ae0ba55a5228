package import Time

/// Decides whether a peer that keeps failing is called at all: a state machine without clock or I/O.
///
/// Closed, it counts failures in a row. At the threshold it opens and refuses calls for a while; then it lets single
/// probes through: one success closes it, one failure opens it again for twice as long, up to a cap.
package struct CircuitBreaker: Sendable {
    /// When to open and for how long.
    package struct Policy: Sendable {
        /// Failures in a row that open the breaker.
        package var failuresToOpen = 8
        /// How long it stays open the first time.
        package var firstPause: Duration = .seconds(2)
        /// The longest it stays open.
        package var longestPause: Duration = .seconds(60)

        package init() {}
    }

    /// What to do with a call.
    package enum Admission: Sendable, Equatable {
        /// Make the call and report its outcome.
        case allow
        /// Don't call; it makes no sense before this moment.
        case refuse(until: Deadline)
    }

    private enum State: Sendable {
        case closed(failures: Int)
        case open(until: Deadline, pause: Duration)
        /// One probe is in flight; a second one is let through if the first has not reported by then.
        case probing(until: Deadline, pause: Duration)
    }

    private let policy: Policy
    private var state: State = .closed(failures: 0)

    package init(_ policy: Policy = Policy()) {
        self.policy = policy
    }

    /// Whether calls are refused or only probed at present.
    package var isOpen: Bool {
        if case .closed = state { false } else { true }
    }

    /// Asks before a call.
    package mutating func admit(now: Deadline) -> Admission {
        switch state {
        case .closed:
            return .allow
        case .open(let until, let pause), .probing(let until, let pause):
            guard now >= until else { return .refuse(until: until) }
            state = .probing(until: now.advanced(by: pause), pause: pause)
            return .allow
        }
    }

    /// Reports an answer that shows the peer alive (any status below 500).
    package mutating func succeeded() {
        state = .closed(failures: 0)
    }

    /// Reports a call that the peer did not answer properly.
    package mutating func failed(now: Deadline) {
        switch state {
        case .closed(let failures) where failures + 1 < policy.failuresToOpen:
            state = .closed(failures: failures + 1)
        case .closed:
            state = .open(until: now.advanced(by: policy.firstPause), pause: policy.firstPause)
        case .probing(_, let pause):
            let longer = min(pause * 2, policy.longestPause)
            state = .open(until: now.advanced(by: longer), pause: longer)
        case .open:
            break  // A straggler from before the breaker opened says nothing new.
        }
    }
}

extension Deadline {
    fileprivate func advanced(by duration: Duration) -> Deadline {
        let (sum, overflows) = nanoseconds.addingReportingOverflow(UInt64(max(0, duration.wholeMicroseconds)) * 1_000)
        return overflows ? .never : Deadline(nanoseconds: sum)
    }
}
