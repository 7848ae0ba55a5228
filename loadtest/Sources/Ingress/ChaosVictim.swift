internal import Concurrency
internal import EventLoop
internal import Foundation
internal import Glibc
internal import LoadtestKit
internal import Time

/// A process that is killed and started again, one thing at a time.
final class ChaosVictim: Sendable {
    let name: String
    private let loop: EventLoop
    private let start: @Sendable () async throws -> RunningProcess
    private let state: Locked<(process: RunningProcess, kills: Int)>

    /// - Parameters:
    ///   - process: It runs already.
    ///   - start: Starts it again and waits until it is ready.
    init(
        _ name: String,
        _ process: RunningProcess,
        loop: EventLoop,
        start: @escaping @Sendable () async throws -> RunningProcess
    ) {
        self.name = name
        self.loop = loop
        self.start = start
        self.state = Locked((process, 0))
    }

    var process: RunningProcess { state.withLock { $0.process } }
    var kills: Int { state.withLock { $0.kills } }

    /// Kills it and all its children, leaves it dead for a while and starts it again.
    func kill(dead: Duration) async throws {
        let process = process
        for child in Self.children(of: process.pid) { Glibc.kill(child, SIGKILL) }
        try await process.kill9(loop)
        state.withLock { $0.kills += 1 }
        try await loop.sleep(for: dead)
        let next = try await start()
        state.withLock { $0.process = next }
    }

    /// Kills one of its children; what that means is its own affair.
    func killChild(_ index: Int) {
        let children = Self.children(of: process.pid)
        guard !children.isEmpty else { return }
        Glibc.kill(children[index % children.count], SIGKILL)
        state.withLock { $0.kills += 1 }
    }

    /// Stops its clock for a while, longer than its leases last.
    func freeze(for pause: Duration) async throws {
        process.signal(SIGSTOP)
        defer { process.signal(SIGCONT) }
        try await loop.sleep(for: pause)
    }

    /// Ends it for good.
    func end() async throws { try await process.stop(loop) }

    private static func children(of pid: Int32) -> [Int32] {
        let text = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(pid)/children") ?? Data()
        return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }
}
