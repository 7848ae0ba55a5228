/// The body of a request in the pieces in which it arrives, for routes that take it as a stream.
package struct BodyReader: Sendable {
    private let read: @Sendable () async throws -> [UInt8]?

    package init(_ read: @escaping @Sendable () async throws -> [UInt8]?) {
        self.read = read
    }

    /// The next bytes, not empty; nil at the end. The peer is read no faster than this is called, one call at a time.
    ///
    /// - Throws: When the peer has gone, sent no body or too large a one, or the task is cancelled. The request has been
    ///   answered then, or its connection is closed.
    package func next() async throws -> [UInt8]? {
        try await read()
    }
}
