internal import HTTP

/// How HTTP/1 writes the answer at hand.
extension HTTP1Session: AnswerChannel {
    struct Answering {
        /// Whether the connection ends after this answer.
        var closes = false
        /// 0 or 1, of the request.
        var minorVersion = 1
        /// How the body is framed, once the header is written.
        var framing: HTTP1Serializer.Framing?

        /// Whether the header said how long the body is.
        var hasLength: Bool { framing != .chunked && framing != .untilClose }
    }

    var hasRoom: Bool { connection.output.count < server.configuration.outputBytes }

    func begin(_ response: HTTPResponse, length: Int64?, hasBody: Bool) -> Bool {
        let isWithoutBody = response.status == 204 || response.status == 304
        let framing: HTTP1Serializer.Framing =
            if isWithoutBody { .none } else if let length { .length(length) } else if answering.minorVersion == 0 {
                .untilClose
            } else { .chunked }
        // A body that has not been read to its end hides where the next request begins.
        if framing == .untilClose || server.isDraining || response.saysClose || isReadingBody {
            answering.closes = true
        }
        answering.framing = framing
        return server.append(
            response,
            framing: framing,
            closes: answering.closes,
            saysKeepAlive: answering.minorVersion == 0 && !answering.closes,
            to: &connection.output
        )
    }

    func append(_ bytes: [UInt8]) {
        guard answering.framing == .chunked else { return connection.output.append(bytes) }
        connection.output.append { HTTP1Serializer.appendChunkSize(bytes.count, to: &$0) }
        connection.output.append(bytes)
        connection.output.append { $0 += [13, 10] }
    }

    func end() {
        if answering.framing == .chunked { connection.output.append(HTTP1Serializer.lastChunk) }
    }

    func beginStreaming() {
        connection.setDeadline(nil)
    }

    func flush() {
        connection.flush()
    }

    /// The handler may still be at work on what came over this connection, so it ends with the answer.
    func distrust() {
        server.metrics.close(.handlerTimeout)
        answering.closes = true
    }

    /// Only a broken connection tells an HTTP/1 peer that the body is not whole.
    func breakOff() {
        connection.close(.brokenBody)
    }

    func handlerEnded() {}
}

extension HTTPResponse {
    var saysClose: Bool {
        fields["Connection"].map { HTTPSyntax.equalsIgnoringCase($0, "close") } ?? false
    }
}
