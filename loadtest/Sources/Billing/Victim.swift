import Concurrency
import EventLoop
import Foundation
import Glibc
import LoadtestKit

/// A process that is killed with all its children and started again.
final class Victim: Sendable {
    let name: String
    private let loop: EventLoop
    private let process: Locked<RunningProcess>
    private let start: @Sendable () async throws -> RunningProcess

    init(
        _ name: String,
        loop: EventLoop,
        _ process: RunningProcess,
        start: @escaping @Sendable () async throws -> RunningProcess
    ) {
        self.name = name
        self.loop = loop
        self.process = Locked(process)
        self.start = start
    }

    var current: RunningProcess { process.withLock { $0 } }

    /// Sends SIGKILL to the children first, so that none of them can tidy up, and waits until the parent is gone.
    func kill() async throws {
        let parent = current
        for child in Self.children(of: parent.pid) { _ = Glibc.kill(child, SIGKILL) }
        try await parent.kill9(loop)
    }

    /// Starts it again and waits until it works.
    func revive() async throws {
        let started = try await start()
        process.withLock { $0 = started }
    }

    private static func children(of parent: Int32) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { Int32($0) }
    }
}
