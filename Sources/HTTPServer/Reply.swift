internal import Concurrency
package import HTTP

/// The answer that a deferred handler owes (`Router.onDeferred`). Any thread may give it; the first one counts.
///
/// A reply that is let go without an answer becomes a 500, so that no client waits for its deadline.
package final class Reply: Sendable {
    private let deliver: Locked<(@Sendable (HTTPResponse) -> Void)?>

    init(_ deliver: @escaping @Sendable (HTTPResponse) -> Void) {
        self.deliver = Locked(deliver)
    }

    deinit { send(.serverError) }

    /// Answers. Has no effect if the client has gone or was told that the answer took too long.
    package func send(_ response: HTTPResponse) {
        deliver.withLock { $0.take() }?(response)
    }
}

extension HTTPResponse {
    /// What a client gets whose answer could not be made.
    static let serverError = HTTPResponse.text(500, "Internal Server Error\n")
}
