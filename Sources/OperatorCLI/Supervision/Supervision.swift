internal import Concurrency
internal import EventLoop
internal import Foundation
internal import Glibc
internal import LocalSystem
internal import Time

/// Carries out what `Supervisor` decides: starts processes, signals them and tells how they end.
final class Supervision: Sendable {
    private struct State {
        var supervisor: Supervisor
        var processes: [String: pid_t] = [:]
    }

    private let state: Locked<State>
    private let commands: [String: Command]
    private let loop: EventLoop
    private let messages: AsyncStream<Supervisor.Event>
    private let tell: AsyncStream<Supervisor.Event>.Continuation
    private let beforeStart: @Sendable (String) async -> Void
    private let say: @Sendable (String) -> Void

    /// - Parameters:
    ///   - commands: How each child is started.
    ///   - beforeStart: Called before every start of a child, e.g. to stop what an earlier run left behind.
    ///   - say: Tells the operator something, one sentence.
    init(
        _ children: [Supervisor.Child],
        commands: [String: Command],
        loop: EventLoop,
        beforeStart: @escaping @Sendable (String) async -> Void,
        say: @escaping @Sendable (String) -> Void
    ) {
        state = Locked(State(supervisor: Supervisor(children)))
        self.commands = commands
        self.loop = loop
        self.beforeStart = beforeStart
        self.say = say
        (messages, tell) = AsyncStream.makeStream()
    }

    /// Adds an event; any thread.
    func send(_ event: Supervisor.Event) { tell.yield(event) }

    /// How often each child was started again.
    var restarts: [String: Int] { state.withLock { $0.supervisor.restarts } }

    /// Works until everything has been stopped.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Pauses and graces are tenths of seconds, so that a tick of 50 ms is exact enough.
                while true {
                    do { try await self.loop.sleep(for: .milliseconds(50)) } catch { return }  // Everything has ended.
                    self.send(.tick)
                }
            }
            for await event in messages {
                let now = Duration.nanoseconds(Int64(clamping: Deadline.monotonicNow()))
                let actions = state.withLock { $0.supervisor.handle(event, now: now) }
                for action in actions where action != .finish { await perform(action) }
                if actions.contains(.finish) { break }
            }
            group.cancelAll()
        }
    }

    private func perform(_ action: Supervisor.Action) async {
        switch action {
        case .start(let name): await start(name)
        case .terminate(let name): signal(name, SIGTERM)
        case .kill(let name):
            say("\(name) does not stop; ending it.")
            signal(name, SIGKILL)
        case .report(let name, let status, let pause):
            say("\(name) ended by itself (\(status)); starting it again in \(Self.text(pause)).")
        case .finish: break
        }
    }

    private func start(_ name: String) async {
        guard let command = commands[name] else { return }
        await beforeStart(name)
        do {
            let pid = try command.start { self.send(.exited(name, $0)) }
            state.withLock { $0.processes[name] = pid }
        } catch {
            say(error.description)
            send(.exited(name, .exited(127)))
        }
    }

    private func signal(_ name: String, _ number: Int32) {
        // A pid is used only until its end was told; the thread that reaps tells at once, and pids are reused late.
        if let pid = state.withLock({ $0.processes[name] }) { HostSystem.signal(pid, number) }
    }

    private static func text(_ pause: Duration) -> String {
        let tenths = (pause.wholeMilliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
