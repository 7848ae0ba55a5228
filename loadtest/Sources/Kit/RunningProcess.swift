internal import Concurrency
package import EventLoop
internal import Glibc
package import LocalSystem
internal import Time

/// A child of a benchmark: it can be killed at any moment, and it ends when the benchmark does.
package final class RunningProcess: Sendable {
    package let name: String
    package let pid: Int32
    private let status = Locked<ExitStatus?>(nil)

    /// Starts a program in a session of its own, with an input that ends when this process ends.
    package init(_ name: String, _ command: Command) throws {
        var command = command
        command.ownSession = true
        command.input = .heldOpen
        self.name = name
        let status = status
        self.pid = try command.start { ended in status.withLock { $0 = ended } }
    }

    /// How it ended; nil while it runs.
    package var ending: ExitStatus? { status.withLock { $0 } }

    /// CPU time and memory so far; nil if it has ended.
    package var usage: ProcessUsage? { ProcessUsage.of(pid) }

    package func signal(_ number: Int32) { HostSystem.signal(pid, number) }

    /// Kills it and waits until it is gone.
    package func kill9(_ loop: EventLoop) async throws { try await stop(loop, SIGKILL) }

    /// Sends a signal and waits until it is gone; SIGKILL after `grace`.
    package func stop(_ loop: EventLoop, _ number: Int32 = SIGTERM, grace: Duration = .seconds(20)) async throws {
        signal(number)
        let deadline = Deadline.after(grace)
        while ending == nil {
            if deadline.isExpired { signal(SIGKILL) }
            try await loop.sleep(for: .milliseconds(5))
        }
    }
}
