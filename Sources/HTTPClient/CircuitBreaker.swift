package import Time

/// Which breaker guards a call: calls with the same name share one.
package struct Circuit: Sendable, ExpressibleByStringLiteral {
    /// E.g. the peer's host.
    package var name: String
    /// The rules of the breaker, set by its first call; the client's own unless given.
    package var policy: CircuitBreaker.Policy?

    package init(_ name: String, policy: CircuitBreaker.Policy? = nil) {
        self.name = name
        self.policy = policy
    }

    package init(stringLiteral name: String) {
        self.init(name)
    }

    /// One breaker for each host and port; `url` is an absolute URL.
    package static func host(of url: String, policy: CircuitBreaker.Policy? = nil) -> Circuit {
        Circuit(RedirectRule.authority(of: url) ?? url, policy: policy)
    }
}

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
        /// Whether a status of 500 counts as a failure. From a peer of our own it means that it lives and erred on this
        /// call; from a stranger it may mean anything.
        package var countsInternalErrors = true

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

    /// Whether an answer of this status shows that the peer is in trouble.
    package func isFailure(status: Int) -> Bool {
        status > 500 || (status == 500 && policy.countsInternalErrors)
    }

    /// Reports an answer that shows the peer alive.
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
