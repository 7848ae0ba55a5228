internal import CPostgres
internal import Concurrency

/// Asks the server to stop the statement of a session that is about to be closed.
///
/// libpq's call connects and waits, so that it runs on a thread of its own; it takes the session's key with it and does
/// not need the session. Best effort: at most `maximumWaiting` requests wait, further ones are left out, because the server
/// also notices a closed connection by itself.
enum StatementCanceller {
    private static let maximumWaiting = 32
    private static let executor = BlockingExecutor(threads: 1, name: "database-cancel", maximumWaiting: maximumWaiting)

    static func cancel(_ connection: OpaquePointer?) {
        guard let request = unsafe Request(connection) else { return }
        // A task without a parent: nobody waits for it, it is bounded by the executor's queue and frees what it holds.
        Task { try? await executor.run { request.send() } }  // A full queue is the case that is left out.
    }

    /// A `PGcancel`, freed with the last reference. `@unchecked`: only one thread uses it at a time.
    @safe
    private final class Request: @unchecked Sendable {
        private let handle: OpaquePointer

        init?(_ connection: OpaquePointer?) {
            guard let handle = unsafe PQgetCancel(connection) else { return nil }
            unsafe self.handle = unsafe handle
        }

        deinit {
            unsafe PQfreeCancel(handle)
        }

        func send() {
            var text = [CChar](repeating: 0, count: 256)
            // A refusal is the same as a lost request: the server notices the closed connection.
            unsafe _ = PQcancel(handle, &text, Int32(text.count))
        }
    }
}
