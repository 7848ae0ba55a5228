internal import Concurrency
internal import Contracts
package import EventLoop
internal import Jobs
internal import Lifecycle
package import Telemetry

/// Claims lanes that have something to send and works on many at the same time.
///
/// New messages of this instance wake it at once; messages of other instances, and pauses that have ended, are found by
/// looking twice a second.
package final class LaneWorker: Worker {
    package let name = "delivery.lanes"
    private let lanes: LaneStore
    private let sender: LaneSender
    private let maximumLanes: Int
    private let owner: String
    private let loop: EventLoop
    private let metrics: DeliveryMetrics
    private let log: Log
    private let signal: WakeSignal
    private let held = Locked<[ChatID: LaneLease]>([:])

    /// How long a lease lives without being renewed: the longest that a dead process's chats wait.
    static let leaseDuration = Duration.seconds(5)
    private static let renewEvery = Duration.milliseconds(1_500)
    private static let lookEvery = Duration.milliseconds(500)

    /// - Parameter owner: Names this process and no other, not even the same instance after a restart.
    package init(
        _ lanes: LaneStore,
        sender: LaneSender,
        maximumLanes: Int,
        owner: String,
        loop: EventLoop,
        metrics: DeliveryMetrics,
        log: Log
    ) {
        self.lanes = lanes
        self.sender = sender
        self.maximumLanes = maximumLanes
        self.owner = owner
        self.loop = loop
        self.metrics = metrics
        self.log = log
        self.signal = WakeSignal(loop: loop)
    }

    /// There is something new to send.
    package func wake() { signal.set() }

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.claimLanes() }
            group.addTask { try await self.renewLeases() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func claimLanes() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let free = maximumLanes - held.withLock { $0.count }
                let leases =
                    free > 0 ? try await lanes.claim(owner: owner, limit: min(free, 32), lease: Self.leaseDuration) : []
                for lease in leases {
                    held.withLock { $0[lease.chatID] = lease }
                    metrics.lanes.add(1)
                    group.addTask { await self.work(lease) }
                }
                if leases.isEmpty { await signal.wait(upTo: Self.lookEvery) }
            }
        }
    }

    private func work(_ lease: LaneLease) async {
        do {
            try await sender.run(lease)
        } catch is CancellationError {
            // The end of the process: `run` of the sender has let the lane go.
        } catch {
            // The lease runs out by itself, and whoever claims the lane then finds everything as it was stored.
            log.warning("a lane was left", [.chatID: .personal(lease.chatID), .error: .describing(error)])
        }
        held.withLock { held in
            if held[lease.chatID] == lease { held[lease.chatID] = nil }
        }
        metrics.lanes.add(-1)
        signal.set()
    }

    private func renewLeases() async throws {
        while true {
            try await loop.sleep(for: Self.renewEvery)
            let leases = held.withLock { Array($0.values) }
            if !leases.isEmpty { _ = try await lanes.renew(leases, owner: owner, lease: Self.leaseDuration) }
        }
    }
}
