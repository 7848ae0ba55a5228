internal import Concurrency
internal import EventLoop

/// Turns host names into addresses on a thread of its own: getaddrinfo blocks and can't be told to hurry.
enum HostResolver {
    private static let executor = BlockingExecutor(threads: 1, name: "database-resolver")

    /// - Parameter completion: Called on the loop with the names that could be resolved.
    static func resolve(
        _ names: [String],
        on loop: EventLoop,
        _ completion: @escaping @Sendable ([String: String]) -> Void
    ) {
        // A task without a parent: the pool opens connections for whoever waits, not for one caller. Its life is
        // bounded by the resolver's own timeout, and it holds no resource.
        Task(executorPreference: executor) {
            var addresses: [String: String] = [:]
            for name in names { addresses[name] = ConnectionSettings.resolve(name) }
            let found = addresses
            loop.execute { completion(found) }
        }
    }
}
