internal import HTTP

/// How HTTP/1 takes a request's body: kept until it is whole, or passed on to a handler that reads it while it arrives.
extension HTTP1Session {
    /// Hands the request to its handler, which takes the body while it arrives. Its time is the route's.
    func beginStream(owesContinue: Bool) {
        let incoming = IncomingBody(loop: server.loop)
        incoming.onDemand = { [unowned self] in onDemand() }
        self.incoming = incoming
        self.owesContinue = owesContinue
        pending?.request.stream = incoming.reader
        dispatch(closes: false)
    }

    /// The handler waits for more of the body.
    private func onDemand() {
        if owesContinue {
            owesContinue = false
            connection.output.append(HTTP1Serializer.continueLine)
            connection.flush()
        }
        guard isWaitingForReader else { return }
        isWaitingForReader = false
        processInput()
    }

    /// Whether the handler at work has not got the whole body.
    var isReadingBody: Bool { phase == .streaming }

    func endBody(failing error: @autoclosure () -> (any Error)?) {
        if phase == .streaming { phase = .busy }
        isWaitingForReader = false
        owesContinue = false
        guard let incoming = incoming.take() else { return }
        incoming.onDemand = {}
        if let error = error() { incoming.fail(error) } else { incoming.end() }
    }

    func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        if let incoming {
            return unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe incoming.append($0) }
        }
        if pending?.request.body.isEmpty == true, case .length(let length)? = pending?.framing {
            // Not all at once: an announced length costs the peer nothing.
            pending?.request.body.reserveCapacity(min(length, 65_536))
        }
        let room = (pending?.route.keptBodyBytes ?? 0) - (pending?.request.body.count ?? 0)
        let kept = range.prefix(max(0, room))
        unsafe bytes.extracting(kept).withUnsafeBufferPointer { unsafe pending?.request.body.append(contentsOf: $0) }
    }
}
