internal import EventLoop
internal import Lifecycle
internal import Telemetry
internal import Time

/// Ends the lives of files: lets go of old ones, goes on with erasures, and removes the bytes of what was let go.
///
/// Every instance runs one; whatever two do at once is the same once.
final class AssetKeeper: Worker {
    let name = "asset.keep"
    private let tools: Toolbox
    private let loop: EventLoop
    private static let rhythm = Duration.seconds(2)
    /// Files at a time.
    private static let batch = 200

    init(_ tools: Toolbox, loop: EventLoop) {
        self.tools = tools
        self.loop = loop
    }

    func run() async throws {
        let leftovers = try await tools.files.sweepLeftovers(olderThan: .seconds(86_400))
        if leftovers > 0 { tools.log.info("leftovers removed", [.count: .int(leftovers)]) }
        var round = 0
        while !Task.isCancelled {
            if round % 30 == 0 { try await letGo() }
            count(try await tools.assets.goOnErasing(), "erased")
            try await removeBytes()
            round += 1
            try await loop.sleep(for: Self.rhythm)
        }
    }

    private func letGo() async throws {
        let configuration = tools.configuration
        var gone: Int
        repeat {
            gone = try await tools.assets.expire(
                results: configuration.resultRetention,
                inputs: configuration.inputRetention,
                atMost: Self.batch
            )
            count(gone, "expired")
        } while gone >= Self.batch && !Task.isCancelled
    }

    private func removeBytes() async throws {
        var removed: [String] = []
        for path in try await tools.assets.removals(atMost: Self.batch) {
            do {
                try await tools.files.erase(path)
                removed.append(path)
            } catch is CancellationError {
                break
            } catch {
                // Tried again with the next round; the note stays until it works.
                tools.log.warning("file not removed", [.file: .string(path), .error: .describing(error)])
                break
            }
        }
        try await tools.assets.removed(removed)
        tools.metrics.waitingRemovals.set(Double(try await tools.assets.waitingRemovals()))
    }

    private func count(_ files: Int, _ reason: String) {
        if files > 0 { tools.metrics.removedAssets.add(UInt64(files), reason) }
    }
}
