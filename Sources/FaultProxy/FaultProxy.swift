internal import Concurrency
internal import Glibc

/// A TCP proxy on 127.0.0.1 that treats connections badly: it delays, splits, cuts and resets, as its plan says.
///
/// Stands between a service and PostgreSQL, or between two services, in tests and proofs. Every connection has two
/// threads of its own with blocking calls, so that the code under test is the only asynchronous one. What happens to the
/// chunks of connection n follows from the seed and n.
package final class FaultProxy: Sendable {
    /// Where connections go on to.
    package enum Target: Sendable {
        /// 127.0.0.1.
        case port(Int)
        /// A Unix socket.
        case path(String)
    }

    /// How often something was done to a chunk or connection.
    package struct Counts: Sendable, Equatable {
        package var connections = 0
        package var delays = 0
        package var splits = 0
        package var cuts = 0
        package var resets = 0
    }

    private struct State {
        var plan: FaultPlan
        var counts = Counts()
        var pipes: [Int: FaultPipe] = [:]
        var isStopped = false
    }

    /// Where clients connect to, on 127.0.0.1.
    package let port: Int
    package let seed: UInt64
    private let listener: Int32
    private let target: Target
    private let state: Locked<State>

    /// - Throws: `ProxyFailure` if no port can be opened.
    package init(to target: Target, plan: FaultPlan = .none, seed: UInt64 = .random(in: 0...(.max))) throws {
        self.target = target
        self.seed = seed
        self.state = Locked(State(plan: plan))
        (listener, port) = try Sockets.listen()
        NativeThread.start(name: "fault-accept") { [self] in acceptAll() }.detach()
    }

    /// A port of 127.0.0.1 that nobody listens on at the moment.
    package static func freePort() throws -> Int {
        let (listener, port) = try Sockets.listen()
        close(listener)
        return port
    }

    /// What happens to chunks from now on.
    package var plan: FaultPlan {
        get { state.withLock { $0.plan } }
        set { state.withLock { $0.plan = newValue } }
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// Ends every connection now; new ones are taken as before.
    package func breakAll(resetting: Bool) {
        let pipes = state.withLock { state in
            defer { state.pipes = [:] }
            if resetting { state.counts.resets += state.pipes.count } else { state.counts.cuts += state.pipes.count }
            return Array(state.pipes.values)
        }
        for pipe in pipes { pipe.end(resetting: resetting) }
    }

    /// Takes no more connections and ends those there are. Any number of times.
    package func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        guard isFirst else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        breakAll(resetting: false)
    }

    private func acceptAll() {
        while let client = Sockets.accept(listener) {
            guard let server = Sockets.connect(target) else {
                close(client)
                continue
            }
            let pipe = FaultPipe(client: client, server: server)
            let number = state.withLock { state -> Int? in
                guard !state.isStopped else { return nil }
                state.counts.connections += 1
                state.pipes[state.counts.connections] = pipe
                return state.counts.connections
            }
            guard let number else {
                pipe.end(resetting: false)
                pipe.discard()
                break
            }
            // The two directions roll different dice, whatever the timing between them.
            for (direction, offset) in [(FaultPipe.Direction.toServer, 0), (.toClient, 1)] {
                let dice = FaultDice(seed: seed &+ UInt64(2 * number + offset))
                NativeThread.start(name: "fault-pipe") { [self] in
                    pipe.pump(direction, dice) { count, dice in self.fate(count, &dice) }
                    state.withLock { $0.pipes[number] = nil }
                }.detach()
            }
        }
        close(listener)
    }

    private func fate(_ count: Int, _ dice: inout FaultDice) -> Fate {
        state.withLock { state in
            let fate = dice.roll(state.plan, count: count)
            switch fate {
            case .pass: break
            case .delay: state.counts.delays += 1
            case .split: state.counts.splits += 1
            case .cut: state.counts.cuts += 1
            case .reset: state.counts.resets += 1
            }
            return fate
        }
    }
}

/// Why a proxy can't be opened.
package struct ProxyFailure: Error, Sendable {
    package let operation: String
    package let number: Int32
}
