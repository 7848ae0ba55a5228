package import HTTP
internal import Synchronization

/// The answer that a deferred handler owes (`Router.onDeferred`). Any thread may give it; the first one counts.
///
/// A reply that is let go without an answer becomes a 500, so that no client waits for its deadline.
package final class Reply: @unchecked Sendable {
    // @unchecked: `deliver` is touched only by whoever set `isGiven`, and by `deinit`, when nobody else has the object.

    /// Nil once the answer is given: whoever keeps a reply for longer does not keep its server.
    private var deliver: (@Sendable (HTTPResponse) -> Void)?
    private let isGiven = Atomic<Bool>(false)

    init(_ deliver: @escaping @Sendable (HTTPResponse) -> Void) {
        self.deliver = deliver
    }

    deinit { deliver?(.serverError) }

    /// Answers. Has no effect if the client has gone or was told that the answer took too long.
    package func send(_ response: HTTPResponse) {
        guard !isGiven.exchange(true, ordering: .acquiringAndReleasing) else { return }
        deliver.take()?(response)
    }
}

extension HTTPResponse {
    /// What a client gets whose answer could not be made.
    static let serverError = HTTPResponse.text(500, "Internal Server Error\n")
}
