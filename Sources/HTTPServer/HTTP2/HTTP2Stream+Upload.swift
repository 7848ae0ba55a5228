internal import CNGHTTP2
internal import HTTP

/// A body that its handler takes while it arrives.
///
/// The stream's window opens again as the handler takes bytes, so that a slow handler slows its own peer down and nobody
/// else's. Bytes that wait for the handler count as the connection's memory.
extension HTTP2Stream {
    func beginUpload(_ match: RouteMatch) {
        let incoming = IncomingBody(loop: server.loop)
        incoming.onDemand = { [unowned self] in sendContinue() }
        incoming.onTaken = { [unowned self] in taken($0) }
        self.incoming = incoming
        owesContinue = head.expectsContinue
        phase = .streaming(match)
        run(match, stream: incoming.reader)
    }

    /// The client sends its body only if somebody is going to read it.
    private func sendContinue() {
        guard owesContinue, !hasBegun else { return }
        owesContinue = false
        _ = unsafe cnghttp2_submit_continue(session.library, number)
        session.flush()
    }

    func pass(_ bytes: UnsafeRawBufferPointer, to incoming: IncomingBody) {
        hold(bytes.count)
        unsafe incoming.append(bytes.assumingMemoryBound(to: UInt8.self))
    }

    /// The handler has taken bytes.
    private func taken(_ bytes: Int) {
        heldBytes -= bytes
        openWindow(bytes)
        session.release(bytes)
        session.giveCreditBack()
        session.flush()
    }

    /// The handler gets nothing more, unless the body was whole.
    func endUpload(failing error: @autoclosure () -> any Error) {
        if case .streaming = phase { phase = .answering }
        guard let incoming = incoming.take() else { return }
        incoming.onDemand = {}
        incoming.onTaken = { _ in }
        incoming.fail(error())
    }
}
