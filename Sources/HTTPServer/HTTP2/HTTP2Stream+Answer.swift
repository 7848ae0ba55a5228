internal import CNGHTTP2
internal import HTTP
internal import Time

/// How HTTP/2 writes the answer of one stream.
extension HTTP2Stream: AnswerChannel {

    var hasRoom: Bool {
        output.count == 0
            || (output.count < server.configuration.outputBytes
                && session.waitingBytes < session.shared.limits.outputBytes)
    }

    func begin(_ response: HTTPResponse, length: Int64?, hasBody: Bool) -> Bool {
        guard session.shared.fields.fill(response, length: length, date: server.currentDateLine()) else { return false }
        hasBegun = true
        guard !isClosed else { return true }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        var provider = unsafe cnghttp2_body(context, HTTP2Library.readBody)
        unsafe session.shared.fields.withFields { fields, count in
            if hasBody {
                _ = unsafe cnghttp2_submit_response(session.library, number, fields, count, &provider)
            } else {
                _ = unsafe cnghttp2_submit_response(session.library, number, fields, count, nil)
            }
        }
        return true
    }

    func append(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        if exchange?.isStreaming ?? false, output.count == 0 { expectProgress(from: Deadline.monotonicNow()) }
        output.append(bytes)
        session.waitingBytes += bytes.count
        resume()
    }

    func end() {
        hasEnded = true
        resume()
    }

    private func resume() {
        guard isDeferred, !isClosed else { return }
        isDeferred = false
        _ = unsafe nghttp2_session_resume_data(session.library, number)
    }

    func beginStreaming() {
        deadline = .max
    }

    func flush() {
        session.flush()
    }

    /// Only this stream is concerned: its handler can't touch what belongs to another.
    func distrust() {
        server.metrics.close(.handlerTimeout)
    }

    func breakOff() {
        server.metrics.close(.brokenBody)
        reset(NGHTTP2_INTERNAL_ERROR)
        session.flush()
    }

    func finished(now: UInt64) {
        endUpload(failing: PeerGone())
        expectProgress(from: now)
        session.flush()
    }

    func handlerEnded() {
        isHandlerAtWork = false
        session.handlersAtWork -= 1
        if isClosed {
            letGo()
            session.giveCreditBack()
            session.flush()
        }
    }

    /// What a DATA frame of at most so many bytes takes; nil if the handler has more to say but not yet.
    func nextBytes(atMost limit: Int) -> (count: Int, isLast: Bool)? {
        let count = min(limit, output.count)
        if count == 0, !hasEnded {
            isDeferred = true
            return nil
        }
        return (count, hasEnded && count == output.count)
    }

    func moveBytes(_ count: Int, to queue: inout OutputQueue, now: UInt64) {
        output.move(count, to: &queue)
        windowLeft -= count
        if output.count == 0, !hasEnded {
            deadline = .max
        } else if windowLeft <= 0 {
            expectProgress(from: Deadline.monotonicNow())
        }
    }
}
