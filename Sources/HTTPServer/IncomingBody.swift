internal import EventLoop
internal import HTTP

/// A request's body on its way to a handler that takes it as a stream. Loop thread only but for `next`.
final class IncomingBody: @unchecked Sendable {
    // @unchecked: touched on the loop's thread only; `next` goes there.
    private let loop: EventLoop
    private var bytes: [UInt8] = []
    private var isComplete = false
    private var failure: (any Error)?
    private var waiter: CheckedContinuation<[UInt8]?, any Error>?
    /// Called when the reader waits for bytes that have not arrived.
    var onDemand: () -> Void = {}
    /// Called when the reader has been given so many bytes.
    var onTaken: (Int) -> Void = { _ in }

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Bytes that wait for the reader.
    var count: Int { bytes.count }

    var reader: BodyReader { BodyReader { [self] in try await next() } }

    /// A body that has arrived already.
    static func reader(of body: [UInt8], on loop: EventLoop) -> BodyReader {
        let incoming = IncomingBody(loop: loop)
        incoming.bytes = body
        incoming.isComplete = true
        return incoming.reader
    }

    func append(_ piece: UnsafeBufferPointer<UInt8>) {
        unsafe bytes.append(contentsOf: piece)
        deliver()
    }

    /// Nothing follows.
    func end() {
        isComplete = true
        deliver()
    }

    /// Nothing follows, and what came is not the whole.
    func fail(_ error: any Error) {
        guard !isComplete, failure == nil else { return }
        failure = error
        deliver()
    }

    private func next() async throws -> [UInt8]? {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            loop.perform { [self] in
                guard waiter == nil else { return continuation.resume(throwing: PeerGone()) }
                waiter = continuation
                deliver()
                if waiter != nil { onDemand() }
            }
        }
    }

    private func deliver() {
        guard waiter != nil else { return }
        if !bytes.isEmpty {
            let piece = bytes
            bytes = []
            waiter.take()?.resume(returning: piece)
            onTaken(piece.count)
        } else if let failure {
            waiter.take()?.resume(throwing: failure)
        } else if isComplete {
            waiter.take()?.resume(returning: nil)
        }
    }
}
