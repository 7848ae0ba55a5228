internal import EventLoop
internal import HTTP

// From a request's head to the end of its answer.

extension HTTP1Session {
    func accept(_ head: HTTP1Head, hasBodyBytes: Bool) {
        let match = routes.match(server.table, method: head.method, target: head.target)
        pending = PendingRequest(
            request: HTTPRequest(
                method: head.method,
                target: head.target,
                fields: head.fields,
                remoteAddress: connection.address,
                parameters: match.parameters,
                route: match.route.template,
                receivedAt: receivedAt ?? 0,
                isSecure: connection.isSecure
            ),
            route: match.route,
            framing: head.framing,
            minorVersion: head.minorVersion,
            keepsAlive: head.keepsAlive
        )
        if match.isFallback, head.framing != .none {
            // The answer is known; its body is dropped with the connection.
            return dispatch(closes: true)
        }
        if let refusal = parser.acceptBody(maximumBytes: match.route.maximumBodyBytes) { return refuse(refusal) }
        phase = .body
        guard head.framing != .none else { return }
        if match.route.isStreamed { return beginStream(owesContinue: head.expectsContinue && !hasBodyBytes) }
        connection.setDeadline(server.deadline(after: server.configuration.bodyDeadline))
        if head.expectsContinue, !hasBodyBytes {
            connection.output.append(HTTP1Serializer.continueLine)
            connection.flush()
        }
    }

    /// Hands the request to its handler.
    ///
    /// - Parameter closes: Whether the connection ends with the answer whatever the client asked for.
    func dispatch(closes: Bool) {
        guard let pending = pending.take() else { return }
        receivedAt = nil
        requestCount += 1
        let isLast = requestCount >= server.configuration.requestsPerConnection
        if isLast { server.metrics.close(.requestLimit) }
        answering = Answering(closes: closes || isLast || !pending.keepsAlive, minorVersion: pending.minorVersion)
        let exchange = Exchange(
            channel: self,
            server: server,
            method: pending.request.method,
            route: pending.route,
            receivedAt: pending.request.receivedAt
        )
        self.exchange = exchange
        phase = incoming == nil ? .busy : .streaming
        connection.setDeadline(server.loop.turnBegan &+ pending.route.timeoutNanoseconds)
        exchange.run(pending.request)
    }

    /// The exchange at hand has written its answer.
    func finished(now: UInt64) {
        guard phase == .busy || phase == .streaming else { return }
        endBody(failing: PeerGone())
        exchange = nil
        if answering.closes || hasInputEnded || server.isDraining {
            phase = .finished
            connection.closeAfterOutput()
            return
        }
        phase = .header
        connection.pauseReading(false)
        connection.setDeadline(now &+ server.idleNanoseconds)
        exchangeEnded()
    }

    func refuse(_ refusal: HTTPRefusal) {
        server.metrics.refuse(refusal.rawValue)
        if phase == .streaming {
            let hasBegunAnswer = answering.framing != nil
            exchange?.abandon()
            exchange = nil
            endBody(failing: refusal)
            if hasBegunAnswer { return connection.close(.brokenBody) }
        }
        let phrase = HTTPResponse.reasonPhrase(refusal.status)
        let response = HTTPResponse.text(refusal.status, "\(phrase) (\(refusal.rawValue))\n")
        _ = server.append(
            response,
            framing: .length(response.body.length ?? 0),
            closes: true,
            saysKeepAlive: false,
            to: &connection.output
        )
        if case .bytes(let bytes) = response.body { connection.output.append(bytes) }
        phase = .finished
        connection.closeAfterOutput()
    }
}
