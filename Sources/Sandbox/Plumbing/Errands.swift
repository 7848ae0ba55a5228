internal import Concurrency

/// Runs what happens after an answer: callbacks, notifications, webhooks.
///
/// Structured: all errands are children of `run()` and end with it.
final class Errands: Sendable {
    typealias Work = @Sendable () async -> Void

    /// Errands that may be under way at once; more are refused.
    static let limit = 100_000

    private let stream: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation
    private let underWay = Locked(0)
    private let refused = Locked(0)

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Work.self)
    }

    /// Begins an errand.
    ///
    /// - Returns: false if there are `limit` already; what is durable is picked up again after a restart.
    @discardableResult
    func start(_ work: @escaping Work) -> Bool {
        let isFree = underWay.withLock { count in
            guard count < Self.limit else { return false }
            count += 1
            return true
        }
        guard isFree else {
            refused.withLock { $0 += 1 }
            return false
        }
        continuation.yield(work)
        return true
    }

    /// Number of errands under way.
    var count: Int { underWay.withLock { $0 } }

    /// Number of errands that were refused.
    var refusedCount: Int { refused.withLock { $0 } }

    /// Runs until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in stream {
                group.addTask { [underWay] in
                    await work()
                    underWay.withLock { $0 -= 1 }
                }
            }
            group.cancelAll()
        }
    }

    /// Ends `run`.
    func stop() {
        continuation.finish()
    }
}
