internal import EventLoop
internal import HTTP
internal import Telemetry
internal import Time

/// One request being handled and its answer being written. Loop thread only.
final class Exchange: @unchecked Sendable {
    // @unchecked: touched on the loop's thread only. Handlers run there; a writer that does not is sent over.

    private enum Progress {
        case handling
        case streaming
        case done
    }

    /// Whether the connection ends after this answer.
    private(set) var closes: Bool
    /// How the answer's body is framed, once its header is written.
    private(set) var framing: HTTP1Serializer.Framing?
    private let session: HTTP1Session
    private let head: HTTP1Head
    private let route: Route
    private let receivedAt: UInt64
    private var progress = Progress.handling
    private var task: Task<Void, Never>?
    /// Bytes of the body that must still be written, if its length was announced.
    private var bytesLeft: Int64?
    private var waiter: CheckedContinuation<Void, any Error>?

    private var server: ServerCore { session.server }
    private var connection: Connection { session.connection }

    init(session: HTTP1Session, head: HTTP1Head, route: Route, receivedAt: UInt64, closes: Bool) {
        self.session = session
        self.head = head
        self.route = route
        self.receivedAt = receivedAt
        self.closes = closes
    }

    // MARK: - Handling

    /// Starts the handler, at once and on this thread; it often ends within this call.
    func run(_ request: HTTPRequest) {
        server.metrics.inFlight.add(1)
        let handler = route.handler
        // A task for each request, because only a task can be cancelled; it ends when the request's answer does, or is
        // cancelled with the connection.
        let task = Task.immediate(executorPreference: server.loop) { [self] in
            do {
                await answer(try await handler(request))
            } catch {
                server.reportFailure(error, route: route)
                await answer(.text(500, "Internal Server Error\n"))
            }
        }
        if progress != .done { self.task = task }
    }

    private func answer(_ response: HTTPResponse) async {
        guard progress == .handling else { return }  // Timed out or gone; nobody listens.
        switch response.body {
        case .none: write(response, body: [])
        case .bytes(let bytes): write(response, body: bytes)
        case .stream(let length, let produce): await stream(response, length: length, produce)
        case .file(let path, let offset, let length):
            do {
                let file = try await FileReader.open(path, offset: offset, length: length)
                await stream(response, length: length) { try await file.copy(to: $0) }
            } catch {
                server.reportFailure(error, route: route)
                write(.text(500, "Internal Server Error\n"), body: Array("Internal Server Error\n".utf8))
            }
        }
    }

    /// The route's time is over: the handler is cancelled and its client told. The connection ends, since the handler may
    /// still be at work on what came with it.
    func timeOut() {
        guard progress == .handling else { return }
        server.metrics.close(.handlerTimeout)
        closes = true
        var response = HTTPResponse.text(503, "The answer took too long.\n")
        response.fields["Retry-After"] = "1"
        task?.cancel()
        write(response, body: Array("The answer took too long.\n".utf8))
    }

    // MARK: - Writing

    private func write(_ response: HTTPResponse, body: [UInt8]) {
        guard progress == .handling else { return }
        guard writeHead(response, length: Int64(body.count)) else { return }
        if framing != HTTP1Serializer.Framing.none, head.method != .head { connection.output.append(body) }
        finish(response.status)
    }

    /// Writes status line and header, or a 500 in their place if they cannot be written; false in that case.
    private func writeHead(_ response: HTTPResponse, length: Int64?) -> Bool {
        let isWithoutBody = response.status == 204 || response.status == 304
        let framing: HTTP1Serializer.Framing =
            if isWithoutBody { .none } else if let length { .length(length) } else if head.minorVersion == 0 {
                .untilClose
            } else { .chunked }
        if framing == .untilClose || server.isDraining || response.saysClose { closes = true }
        self.framing = framing
        let saysKeepAlive = head.minorVersion == 0 && !closes
        if (200...599).contains(response.status),
            server.append(
                response,
                framing: framing,
                closes: closes,
                saysKeepAlive: saysKeepAlive,
                to: &connection.output
            )
        {
            return true
        }
        server.reportFailure(UnwritableResponse(), route: route)
        write(.text(500, "Internal Server Error\n"), body: Array("Internal Server Error\n".utf8))
        return false
    }

    private func finish(_ status: Int) {
        progress = .done
        task = nil
        server.metrics.inFlight.add(-1)
        let now = Deadline.monotonicNow()
        server.metrics.answered(route, method: head.method, status: status, nanoseconds: now &- receivedAt)
        session.finish(self, now: now)
    }

    // MARK: - Streaming

    private func stream(
        _ response: HTTPResponse,
        length: Int64?,
        _ produce: @Sendable (BodyWriter) async throws -> Void
    ) async {
        guard progress == .handling, writeHead(response, length: length) else { return }
        guard head.method != .head, framing != HTTP1Serializer.Framing.none else { return finish(response.status) }
        progress = .streaming
        bytesLeft = length
        connection.setDeadline(nil)
        connection.flush()
        do {
            try await produce(BodyWriter { [self] in try await write($0) })
            guard progress == .streaming else { return }
            guard bytesLeft ?? 0 == 0 else { throw WrongBodyLength() }
            if framing == .chunked { connection.output.append(HTTP1Serializer.lastChunk) }
            finish(response.status)
            connection.flush()
        } catch {
            guard progress == .streaming else { return }
            if !(error is CancellationError) { server.reportFailure(error, route: route) }
            // The header is out: only a broken connection can tell the peer that the body is not whole.
            connection.close(.brokenBody)
        }
    }

    /// A piece of a streamed body. Any thread; one at a time.
    private func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        if server.loop.isCurrent, try append(bytes) { return }
        let isAppended = server.loop.isCurrent
        try await withCheckedThrowingContinuation { continuation in
            server.loop.perform { [self] in
                do {
                    let mustWait = try isAppended || !append(bytes)
                    if mustWait { wait(continuation) } else { continuation.resume() }
                } catch { continuation.resume(throwing: error) }
            }
        }
    }

    private func wait(_ continuation: CheckedContinuation<Void, any Error>) {
        guard progress == .streaming, waiter == nil else { return continuation.resume(throwing: PeerGone()) }
        waiter = continuation
        outputMoved()
    }

    /// Adds a piece; true if there is room for more.
    private func append(_ bytes: [UInt8]) throws -> Bool {
        guard progress == .streaming else { throw PeerGone() }
        if let left = bytesLeft {
            guard Int64(bytes.count) <= left else { throw WrongBodyLength() }
            bytesLeft = left - Int64(bytes.count)
        }
        guard !bytes.isEmpty else { return true }  // An empty chunk would end the body.
        if framing == .chunked {
            connection.output.append { HTTP1Serializer.appendChunkSize(bytes.count, to: &$0) }
            connection.output.append(bytes)
            connection.output.append { $0 += [13, 10] }
        } else {
            connection.output.append(bytes)
        }
        connection.flush()
        guard progress == .streaming else { throw PeerGone() }
        return connection.output.count < server.configuration.outputBytes
    }

    /// Bytes have left: the writer may go on once there is room.
    func outputMoved() {
        guard connection.output.count < server.configuration.outputBytes else { return }
        waiter.take()?.resume()
    }

    /// The connection is gone.
    func abandon() {
        if progress != .done {
            server.metrics.inFlight.add(-1)
            server.metrics.answered(
                route,
                method: head.method,
                status: 0,
                nanoseconds: Deadline.monotonicNow() &- receivedAt
            )
        }
        progress = .done
        task?.cancel()
        task = nil
        waiter.take()?.resume(throwing: PeerGone())
    }
}

/// The peer of a streamed answer has gone.
struct PeerGone: Error {}
/// A streamed body had another length than announced.
struct WrongBodyLength: Error {}
/// A response's status or a field cannot be written.
struct UnwritableResponse: Error {}

extension HTTPResponse {
    var saysClose: Bool {
        fields["Connection"].map { HTTPSyntax.equalsIgnoringCase($0, "close") } ?? false
    }
}
