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

    private let channel: any AnswerChannel
    private let server: ServerCore
    private let method: HTTPMethod
    private let route: Route
    private let receivedAt: UInt64
    private var progress = Progress.handling
    private var task: Task<Void, Never>?
    /// Bytes of the body that must still be written, if its length was announced.
    private var bytesLeft: Int64?
    private var waiter: CheckedContinuation<Void, any Error>?

    /// - Parameter receivedAt: The request's (`HTTPRequest.receivedAt`).
    init(channel: any AnswerChannel, server: ServerCore, method: HTTPMethod, route: Route, receivedAt: UInt64) {
        self.channel = channel
        self.server = server
        self.method = method
        self.route = route
        self.receivedAt = receivedAt
    }

    /// Whether a streamed body is on its way.
    var isStreaming: Bool { progress == .streaming }

    // MARK: - Handling

    /// Starts the handler, at once and on this thread; it often ends within this call.
    func run(_ request: HTTPRequest) {
        server.metrics.inFlight.add(1)
        if let deferred = route.deferred {
            let reply = Reply { [self] response in server.loop.perform { [self] in answer(deferred: response) } }
            return deferred(request, reply)
        }
        let handler = route.handler
        var request = request
        if route.isStreamed, request.stream == nil {
            request.stream = IncomingBody.reader(of: request.body, on: server.loop)
            request.body = []
        }
        // A task for each request, because only a task can be cancelled; it ends when the request's answer does, or is
        // cancelled with the connection.
        let task = Task.immediate(executorPreference: server.loop) { [self, request] in
            do {
                await answer(try await handler(request))
            } catch {
                fail(error)
            }
            channel.handlerEnded()
        }
        if progress != .done { self.task = task }
    }

    private func answer(deferred response: HTTPResponse) {
        switch response.body {
        case .none, .bytes: write(response)
        case .stream, .file: fail(UnwritableResponse())
        }
        channel.handlerEnded()
    }

    private func answer(_ response: HTTPResponse) async {
        guard progress == .handling else { return }  // Timed out or gone; nobody listens.
        switch response.body {
        case .none, .bytes: write(response)
        case .stream(let length, let produce): await stream(response, length: length, produce)
        case .file(let path, let offset, let length):
            do {
                let file = try await FileReader.open(path, offset: offset, length: length)
                await stream(response, length: length) { try await file.copy(to: $0) }
            } catch {
                fail(error)
            }
        }
    }

    /// The route's time is over: the handler is cancelled and its client told.
    func timeOut() {
        guard progress == .handling else { return }
        channel.distrust()
        var response = HTTPResponse.text(503, "The answer took too long.\n")
        response.fields["Retry-After"] = "1"
        task?.cancel()
        write(response)
    }

    // MARK: - Writing

    /// Writes a response that is at hand as a whole.
    private func write(_ response: HTTPResponse) {
        guard progress == .handling else { return }
        let body: [UInt8] = if case .bytes(let bytes) = response.body { bytes } else { [] }
        let hasBody = mayHaveBody(response) && !body.isEmpty
        guard begin(response, length: Int64(body.count), hasBody: hasBody) else { return }
        if hasBody {
            channel.append(body)
            channel.end()
        }
        finish(response.status)
    }

    private func mayHaveBody(_ response: HTTPResponse) -> Bool {
        method != .head && response.status != 204 && response.status != 304
    }

    /// Writes the header, or a 500 in its place if it can't be written; false in that case.
    private func begin(_ response: HTTPResponse, length: Int64?, hasBody: Bool) -> Bool {
        if (200...599).contains(response.status), channel.begin(response, length: length, hasBody: hasBody) {
            return true
        }
        fail(UnwritableResponse())
        return false
    }

    /// Logs what went wrong and writes a 500, unless an answer has begun.
    private func fail(_ error: any Error) {
        server.reportFailure(error, route: route)
        write(.serverError)
    }

    private func finish(_ status: Int) {
        progress = .done
        task = nil
        server.metrics.inFlight.add(-1)
        let now = Deadline.monotonicNow()
        server.metrics.answered(route, method: method, status: status, nanoseconds: now &- receivedAt)
        channel.finished(now: now)
    }

    // MARK: - Streaming

    private func stream(
        _ response: HTTPResponse,
        length: Int64?,
        _ produce: @Sendable (BodyWriter) async throws -> Void
    ) async {
        let hasBody = mayHaveBody(response)
        guard progress == .handling, begin(response, length: length, hasBody: hasBody) else { return }
        guard hasBody else { return finish(response.status) }
        progress = .streaming
        bytesLeft = length
        channel.beginStreaming()
        channel.flush()
        do {
            try await produce(BodyWriter { [self] in try await write($0) })
            guard progress == .streaming else { return }
            guard bytesLeft ?? 0 == 0 else { throw WrongBodyLength() }
            channel.end()
            finish(response.status)
            channel.flush()
        } catch {
            guard progress == .streaming else { return }
            if !(error is CancellationError) { server.reportFailure(error, route: route) }
            channel.breakOff()
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
        guard !bytes.isEmpty else { return true }
        channel.append(bytes)
        channel.flush()
        guard progress == .streaming else { throw PeerGone() }
        return channel.hasRoom
    }

    /// Bytes have left: the writer may go on once there is room.
    func outputMoved() {
        guard waiter != nil, channel.hasRoom else { return }
        waiter.take()?.resume()
    }

    /// The connection is gone.
    func abandon() {
        if progress != .done {
            server.metrics.inFlight.add(-1)
            server.metrics.answered(
                route,
                method: method,
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
