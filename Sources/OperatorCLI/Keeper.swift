internal import Concurrency
internal import Foundation
internal import Glibc
internal import Lifecycle
internal import LocalSystem

/// `atelier keep <program> …`: runs PostgreSQL as its child and stops it when told to or when `atelier up` is gone.
///
/// PostgreSQL knows nothing of our pipe, and Linux's parent-death signal follows the thread that forked; so this small
/// process stands between. SIGTERM or the end of its input becomes SIGINT (fast shutdown), a second one SIGQUIT.
enum Keeper {
    static func run(_ arguments: [String]) async throws -> Int32 {
        guard let executable = arguments.first else { throw OperatorError("keep needs a program.", "") }
        let child = Locked<pid_t?>(nil)
        let decision = Locked(StopDecision())
        StopSignals.listen { _ in
            let number = decision.withLock { $0.signalled() } == .stop ? SIGINT : SIGQUIT
            if let pid = child.withLock({ $0 }) { HostSystem.signal(pid, number) }
        }
        let (ends, tell) = AsyncStream<ExitStatus>.makeStream()
        let pid = try Command(executable: executable, arguments: Array(arguments.dropFirst())).start { tell.yield($0) }
        child.withLock { $0 = pid }
        // Told to stop between the two lines above: the signal found nobody yet.
        if decision.withLock({ $0.isStopping }) { HostSystem.signal(pid, SIGINT) }
        for await status in ends { return status.shellCode }
        return 1
    }
}
