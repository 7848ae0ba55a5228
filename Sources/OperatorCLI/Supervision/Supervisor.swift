internal import LocalSystem

/// Decides when children are started, started again and stopped.
///
/// Pure: events and the time go in, actions come out. Children stand in tiers: tier 0 (PostgreSQL) is started first and
/// stopped last. A child that ends by itself is started again after a pause that doubles from 0.2 s to 10 s and starts
/// over once the child has run for 30 s. Stopping goes tier by tier from the highest one; who has not ended after its
/// grace is killed.
struct Supervisor: Sendable {
    /// A child that is to be kept running.
    struct Child: Sendable, Equatable {
        let name: String
        let tier: Int
        /// How long it may take to stop.
        let grace: Duration
    }

    enum Event: Sendable, Equatable {
        /// All children of a tier are wanted.
        case bringUp(tier: Int)
        case exited(String, ExitStatus)
        /// Time has passed.
        case tick
        /// Everything is to end.
        case stop
    }

    enum Action: Sendable, Equatable {
        case start(String)
        /// SIGTERM.
        case terminate(String)
        /// SIGKILL.
        case kill(String)
        /// A child ended by itself and will come back.
        case report(String, ExitStatus, pause: Duration)
        /// Everything has ended; no action follows.
        case finish
    }

    private enum State: Sendable, Equatable {
        case idle
        case running(since: Duration)
        case pausing(until: Duration)
        case stopping(since: Duration, isKilled: Bool)
    }

    static let firstPause = Duration.milliseconds(200)
    static let longestPause = Duration.seconds(10)
    static let steadyAfter = Duration.seconds(30)

    private let children: [Child]
    private var states: [String: State]
    private var endsInARow: [String: Int] = [:]
    private(set) var isStopping = false
    private var isFinished = false
    /// How often each child was started again, for the status.
    private(set) var restarts: [String: Int] = [:]

    init(_ children: [Child]) {
        self.children = children
        self.states = Dictionary(uniqueKeysWithValues: children.map { ($0.name, .idle) })
    }

    /// - Parameter now: Monotonic; the same origin every time.
    mutating func handle(_ event: Event, now: Duration) -> [Action] {
        guard !isFinished else { return [] }
        switch event {
        case .bringUp(let tier): return isStopping ? [] : bringUp(tier, now)
        case .exited(let name, let status): return exited(name, status, now)
        case .tick: return tick(now)
        case .stop:
            guard !isStopping else { return [] }
            isStopping = true
            return stopNextTier(now)
        }
    }

    private mutating func bringUp(_ tier: Int, _ now: Duration) -> [Action] {
        children.filter { $0.tier == tier && states[$0.name] == .idle }.map { child in
            states[child.name] = .running(since: now)
            return .start(child.name)
        }
    }

    private mutating func exited(_ name: String, _ status: ExitStatus, _ now: Duration) -> [Action] {
        switch states[name] {
        case .running(let since) where !isStopping:
            let ends = now - since >= Self.steadyAfter ? 1 : endsInARow[name, default: 0] + 1
            endsInARow[name] = ends
            restarts[name, default: 0] += 1
            let pause = min(Self.longestPause, Self.firstPause * (1 << min(ends - 1, 10)))
            states[name] = .pausing(until: now + pause)
            return [.report(name, status, pause: pause)]
        case .running, .stopping:
            states[name] = .idle
            return isStopping ? stopNextTier(now) : []
        case .idle, .pausing, nil:
            return []
        }
    }

    private mutating func tick(_ now: Duration) -> [Action] {
        children.compactMap { child in
            switch states[child.name] {
            case .pausing(let until) where until <= now && !isStopping:
                states[child.name] = .running(since: now)
                return .start(child.name)
            case .stopping(let since, isKilled: false) where now - since >= child.grace:
                states[child.name] = .stopping(since: since, isKilled: true)
                return .kill(child.name)
            default:
                return nil
            }
        }
    }

    /// Asks the highest tier that still has processes to end; the next one follows when it has.
    private mutating func stopNextTier(_ now: Duration) -> [Action] {
        for (name, state) in states {
            if case .pausing = state { states[name] = .idle }
        }
        guard let tier = children.filter({ states[$0.name] != .idle }).map(\.tier).max() else {
            isFinished = true
            return [.finish]
        }
        return children.filter { $0.tier == tier }.compactMap { child in
            guard case .running = states[child.name] else { return nil }
            states[child.name] = .stopping(since: now, isKilled: false)
            return .terminate(child.name)
        }
    }
}
