internal import Concurrency
package import EventLoop

/// Writes what somebody outside has answered and will not say again.
package enum PersistentWrite {
    private static let maximumTries = 7
    private static let backoff = Backoff(first: .milliseconds(50), cap: .seconds(2))

    /// Repeats a write through a short outage of the database, some three seconds of pauses in all.
    ///
    /// - Parameter write: May run again after a commit that was not heard of: it names its attempt, so that it counts once.
    /// - Throws: What the last try threw, and at once what no repeat mends.
    package static func run<Value>(on loop: EventLoop, _ write: () async throws -> Value) async throws -> Value {
        var attempt = 1
        while true {
            do {
                return try await write()
            } catch let error as PostgresError where error.isRetryable && attempt < maximumTries {
                try await loop.sleep(for: backoff.delay(attempt: attempt))
                attempt += 1
            }
        }
    }
}
